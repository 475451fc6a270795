with

warehouses as (select * from {{ ref('stg_sales__warehouses') }}),

members as (

    select
        warehouse_sk,
        warehouse_id,
        warehouse_name,
        square_feet,
        city,
        county,
        state,
        zip,
        country,
        gmt_offset

    from warehouses

    union all

    -- Where the source names no warehouse: kept, so that totals reconcile.
    select
        -1 as warehouse_sk,
        null as warehouse_id,
        'unallocated' as warehouse_name,
        null as square_feet,
        null as city,
        null as county,
        null as state,
        null as zip,
        null as country,
        null as gmt_offset

)

select * from members
