with

catalog_returns as (select * from {{ ref('stg_sales__catalog_returns') }}),

web_returns as (select * from {{ ref('stg_sales__web_returns') }}),

web_lines as (select * from {{ ref('stg_sales__web_lines') }}),

items as (select * from {{ ref('stg_sales__items') }}),

warehouses as (select * from {{ ref('stg_sales__warehouses') }}),

lines as (

    select
        'catalog' as channel,
        item_sk,
        order_number,
        returned_date_sk,
        returned_date,
        warehouse_sk,
        quantity,
        amount,
        broken_rule

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
        web_returns.amount,
        web_returns.broken_rule

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
            when items.item_id is null then 'item_is_known'
            when lines.warehouse_sk is not null and warehouses.warehouse_sk is null then 'warehouse_is_known'
            when lines.returned_date is null then 'date_is_known'
            else lines.broken_rule
        end as check_id

    from lines
    left join items on lines.item_sk = items.item_sk
    left join warehouses on lines.warehouse_sk = warehouses.warehouse_sk

)

select * from checked
