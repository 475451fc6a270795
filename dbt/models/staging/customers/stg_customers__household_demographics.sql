with

households as (select * from {{ source('customers', 'household_demographics') }}),

cleaned as (

    select
        households.hd_demo_sk as household_demographics_sk,
        households.hd_income_band_sk as income_band_sk,
        trim(households.hd_buy_potential) as buy_potential,
        households.hd_dep_count as household_dependents,
        households.hd_vehicle_count as vehicles

    from households

)

select * from cleaned
