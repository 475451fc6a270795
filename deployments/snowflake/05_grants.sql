-- Who may do what. tests/snowflake/account/grants.golden is this file as a table; change both, and say why in the review.
use role sysadmin;
use database &{database};

-- loader
grant usage on database &{database} to role &{names}loader;
grant usage on schema raw_inventory to role &{names}loader;
grant usage on schema ops to role &{names}loader;
grant usage on stage raw_inventory.inbound to role &{names}loader;
grant usage on file format raw_inventory.dump to role &{names}loader;
grant select, insert, delete on table raw_inventory.inventory to role &{names}loader;
grant select, insert, delete on table ops.load_ledger to role &{names}loader;
grant select, update on table ops.load_turn to role &{names}loader;
grant select, insert, update, delete on table ops.inventory_snapshot to role &{names}loader;
grant create temporary table on schema raw_inventory to role &{names}loader;

-- airbyte: its own tables, and its staging schema
grant usage on database &{database} to role &{names}airbyte;
grant usage, create table, create view, create stage on schema raw_sales to role &{names}airbyte;
grant usage, create table, create view, create stage on schema airbyte_internal to role &{names}airbyte;

-- transformer
grant usage on database &{database} to role &{names}transformer;
grant usage on schema raw_sales to role &{names}transformer;
grant usage on schema raw_inventory to role &{names}transformer;
grant usage on schema marts to role &{names}transformer;
grant usage on schema ops to role &{names}transformer;
grant select on table ops.manifest to role &{names}transformer;
grant select on table ops.pointer to role &{names}transformer;
grant usage, create table, create view on schema staging to role &{names}transformer;
grant usage, create table, create view on schema candidate to role &{names}transformer;
grant usage, create table, create view on schema quarantine to role &{names}transformer;
grant select on all tables in schema raw_sales to role &{names}transformer;
grant select on future tables in schema raw_sales to role &{names}transformer;
grant select on all tables in schema raw_inventory to role &{names}transformer;
grant select on all views in schema marts to role &{names}transformer;
grant select on future views in schema marts to role &{names}transformer;

-- publisher
grant usage on database &{database} to role &{names}publisher;
grant usage on schema raw_sales to role &{names}publisher;
grant usage on schema raw_inventory to role &{names}publisher;
grant usage on schema quarantine to role &{names}publisher;
grant usage on schema staging to role &{names}publisher;
grant usage on schema candidate to role &{names}publisher;
grant usage on schema store to role &{names}publisher;
grant usage on schema marts to role &{names}publisher;
grant usage on schema ops to role &{names}publisher;
grant select on all tables in schema raw_sales to role &{names}publisher;
grant select on future tables in schema raw_sales to role &{names}publisher;
grant select on all tables in schema raw_inventory to role &{names}publisher;
grant select on all tables in schema quarantine to role &{names}publisher;
grant select on future tables in schema quarantine to role &{names}publisher;
grant select on future views in schema quarantine to role &{names}publisher;
-- What is there already too: dbt replaces with `copy grants`, and then no future grant is given.
grant select on all tables in schema staging to role &{names}publisher;
grant select on all views in schema staging to role &{names}publisher;
grant select on all tables in schema candidate to role &{names}publisher;
grant select on all views in schema candidate to role &{names}publisher;
grant select on all views in schema quarantine to role &{names}publisher;
grant select on future tables in schema staging to role &{names}publisher;
grant select on future views in schema staging to role &{names}publisher;
grant select on future tables in schema candidate to role &{names}publisher;
grant select on future views in schema candidate to role &{names}publisher;
grant select, insert, delete on all tables in schema store to role &{names}publisher;
grant select, insert, delete on future tables in schema store to role &{names}publisher;
grant select on all views in schema marts to role &{names}publisher;
grant select on future views in schema marts to role &{names}publisher;
grant select on table ops.load_ledger to role &{names}publisher;
grant select on table ops.inventory_snapshot to role &{names}publisher;
grant select, insert, delete on table ops.bucket_finding to role &{names}publisher;
grant select, insert, delete on table ops.source_total to role &{names}publisher;
grant select on table ops.installation to role &{names}publisher;
grant select on table ops.migration to role &{names}publisher;
grant select, insert, delete on table ops.gate_result to role &{names}publisher;
grant select, insert on table ops.publication to role &{names}publisher;
grant select, insert, delete on table ops.manifest to role &{names}publisher;
grant select, update on table ops.pointer to role &{names}publisher;
grant select, update on table ops.lease to role &{names}publisher;

-- metabase_ro: the views run with their owner's rights, so it needs none on what lies beneath them
grant usage on database &{database} to role &{names}metabase_ro;
grant usage on schema marts to role &{names}metabase_ro;
grant select on all views in schema marts to role &{names}metabase_ro;
grant select on future views in schema marts to role &{names}metabase_ro;
