{{ config(alias='return_lines') }}

with

lines as (select * from {{ ref('int_return_lines_checked') }}),

set_aside as (

    select
        cast('{{ var("run_id", invocation_id) }}' as varchar) as run_id,
        channel,
        item_sk,
        order_number,
        check_id,
        case
            when check_id = 'returned_date_missing' then 'the line has no returned date'
            else 'the line breaks a rule: ' || {{ rule_in_words('check_id') }}
        end as reason,
        quantity,
        amount,
        returned_date_sk as date_sk,
        warehouse_sk

    from lines
    where check_id is not null

)

select * from set_aside
