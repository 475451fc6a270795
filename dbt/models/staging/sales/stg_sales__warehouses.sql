with

warehouses as (select * from {{ source('sales', 'warehouse') }}),

cleaned as (

    select
        warehouses.w_warehouse_sk as warehouse_sk,
        trim(warehouses.w_warehouse_id) as warehouse_id,
        trim(warehouses.w_warehouse_name) as warehouse_name,
        warehouses.w_warehouse_sq_ft as square_feet,
        trim(warehouses.w_street_number) as street_number,
        trim(warehouses.w_street_name) as street_name,
        trim(warehouses.w_street_type) as street_type,
        trim(warehouses.w_suite_number) as suite_number,
        trim(warehouses.w_city) as city,
        trim(warehouses.w_county) as county,
        trim(warehouses.w_state) as state,
        trim(warehouses.w_zip) as zip,
        trim(warehouses.w_country) as country,
        {{ money('warehouses.w_gmt_offset', 'decimal(5, 2)') }} as gmt_offset

    from warehouses

)

select * from cleaned
