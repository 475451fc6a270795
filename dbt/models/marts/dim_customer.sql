{#
    Slowly changing, and still a pure function: of the revisions readers see now and of the source as it stands. Not a
    dbt snapshot, which would change its history before the gates have judged the change.
#}
with

published as (select * exclude (publication_id) from {{ source('published', 'dim_customer') }}),

today as (select * from {{ ref('int_customers_integrated') }}),

unchanged as (

    select today.customer_sk

    from today
    inner join published
        on
            today.customer_sk = published.customer_sk
            and today.row_digest = published.row_digest
    where published.is_current

),

compared as (

    select
        published.*,
        unchanged.customer_sk is not null as is_unchanged,
        today.customer_sk is not null as says_the_same

    from published
    left join unchanged on published.customer_sk = unchanged.customer_sk
    left join today
        on
            published.customer_sk = today.customer_sk
            and published.row_digest = today.row_digest

),

-- A changed customer goes back to how the day began: what an earlier run of this business date opened is dropped,
-- what it closed is open again. Then the source is applied. So a second run of a day replaces the first, and no
-- revision is ever of zero length.
settled as (

    select
        * exclude (valid_to, is_current, is_unchanged, says_the_same),
        case
            when is_unchanged or valid_to < {{ business_date() }} then valid_to
            when not says_the_same then {{ business_date() }}
        end as valid_to

    from compared
    where is_unchanged or valid_from < {{ business_date() }}

),

still_open as (select customer_sk from settled where valid_to is null),

opened as (

    select
        today.*,
        {{ business_date() }} as valid_from,
        cast(null as date) as valid_to

    from today
    left join still_open on today.customer_sk = still_open.customer_sk
    where still_open.customer_sk is null

),

revisions as (

    select * from settled
    union all
    select * from opened

),

flagged as (

    select
        *,
        valid_to is null as is_current

    from revisions

)

select * from flagged
