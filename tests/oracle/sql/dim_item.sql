-- A revision that reaches back to the beginning of time has no valid_from. Blanks around a text are no part of it.
create or replace table oracle.dim_item as
select
    revisions.item_sk::bigint as item_sk,
    revisions.item_id::varchar as item_id,
    nullif(revisions.valid_from, date '0001-01-01') as valid_from,
    nullif(
        lead(revisions.valid_from) over (partition by revisions.item_id order by revisions.item_sk),
        date '0001-01-01'
    ) as valid_to,
    revisions.item_sk = max(revisions.item_sk) over (partition by revisions.item_id) as is_current,
    trim(i_item_desc) as item_desc,
    i_current_price::decimal(7, 2) as current_price,
    i_wholesale_cost::decimal(7, 2) as wholesale_cost,
    i_brand_id::bigint as brand_id,
    trim(i_brand) as brand,
    i_class_id::bigint as class_id,
    trim(i_class) as class,
    i_category_id::bigint as category_id,
    trim(i_category) as category,
    i_manufact_id::bigint as manufact_id,
    trim(i_manufact) as manufact,
    trim(i_size) as size,
    trim(i_formulation) as formulation,
    trim(i_color) as color,
    trim(i_units) as units,
    trim(i_container) as container,
    i_manager_id::bigint as manager_id,
    trim(i_product_name) as product_name
from {source}.item
inner join oracle.revisions on revisions.item_sk = i_item_sk;
