with

snapshots as (select * from {{ ref('stg_inventory__snapshots') }}),

closing_days as (select * from {{ ref('int_closing_days_picked') }}),

items as (select * from {{ ref('stg_sales__items') }}),

closing_snapshots as (

    select
        snapshots.warehouse_sk,
        items.item_id,
        closing_days.week_start_date,
        closing_days.snapshot_date,
        snapshots.quantity_on_hand

    from snapshots
    inner join closing_days on snapshots.snapshot_date = closing_days.snapshot_date
    inner join items on snapshots.item_sk = items.item_sk

)

select * from closing_snapshots
