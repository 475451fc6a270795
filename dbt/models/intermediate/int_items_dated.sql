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

-- In force on a day is the last revision, by item_sk, that had begun; before any had, the first one is. Said as
-- intervals that leave no day out and share none: a revision ends where any later one begins.
in_force as (

    select
        dated.item_sk,
        dated.item_id,
        dated.valid_from,
        lead(dated.valid_from) over (partition by dated.item_id order by dated.item_sk) as valid_to,
        case
            when row_number() over (partition by dated.item_id order by dated.item_sk) = 1
                then cast('0001-01-01' as date)
            else dated.valid_from
        end as in_force_from,
        coalesce(
            min(dated.valid_from) over (
                partition by dated.item_id
                order by dated.item_sk
                rows between 1 following and unbounded following
            ),
            cast('9999-12-31' as date)
        ) as in_force_until

    from dated

)

select * from in_force
