{{ config(alias='return_lines') }}

with

lines as (select * from {{ ref('int_return_lines_checked') }}),

unplaceable as (

    select
        cast('{{ var("run_id", invocation_id) }}' as varchar) as run_id,
        channel,
        item_sk,
        order_number,
        check_id,
        case check_id
            when 'returned_date_missing' then 'the line has no returned date'
            when 'returned_date_unknown' then 'the returned date key is not in date_dim'
            when 'item_unknown' then 'the item key is not in item'
        end as reason,
        quantity,
        amount,
        returned_date_sk as date_sk,
        warehouse_sk

    from lines
    where check_id is not null

)

select * from unplaceable
