-- Who may do what. tests/snowflake/grants.golden is this file as a table; change both, and say why in the review.
use role sysadmin;
use database &{database};

-- loader
grant usage on database &{database} to role loader;
grant usage on schema raw_inventory to role loader;
grant usage on schema ops to role loader;
grant usage on stage raw_inventory.inbound to role loader;
grant usage on file format raw_inventory.dump to role loader;
grant select, insert, delete on table raw_inventory.inventory to role loader;
grant select, insert, delete on table ops.load_ledger to role loader;
grant select, update on table ops.load_turn to role loader;
grant select, insert, update, delete on table ops.inventory_snapshot to role loader;
grant create temporary table on schema raw_inventory to role loader;

-- airbyte: its own tables, and its staging schema
grant usage on database &{database} to role airbyte;
grant usage, create table, create view, create stage on schema raw_sales to role airbyte;
grant usage, create table, create view, create stage on schema airbyte_internal to role airbyte;

-- transformer
grant usage on database &{database} to role transformer;
grant usage on schema raw_sales to role transformer;
grant usage on schema raw_inventory to role transformer;
grant usage on schema marts to role transformer;
grant usage on schema ops to role transformer;
grant select on table ops.manifest to role transformer;
grant select on table ops.pointer to role transformer;
grant usage, create table, create view on schema staging to role transformer;
grant usage, create table, create view on schema candidate to role transformer;
grant usage, create table, create view on schema quarantine to role transformer;
grant select on all tables in schema raw_sales to role transformer;
grant select on future tables in schema raw_sales to role transformer;
grant select on all tables in schema raw_inventory to role transformer;
grant select on all views in schema marts to role transformer;
grant select on future views in schema marts to role transformer;

-- publisher
grant usage on database &{database} to role publisher;
grant usage on schema raw_sales to role publisher;
grant usage on schema raw_inventory to role publisher;
grant usage on schema quarantine to role publisher;
grant usage on schema staging to role publisher;
grant usage on schema candidate to role publisher;
grant usage on schema store to role publisher;
grant usage on schema marts to role publisher;
grant usage on schema ops to role publisher;
grant select on all tables in schema raw_sales to role publisher;
grant select on future tables in schema raw_sales to role publisher;
grant select on all tables in schema raw_inventory to role publisher;
grant select on all tables in schema quarantine to role publisher;
grant select on future tables in schema quarantine to role publisher;
grant select on future views in schema quarantine to role publisher;
-- What is there already too: dbt replaces with `copy grants`, and then no future grant is given.
grant select on all tables in schema staging to role publisher;
grant select on all views in schema staging to role publisher;
grant select on all tables in schema candidate to role publisher;
grant select on all views in schema candidate to role publisher;
grant select on all views in schema quarantine to role publisher;
grant select on future tables in schema staging to role publisher;
grant select on future views in schema staging to role publisher;
grant select on future tables in schema candidate to role publisher;
grant select on future views in schema candidate to role publisher;
grant select, insert, delete on all tables in schema store to role publisher;
grant select, insert, delete on future tables in schema store to role publisher;
grant select on all views in schema marts to role publisher;
grant select on future views in schema marts to role publisher;
grant select on table ops.load_ledger to role publisher;
grant select on table ops.inventory_snapshot to role publisher;
grant select, insert, delete on table ops.source_total to role publisher;
grant select on table ops.installation to role publisher;
grant select on table ops.migration to role publisher;
grant select, insert, delete on table ops.gate_result to role publisher;
grant select, insert on table ops.publication to role publisher;
grant select, insert, delete on table ops.manifest to role publisher;
grant select, update on table ops.pointer to role publisher;
grant select, update on table ops.lease to role publisher;

-- metabase_ro: the views run with their owner's rights, so it needs none on what lies beneath them
grant usage on database &{database} to role metabase_ro;
grant usage on schema marts to role metabase_ro;
grant select on all views in schema marts to role metabase_ro;
grant select on future views in schema marts to role metabase_ro;
