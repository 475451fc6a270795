-- Managed access: only the schema's owner grants, whoever made the table.
use role sysadmin;
use database &{database};

create schema if not exists raw_sales with managed access;
create schema if not exists airbyte_internal with managed access;
create schema if not exists raw_inventory with managed access;
create schema if not exists quarantine with managed access;
create schema if not exists staging with managed access;
create schema if not exists candidate with managed access;
create schema if not exists store with managed access;
create schema if not exists marts with managed access;
create schema if not exists ops with managed access;

grant usage on warehouse &{names}load to role &{names}loader;
grant usage on warehouse &{names}load to role &{names}airbyte;
grant usage on warehouse &{names}build to role &{names}transformer;
grant usage on warehouse &{names}build to role &{names}publisher;
grant usage on warehouse &{names}read to role &{names}metabase_ro;
