-- Rows that the current publication serves, of all rows that are kept for publications that can still be read.
with

kept as (

    select
        'fct_weekly_sales_inventory' as table_name,
        count(*) as rows_kept
    from store.fct_weekly_sales_inventory
    union all
    select
        'fct_daily_sales' as table_name,
        count(*) as rows_kept
    from store.fct_daily_sales
    union all
    select
        'dim_customer' as table_name,
        count(*) as rows_kept
    from store.dim_customer

)

select
    kept.table_name,
    kept.rows_kept,
    sum(manifest.row_count) as rows_served
from kept
inner join ops.manifest as manifest on kept.table_name = manifest.table_name
inner join ops.pointer as pointer on manifest.publication_id = pointer.publication_id
where pointer.name = 'current'
group by kept.table_name, kept.rows_kept
