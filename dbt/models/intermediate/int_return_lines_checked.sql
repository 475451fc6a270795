with

catalog_returns as (select * from {{ ref('stg_sales__catalog_returns') }}),

web_returns as (select * from {{ ref('stg_sales__web_returns') }}),

web_lines as (select * from {{ ref('stg_sales__web_lines') }}),

items as (select * from {{ ref('stg_sales__items') }}),

lines as (

    select
        'catalog' as channel,
        item_sk,
        order_number,
        returned_date_sk,
        returned_date,
        warehouse_sk,
        quantity,
        amount

    from catalog_returns

    union all

    -- A web return does not say where it came from: its sale does.
    select
        'web' as channel,
        web_returns.item_sk,
        web_returns.order_number,
        web_returns.returned_date_sk,
        web_returns.returned_date,
        web_lines.warehouse_sk,
        web_returns.quantity,
        web_returns.amount

    from web_returns
    left join web_lines
        on
            web_returns.item_sk = web_lines.item_sk
            and web_returns.order_number = web_lines.order_number

),

checked as (

    select
        lines.*,
        items.item_id,
        case
            when lines.returned_date_sk is null then 'returned_date_missing'
            when lines.returned_date is null then 'returned_date_unknown'
            when items.item_id is null then 'item_unknown'
        end as check_id

    from lines
    left join items on lines.item_sk = items.item_sk

)

select * from checked
