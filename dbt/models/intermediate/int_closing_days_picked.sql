with

snapshots as (select * from {{ ref('stg_inventory__snapshots') }}),

snapshot_days as (

    select distinct snapshot_date

    from snapshots
    where snapshot_date is not null

),

closing_days as (

    select
        {{ week_start('snapshot_date') }} as week_start_date,
        max(snapshot_date) as snapshot_date

    from snapshot_days
    group by 1

)

select * from closing_days
