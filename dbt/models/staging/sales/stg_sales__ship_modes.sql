with

ship_modes as (select * from {{ source('sales', 'ship_mode') }}),

cleaned as (

    select
        ship_modes.sm_ship_mode_sk as ship_mode_sk,
        trim(ship_modes.sm_ship_mode_id) as ship_mode_id,
        trim(ship_modes.sm_type) as ship_mode_type,
        trim(ship_modes.sm_code) as ship_mode_code,
        trim(ship_modes.sm_carrier) as carrier,
        trim(ship_modes.sm_contract) as contract

    from ship_modes

)

select * from cleaned
