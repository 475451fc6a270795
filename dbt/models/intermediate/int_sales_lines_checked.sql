with

catalog_lines as (select * from {{ ref('stg_sales__catalog_lines') }}),

web_lines as (select * from {{ ref('stg_sales__web_lines') }}),

items as (select * from {{ ref('stg_sales__items') }}),

warehouses as (select * from {{ ref('stg_sales__warehouses') }}),

lines as (

    {% for channel in ['catalog', 'web'] %}
    select
        '{{ channel }}' as channel,
        item_sk,
        order_number,
        sold_date_sk,
        sold_date,
        warehouse_sk,
        quantity,
        coalesce(ext_sales_price, cast(quantity * sales_price as decimal(15, 2))) as amount,
        net_profit as profit,
        broken_rule

    from {{ channel }}_lines
    {{ 'union all' if not loop.last }}
    {% endfor %}

),

checked as (

    select
        lines.*,
        items.item_id,
        case
            when lines.sold_date_sk is null then 'sold_date_missing'
            when items.item_id is null then 'item_is_known'
            when lines.warehouse_sk is not null and warehouses.warehouse_sk is null then 'warehouse_is_known'
            when lines.sold_date is null then 'date_is_known'
            else lines.broken_rule
        end as check_id

    from lines
    left join items on lines.item_sk = items.item_sk
    left join warehouses on lines.warehouse_sk = warehouses.warehouse_sk

)

select * from checked
