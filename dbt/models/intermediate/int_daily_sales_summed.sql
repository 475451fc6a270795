{# A table, because two facts are made of it: the days of the touched weeks, and of the three weeks before them. #}
{{ config(materialized='table') }}

with

lines as (select * from {{ ref('int_sales_lines_checked') }}),

inputs as (select * from {{ ref('int_partition_inputs') }}),

touched as (

    select week_start_date
    from inputs
    where is_touched

    {% for days_before in [7, 14, 21] %}
    union distinct

    select cast(week_start_date - {{ days_before }} as date) as week_start_date
    from inputs
    where is_touched and table_name = 'fct_weekly_sales_inventory'
    {% endfor %}
),

placed as (

    select
        coalesce(lines.warehouse_sk, -1) as warehouse_sk,
        lines.item_id,
        lines.sold_date,
        touched.week_start_date,
        lines.channel,
        lines.quantity,
        lines.amount,
        lines.profit

    from lines
    inner join touched on {{ week_start('lines.sold_date') }} = touched.week_start_date
    where lines.check_id is null

),

daily as (

    select
        warehouse_sk,
        item_id,
        sold_date,
        week_start_date,
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
