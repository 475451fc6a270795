with

items as (select * from {{ ref('stg_sales__items') }}),

revisions as (select * from {{ ref('int_items_dated') }}),

described as (

    select
        items.item_sk,
        items.item_id,
        nullif(revisions.valid_from, cast('0001-01-01' as date)) as valid_from,
        revisions.valid_to,
        revisions.valid_to is null as is_current,
        items.item_desc,
        items.current_price,
        items.wholesale_cost,
        items.brand_id,
        items.brand,
        items.class_id,
        items.class,
        items.category_id,
        items.category,
        items.manufact_id,
        items.manufact,
        items.size,
        items.formulation,
        items.color,
        items.units,
        items.container,
        items.manager_id,
        items.product_name

    from items
    inner join revisions on items.item_sk = revisions.item_sk

)

select * from described
