-- What every run reads whatever has arrived: each line of the history once, in few columns, for one digest a week.
-- (int_partition_inputs, in the small: md5 for each engine's own hash, and weeks as the source numbers them.)
select
    calendar.d_week_seq as week_number,
    count(*) as line_count,
    max(md5(lines.cs_item_sk || '|' || lines.cs_order_number || '|' || coalesce(lines.cs_quantity, -1))) as digest
from raw_sales.catalog_sales as lines
inner join raw_sales.date_dim as calendar on lines.cs_sold_date_sk = calendar.d_date_sk
group by calendar.d_week_seq
