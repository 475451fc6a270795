-- Readers see the rows whose build the manifest of the current publication names: for each week in a fact, for the
-- whole table in a dimension. Run when this text has changed;
-- on Snowflake a replaced view keeps its grants (`copy grants`).
create or replace view marts.fct_weekly_sales_inventory as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.fct_weekly_sales_inventory as builds
inner join ops.manifest as manifest
    on
        builds.week_start_date = manifest.week_start_date
        and builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'fct_weekly_sales_inventory' and pointer.name = 'current';

create or replace view marts.fct_daily_sales as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.fct_daily_sales as builds
inner join ops.manifest as manifest
    on
        builds.week_start_date = manifest.week_start_date
        and builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'fct_daily_sales' and pointer.name = 'current';

create or replace view marts.dim_week as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_week as builds
inner join ops.manifest as manifest on builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'dim_week' and pointer.name = 'current';

create or replace view marts.dim_date as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_date as builds
inner join ops.manifest as manifest on builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'dim_date' and pointer.name = 'current';

create or replace view marts.dim_warehouse as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_warehouse as builds
inner join ops.manifest as manifest on builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'dim_warehouse' and pointer.name = 'current';

create or replace view marts.dim_item as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_item as builds
inner join ops.manifest as manifest on builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'dim_item' and pointer.name = 'current';

create or replace view marts.dim_customer as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_customer as builds
inner join ops.manifest as manifest on builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'dim_customer' and pointer.name = 'current';

-- What a dashboard says about itself: one row a published table. `gates` is a JSON list, in no particular order
-- (the two engines have no ordered text aggregate in common); a gate judged twice in one run counts as it was last.
create or replace view marts.data_status as
with

served as (

    select
        publications.publication_id,
        publications.action,
        publications.run_id,
        publications.judged_run_id,
        publications.business_date,
        publications.published_at,
        publications.sales_through,
        publications.inventory_through,
        publications.waivers

    from ops.publication as publications
    inner join ops.pointer on publications.publication_id = pointer.publication_id
    where pointer.name = 'current'

),

tables as (

    select
        table_name,
        publication_id,
        cast(sum(row_count) as bigint) as row_count

    from ops.manifest
    group by 1, 2

),

judged as (

    select
        run_id,
        gate,
        dataset,
        result,
        warnings_failed,
        row_number() over (partition by run_id, gate, dataset, suite order by judged_at desc nulls last) as age

    from ops.gate_result

),

verdicts as (

    select
        run_id,
        '[' || listagg(
            '{"gate": "' || gate || '", "dataset": "' || dataset || '", "result": "' || result
            || '", "warnings_failed": ' || cast(warnings_failed as varchar) || '}', ', '
        ) || ']' as gates

    from judged
    where age = 1
    group by 1

)

select
    tables.table_name,
    served.publication_id,
    served.action,
    served.run_id,
    served.business_date,
    served.published_at,
    served.sales_through,
    served.inventory_through,
    tables.row_count,
    coalesce(verdicts.gates, '[]') as gates,
    served.waivers
from served
inner join tables on served.publication_id = tables.publication_id
left join verdicts on served.judged_run_id = verdicts.run_id;

-- Every publication that vacuum has left: `select ... from store.dim_item_as_of where publication_id = 'pub-000007'`.
create or replace view store.fct_weekly_sales_inventory_as_of as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.fct_weekly_sales_inventory as builds
inner join ops.manifest as manifest
    on
        builds.build_id = manifest.build_id and builds.week_start_date = manifest.week_start_date
where manifest.table_name = 'fct_weekly_sales_inventory';

create or replace view store.fct_daily_sales_as_of as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.fct_daily_sales as builds
inner join ops.manifest as manifest
    on
        builds.build_id = manifest.build_id and builds.week_start_date = manifest.week_start_date
where manifest.table_name = 'fct_daily_sales';

create or replace view store.dim_week_as_of as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_week as builds
inner join ops.manifest as manifest
    on
        builds.build_id = manifest.build_id
where manifest.table_name = 'dim_week';

create or replace view store.dim_date_as_of as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_date as builds
inner join ops.manifest as manifest
    on
        builds.build_id = manifest.build_id
where manifest.table_name = 'dim_date';

create or replace view store.dim_warehouse_as_of as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_warehouse as builds
inner join ops.manifest as manifest
    on
        builds.build_id = manifest.build_id
where manifest.table_name = 'dim_warehouse';

create or replace view store.dim_item_as_of as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_item as builds
inner join ops.manifest as manifest
    on
        builds.build_id = manifest.build_id
where manifest.table_name = 'dim_item';

create or replace view store.dim_customer_as_of as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_customer as builds
inner join ops.manifest as manifest
    on
        builds.build_id = manifest.build_id
where manifest.table_name = 'dim_customer';
