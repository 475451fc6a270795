with

dates as (select * from {{ ref('stg_sales__dates') }}),

-- From the date itself: date_dim has a wrong day of week on 59 days and another quarter on 450 of its 73,049 days,
-- and its weekend is Friday and Saturday.
dated as (

    select
        date_sk,
        calendar_date,
        {{ week_start('calendar_date') }} as week_start_date,
        cast({{ day_of_week('calendar_date') }} as bigint) as day_of_week,
        cast(month(calendar_date) as bigint) as month_of_year,
        cast(quarter(calendar_date) as bigint) as quarter_of_year,
        cast(year(calendar_date) as bigint) as calendar_year

    from dates

),

named as (

    select
        date_sk,
        calendar_date,
        week_start_date,
        case day_of_week
            when 0 then 'Sunday'
            when 1 then 'Monday'
            when 2 then 'Tuesday'
            when 3 then 'Wednesday'
            when 4 then 'Thursday'
            when 5 then 'Friday'
            when 6 then 'Saturday'
        end as day_name,
        day_of_week,
        month_of_year,
        quarter_of_year,
        calendar_year,
        day_of_week in (0, 6) as is_weekend

    from dated

)

select * from named
