with

items as (select * from {{ source('sales', 'item') }}),

cleaned as (

    select
        items.i_item_sk as item_sk,
        trim(items.i_item_id) as item_id,
        items.i_rec_start_date as recorded_from,
        items.i_rec_end_date as recorded_to,
        trim(items.i_item_desc) as item_desc,
        {{ money('items.i_current_price', 'decimal(7, 2)') }} as current_price,
        {{ money('items.i_wholesale_cost', 'decimal(7, 2)') }} as wholesale_cost,
        items.i_brand_id as brand_id,
        trim(items.i_brand) as brand,
        items.i_class_id as class_id,
        trim(items.i_class) as class,
        items.i_category_id as category_id,
        trim(items.i_category) as category,
        items.i_manufact_id as manufact_id,
        trim(items.i_manufact) as manufact,
        trim(items.i_size) as size,
        trim(items.i_formulation) as formulation,
        trim(items.i_color) as color,
        trim(items.i_units) as units,
        trim(items.i_container) as container,
        items.i_manager_id as manager_id,
        trim(items.i_product_name) as product_name

    from items

)

select * from cleaned
