-- run_id, check_id and reason are the pipeline's own words: the oracle cannot know them.
create or replace table oracle.quarantined_sales_lines as
select
    null::varchar as run_id,
    channel::varchar as channel,
    item_sk::bigint as item_sk,
    order_number::bigint as order_number,
    null::varchar as check_id,
    null::varchar as reason,
    quantity::bigint as quantity,
    oracle.money(amount_cents) as amount,
    oracle.money(profit_cents) as profit,
    date_sk::bigint as date_sk,
    warehouse_sk::bigint as warehouse_sk
from oracle.sales_lines
where not published;
