-- Operations tables. Idempotent; run at installation and at the start of every run, never inside a publication.
create schema if not exists raw_sales;
create schema if not exists raw_inventory;
create schema if not exists quarantine;
create schema if not exists staging;
create schema if not exists candidate;
create schema if not exists store;
create schema if not exists marts;
create schema if not exists ops;

-- One row an S3 object version that the loader has judged.
create table if not exists ops.load_ledger (
    object_key varchar not null,
    version_id varchar not null,
    etag varchar,
    sha256 varchar,
    bytes bigint,
    row_count bigint,
    status varchar not null,           -- loaded | superseded | unchanged | quarantined
    reason varchar,
    run_id varchar,
    loaded_at timestamp not null,      -- UTC
    dump_date date,                    -- from the key; NULL if the key does not tell
    last_modified timestamp            -- of the object, UTC: orders two dumps of one day
);

-- One row, which each load on Snowflake updates first: the second of two waits for the first. DuckDB locks its file.
create table if not exists ops.load_turn (taken bigint not null);
insert into ops.load_turn
select 0 where not exists (select 1 from ops.load_turn);

-- One row a snapshot date that is in raw_inventory.inventory: which dump serves it.
create table if not exists ops.inventory_snapshot (
    inv_date_sk bigint not null,
    object_key varchar not null,
    version_id varchar not null,
    dump_date date not null,
    last_modified timestamp not null,
    row_count bigint not null,
    content_digest varchar not null,   -- over (item, warehouse, quantity), without the date
    replaced_digest varchar,           -- of the content that a restatement replaced
    restated_at timestamp,
    is_confirmed boolean               -- the rows came with an earlier dump; object_key names the newest that has them
);
alter table ops.inventory_snapshot add column if not exists is_confirmed boolean;

create table if not exists raw_inventory.inventory (
    inv_date_sk bigint not null,
    inv_item_sk bigint not null,
    inv_warehouse_sk bigint not null,
    inv_quantity_on_hand bigint
);
-- Which dump a row came from stands in ops.inventory_snapshot, by date; here it cost more than half of the insert.
alter table raw_inventory.inventory drop column if exists _object_key;
alter table raw_inventory.inventory drop column if exists _version_id;

-- What Postgres holds, counted by the run itself: the landing gate reconciles with it.
create table if not exists ops.source_total (
    run_id varchar not null,
    dataset varchar not null,          -- catalog_sales, web_sales, catalog_returns, web_returns, customer, ...
    business_day date,                 -- NULL: lines without a date, and tables that have none
    row_count bigint not null,
    units bigint,
    amount decimal(18, 2),
    profit decimal(18, 2),
    placement bigint                   -- (units + 1) x (item + 1009 x warehouse), summed: where the units belong
);

create table if not exists ops.gate_result (
    run_id varchar not null,
    gate varchar not null,
    dataset varchar not null,
    suite varchar not null,
    suite_sha256 varchar not null,
    business_date date not null,
    judged_at timestamp not null,
    checks_expected integer not null,
    checks_evaluated integer not null,
    rows_seen bigint not null,
    critical_failed integer not null,
    warnings_failed integer not null,
    errors_raised integer not null,
    data_digest varchar,
    result varchar not null,           -- open | closed
    evidence varchar not null,         -- JSON: the checks that failed, seen and wanted, no customer value
    docs_path varchar,                 -- the suite's page, below the site of Data Docs
    docs_link varchar                  -- the same page, as this run could reach it
);

create table if not exists ops.publication (
    publication_id varchar not null,
    parent_id varchar,
    sequence_number bigint not null,
    action varchar not null,           -- publish | rollback
    run_id varchar not null,
    business_date date not null,
    published_at timestamp not null,
    sales_through date,
    inventory_through date,
    candidate_digest varchar not null,
    partitions_changed integer not null,
    rows_written bigint not null,
    waivers varchar not null,          -- JSON list
    judged_run_id varchar              -- whose gates judged the content: another run's after a rollback
);
alter table ops.publication add column if not exists judged_run_id varchar;
update ops.publication set judged_run_id = run_id where judged_run_id is null;

-- Which build serves each partition of each table in a publication.
create table if not exists ops.manifest (
    publication_id varchar not null,
    table_name varchar not null,
    week_start_date date,              -- NULL for a table that is published whole
    build_id varchar not null,
    row_count bigint not null,
    digest varchar not null,
    input_digest varchar               -- of all that the week was built from; NULL for a table published whole
);
alter table ops.manifest add column if not exists input_digest varchar;

create table if not exists ops.pointer (
    name varchar not null,
    publication_id varchar
);
insert into ops.pointer (name, publication_id)
select 'current', null
where not exists (select 1 from ops.pointer where name = 'current');

create table if not exists ops.lease (
    name varchar not null,
    owner varchar,
    token bigint not null,             -- counts up with every holder: the fence
    expires_at timestamp,              -- UTC, by the warehouse's clock
    holder varchar                     -- host:process, to know at once that a holder on this machine is gone
);
alter table ops.lease add column if not exists holder varchar;
insert into ops.lease (name, owner, token, expires_at, holder)
select 'refresh', null, 0, null, null
where not exists (select 1 from ops.lease where name = 'refresh');
