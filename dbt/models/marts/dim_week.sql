with

inputs as (select * from {{ ref('int_partition_inputs') }}),

dates as (select * from {{ ref('stg_sales__dates') }}),

history as (

    select
        min(week_start_date) as first_week,
        max(week_start_date) as last_week

    from inputs
    where table_name = 'fct_weekly_sales_inventory'

),

weeks as (

    select distinct {{ week_start('dates.calendar_date') }} as week_start_date

    from dates
    cross join history
    where
        dates.calendar_date >= history.first_week
        and dates.calendar_date < history.last_week + 7

),

labelled as (

    select
        week_start_date,
        cast(week_start_date + 6 as date) as week_end_date,
        cast(year(week_start_date + 6) as bigint) as week_year,
        {{ week_num('week_start_date + 6') }} as week_num,
        week_start_date + 6 <= {{ business_date() }} as is_complete_week

    from weeks

)

select * from labelled
