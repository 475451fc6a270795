with

income_bands as (select * from {{ source('customers', 'income_band') }}),

cleaned as (

    select
        income_bands.ib_income_band_sk as income_band_sk,
        income_bands.ib_lower_bound as income_lower_bound,
        income_bands.ib_upper_bound as income_upper_bound

    from income_bands

)

select * from cleaned
