-- What a run would read if only one week were asked for, by the key that the source stores: 2000-12-17 to 23.
select
    count(*) as line_count,
    sum(cs_quantity) as units
from raw_sales.catalog_sales
where cs_sold_date_sk between 2451896 and 2451902
