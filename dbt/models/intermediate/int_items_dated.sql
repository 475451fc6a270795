with

items as (select * from {{ ref('stg_sales__items') }}),

-- The source leaves some dates out; the revision before then tells when this one began.
dated as (

    select
        items.item_sk,
        items.item_id,
        coalesce(
            items.recorded_from,
            lag(items.recorded_to) over (partition by items.item_id order by items.item_sk) + 1,
            cast('0001-01-01' as date)
        ) as valid_from

    from items

),

followed as (

    select
        item_sk,
        item_id,
        valid_from,
        row_number() over (partition by item_id order by item_sk) as revision,
        lead(valid_from) over (partition by item_id order by item_sk) as valid_to,
        min(valid_from) over (
            partition by item_id
            order by item_sk desc
            rows between unbounded preceding and current row
        ) as this_or_later_from

    from dated

),

-- In force on a day is the last revision, by item_sk, that had begun; before any had, the first one is. Said as
-- intervals that leave no day out and share none: a revision ends where any later one begins.
in_force as (

    select
        item_sk,
        item_id,
        valid_from,
        valid_to,
        case when revision = 1 then cast('0001-01-01' as date) else valid_from end as in_force_from,
        coalesce(
            lead(this_or_later_from) over (partition by item_id order by item_sk),
            cast('9999-12-31' as date)
        ) as in_force_until

    from followed

)

select * from in_force
