with

dates as (select * from {{ source('sales', 'date_dim') }}),

cleaned as (

    select
        dates.d_date_sk as date_sk,
        trim(dates.d_date_id) as date_id,
        dates.d_date as calendar_date

    from dates

)

select * from cleaned
