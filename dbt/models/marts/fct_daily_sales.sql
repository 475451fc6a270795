with

daily as (select * from {{ ref('int_daily_sales_summed') }}),

inputs as (select * from {{ ref('int_partition_inputs') }}),

touched as (

    select daily.*

    from daily
    inner join inputs on daily.week_start_date = inputs.week_start_date
    where inputs.table_name = 'fct_daily_sales' and inputs.is_touched

)

select * from touched
