create or replace table oracle.fct_daily_sales as
select
    coalesce(lines.warehouse_sk, -1)::bigint as warehouse_sk,
    names.item_id::varchar as item_id,
    lines.day as sold_date,
    oracle.week_start(lines.day) as week_start_date,
    (count(*) filter (where channel = 'catalog'))::bigint as catalog_lines,
    (count(*) filter (where channel = 'catalog' and quantity is null))::bigint as catalog_unknown_qty_lines,
    coalesce(sum(quantity) filter (where channel = 'catalog'), 0)::bigint as catalog_qty,
    oracle.money(coalesce(sum(amount_cents) filter (where channel = 'catalog'), 0)) as catalog_amt,
    oracle.money(coalesce(sum(profit_cents) filter (where channel = 'catalog'), 0)) as catalog_profit,
    (count(*) filter (where channel = 'web'))::bigint as web_lines,
    (count(*) filter (where channel = 'web' and quantity is null))::bigint as web_unknown_qty_lines,
    coalesce(sum(quantity) filter (where channel = 'web'), 0)::bigint as web_qty,
    oracle.money(coalesce(sum(amount_cents) filter (where channel = 'web'), 0)) as web_amt,
    oracle.money(coalesce(sum(profit_cents) filter (where channel = 'web'), 0)) as web_profit
from oracle.sales_lines as lines
inner join oracle.revisions as names on names.item_sk = lines.item_sk
where lines.published
group by coalesce(lines.warehouse_sk, -1), names.item_id, lines.day;
