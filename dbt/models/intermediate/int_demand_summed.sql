{#
    A table, because the fact meets it row by row. The four weeks are summed by adding each day's sales to its own week
    and to the three after: 8.4 M rows grouped at scale 1. A window over the 11.76 M rows of the fact would sort them
    all, three joins of the fact to its own past cost half as much again.
#}
{{ config(materialized='table') }}

with

sold as (select * from {{ ref('int_daily_sales_summed') }}),

returned as (select * from {{ ref('int_return_lines_checked') }}),

inputs as (select * from {{ ref('int_partition_inputs') }}),

touched as (

    select week_start_date
    from inputs
    where table_name = 'fct_weekly_sales_inventory' and is_touched

),

movements as (

    select
        warehouse_sk,
        item_id,
        week_start_date,
        1 as is_movement,
        catalog_qty + web_qty as qty,
        catalog_amt + web_amt as amt,
        catalog_profit + web_profit as profit,
        0 as ret_qty,
        0 as ret_amt,
        catalog_qty + web_qty as qty_4w

    from sold

    {% for days_later in [7, 14, 21] %}
    union all

    select
        warehouse_sk,
        item_id,
        cast(week_start_date + {{ days_later }} as date) as week_start_date,
        0 as is_movement,
        0 as qty,
        0 as amt,
        0 as profit,
        0 as ret_qty,
        0 as ret_amt,
        catalog_qty + web_qty as qty_4w

    from sold

    {% endfor %}
    union all

    select
        coalesce(warehouse_sk, -1) as warehouse_sk,
        item_id,
        {{ week_start('returned_date') }} as week_start_date,
        1 as is_movement,
        0 as qty,
        0 as amt,
        0 as profit,
        coalesce(quantity, 0) as ret_qty,
        coalesce(amount, 0) as ret_amt,
        0 as qty_4w

    from returned
    where check_id is null

),

weekly as (

    select
        movements.warehouse_sk,
        movements.item_id,
        movements.week_start_date,
        max(movements.is_movement) = 1 as has_movement,
        cast(sum(movements.qty) as bigint) as sum_qty_wk,
        cast(sum(movements.amt) as decimal(15, 2)) as sum_amt_wk,
        cast(sum(movements.profit) as decimal(15, 2)) as sum_profit_wk,
        cast(sum(movements.ret_qty) as bigint) as ret_qty_wk,
        cast(sum(movements.ret_amt) as decimal(15, 2)) as ret_amt_wk,
        cast(sum(movements.qty_4w) as bigint) as sum_qty_4w

    from movements
    inner join touched on movements.week_start_date = touched.week_start_date
    group by 1, 2, 3

)

select * from weekly
