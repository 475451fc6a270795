with

snapshots as (select * from {{ source('inventory', 'inventory') }}),

dates as (select * from {{ ref('stg_sales__dates') }}),

cleaned as (

    select
        snapshots.inv_date_sk as snapshot_date_sk,
        dates.calendar_date as snapshot_date,
        snapshots.inv_item_sk as item_sk,
        snapshots.inv_warehouse_sk as warehouse_sk,
        snapshots.inv_quantity_on_hand as quantity_on_hand

    from snapshots
    left join dates on snapshots.inv_date_sk = dates.date_sk

)

select * from cleaned
where snapshot_date is null or snapshot_date <= {{ business_date() }}
