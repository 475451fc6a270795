-- What is published: one append-only table a mart, and the views readers see. Idempotent; run after install_ops.sql,
-- never inside a publication. Columns and their order are those of candidate.* (tests/dbt holds the two together),
-- after the build that wrote the row.
create table if not exists store.fct_weekly_sales_inventory (
    build_id varchar not null,
    warehouse_sk bigint,
    item_id varchar,
    item_sk bigint,
    week_start_date date,
    week_end_date date,
    week_year bigint,
    week_num bigint,
    sum_qty_wk bigint,
    sum_amt_wk decimal(15, 2),
    sum_profit_wk decimal(15, 2),
    ret_qty_wk bigint,
    ret_amt_wk decimal(15, 2),
    net_qty_wk bigint,
    avg_qty_dy decimal(18, 6),
    inv_on_hand_qty_wk bigint,
    inv_snapshot_date date,
    inv_status varchar,
    wks_sply decimal(18, 6),
    wks_sply_4w decimal(18, 6),
    supply_status varchar,
    low_stock_flg_wk boolean,
    out_of_stock_flg_wk boolean,
    is_complete_week boolean
);

create table if not exists store.fct_daily_sales (
    build_id varchar not null,
    warehouse_sk bigint,
    item_id varchar,
    sold_date date,
    week_start_date date,
    catalog_lines bigint,
    catalog_unknown_qty_lines bigint,
    catalog_qty bigint,
    catalog_amt decimal(15, 2),
    catalog_profit decimal(15, 2),
    web_lines bigint,
    web_unknown_qty_lines bigint,
    web_qty bigint,
    web_amt decimal(15, 2),
    web_profit decimal(15, 2)
);

create table if not exists store.dim_week (
    build_id varchar not null,
    week_start_date date,
    week_end_date date,
    week_year bigint,
    week_num bigint,
    is_complete_week boolean
);

create table if not exists store.dim_date (
    build_id varchar not null,
    date_sk bigint,
    calendar_date date,
    week_start_date date,
    day_name varchar,
    day_of_week bigint,
    month_of_year bigint,
    quarter_of_year bigint,
    calendar_year bigint,
    is_weekend boolean
);

create table if not exists store.dim_warehouse (
    build_id varchar not null,
    warehouse_sk bigint,
    warehouse_id varchar,
    warehouse_name varchar,
    square_feet bigint,
    city varchar,
    county varchar,
    state varchar,
    zip varchar,
    country varchar,
    gmt_offset decimal(5, 2)
);

create table if not exists store.dim_item (
    build_id varchar not null,
    item_sk bigint,
    item_id varchar,
    valid_from date,
    valid_to date,
    is_current boolean,
    item_desc varchar,
    current_price decimal(7, 2),
    wholesale_cost decimal(7, 2),
    brand_id bigint,
    brand varchar,
    class_id bigint,
    class varchar,
    category_id bigint,
    category varchar,
    manufact_id bigint,
    manufact varchar,
    size varchar,
    formulation varchar,
    color varchar,
    units varchar,
    container varchar,
    manager_id bigint,
    product_name varchar
);

create table if not exists store.dim_customer (
    build_id varchar not null,
    customer_sk bigint,
    customer_id varchar,
    salutation varchar,
    first_name varchar,
    last_name varchar,
    preferred_flag varchar,
    birth_day bigint,
    birth_month bigint,
    birth_year bigint,
    birth_country varchar,
    login varchar,
    email_address varchar,
    first_sales_date date,
    first_shipto_date date,
    last_review_date date,
    address_sk bigint,
    address_id varchar,
    street_number varchar,
    street_name varchar,
    street_type varchar,
    suite_number varchar,
    city varchar,
    county varchar,
    state varchar,
    zip varchar,
    country varchar,
    gmt_offset decimal(5, 2),
    location_type varchar,
    demographics_sk bigint,
    gender varchar,
    marital_status varchar,
    education_status varchar,
    purchase_estimate bigint,
    credit_rating varchar,
    dependents bigint,
    employed_dependents bigint,
    college_dependents bigint,
    household_demographics_sk bigint,
    buy_potential varchar,
    household_dependents bigint,
    vehicles bigint,
    income_band_sk bigint,
    income_lower_bound bigint,
    income_upper_bound bigint,
    row_digest varchar,
    valid_from date,
    valid_to date,
    is_current boolean
);

-- Readers see the rows whose build the manifest of the current publication names: for each week in a fact, for the
-- whole table in a dimension. `if not exists` and not `or replace`: on Snowflake a replaced view loses its grants.
create view if not exists marts.fct_weekly_sales_inventory as
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

create view if not exists marts.fct_daily_sales as
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

create view if not exists marts.dim_week as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_week as builds
inner join ops.manifest as manifest on builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'dim_week' and pointer.name = 'current';

create view if not exists marts.dim_date as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_date as builds
inner join ops.manifest as manifest on builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'dim_date' and pointer.name = 'current';

create view if not exists marts.dim_warehouse as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_warehouse as builds
inner join ops.manifest as manifest on builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'dim_warehouse' and pointer.name = 'current';

create view if not exists marts.dim_item as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_item as builds
inner join ops.manifest as manifest on builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'dim_item' and pointer.name = 'current';

create view if not exists marts.dim_customer as
select
    builds.* exclude (build_id),
    manifest.publication_id
from store.dim_customer as builds
inner join ops.manifest as manifest on builds.build_id = manifest.build_id
inner join ops.pointer on manifest.publication_id = pointer.publication_id
where manifest.table_name = 'dim_customer' and pointer.name = 'current';

-- What a dashboard says about itself: one row a published table. `gates` is a JSON list, in no particular order
-- (the two engines have no ordered text aggregate in common); a gate judged twice in one run counts as it was last.
create view if not exists marts.data_status as
with

served as (

    select
        publications.publication_id,
        publications.action,
        publications.run_id,
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
        cast(sum(rows) as bigint) as rows

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
    tables.rows,
    coalesce(verdicts.gates, '[]') as gates,
    served.waivers
from served
inner join tables on served.publication_id = tables.publication_id
left join verdicts on served.run_id = verdicts.run_id;
