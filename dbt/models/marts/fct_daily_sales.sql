with

lines as (select * from {{ ref('int_sales_lines_checked') }}),

placed as (

    select
        coalesce(warehouse_sk, -1) as warehouse_sk,
        item_id,
        sold_date,
        channel,
        quantity,
        amount,
        profit

    from lines
    where check_id is null

),

daily as (

    select
        warehouse_sk,
        item_id,
        sold_date,
        {{ week_start('sold_date') }} as week_start_date,
        count(case when channel = 'catalog' then 1 end) as catalog_lines,
        count(case when channel = 'catalog' and quantity is null then 1 end) as catalog_unknown_qty_lines,
        cast(coalesce(sum(case when channel = 'catalog' then quantity end), 0) as bigint) as catalog_qty,
        cast(coalesce(sum(case when channel = 'catalog' then amount end), 0) as decimal(15, 2)) as catalog_amt,
        cast(coalesce(sum(case when channel = 'catalog' then profit end), 0) as decimal(15, 2)) as catalog_profit,
        count(case when channel = 'web' then 1 end) as web_lines,
        count(case when channel = 'web' and quantity is null then 1 end) as web_unknown_qty_lines,
        cast(coalesce(sum(case when channel = 'web' then quantity end), 0) as bigint) as web_qty,
        cast(coalesce(sum(case when channel = 'web' then amount end), 0) as decimal(15, 2)) as web_amt,
        cast(coalesce(sum(case when channel = 'web' then profit end), 0) as decimal(15, 2)) as web_profit

    from placed
    group by 1, 2, 3, 4

)

select * from daily
