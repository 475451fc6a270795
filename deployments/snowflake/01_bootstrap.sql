-- What only the account's administrator may make. The one file that acts as ACCOUNTADMIN; everything is `if not exists`.
-- Names of the whole account begin with &{names}, and each object is marked as this installation's: `snowflake apply`
-- stops before its first statement where one is there that is not.
use role accountadmin;

create role if not exists &{names}loader comment = '&{mark}The Lambda: inventory dumps into raw_inventory, its ledger in ops';
create role if not exists &{names}airbyte comment = '&{mark}Airbyte: the tables of raw_sales';
create role if not exists &{names}transformer comment = '&{mark}dbt: staging, candidate and quarantine';
create role if not exists &{names}publisher comment = '&{mark}The flows: gates, records, and the only writer of store and ops.pointer';
create role if not exists &{names}metabase_ro comment = '&{mark}Dashboards: reads marts and nothing else';
grant role &{names}loader to role sysadmin;
grant role &{names}airbyte to role sysadmin;
grant role &{names}transformer to role sysadmin;
grant role &{names}publisher to role sysadmin;
grant role &{names}metabase_ro to role sysadmin;

-- For `shelfgate status`: what each run cost. It shows every user's statements of this account by name, tag and credits,
-- but no text and no data. Take it away and `status` says that credits are not available; nothing else needs it.
grant database role snowflake.usage_viewer to role &{names}publisher;

-- Suspends the warehouses when the month's credits are gone; a statement under way may finish at 100 %.
create resource monitor if not exists &{names}credits with
credit_quota = &{credits_a_month}
frequency = monthly
start_timestamp = immediately
triggers on 80 percent do notify on 100 percent do suspend on 110 percent do suspend_immediate;

create database if not exists &{database};
grant ownership on database &{database} to role sysadmin;

create storage integration if not exists &{names}landing
type = external_stage
storage_provider = 'S3'
enabled = true
storage_aws_role_arn = '&{storage_role_arn}'
storage_allowed_locations = ('s3://&{bucket}/&{prefix}')
comment = '&{mark}where the inventory dumps are dropped';
grant usage on integration &{names}landing to role sysadmin;

create warehouse if not exists &{names}load with
warehouse_size = xsmall auto_suspend = 60 auto_resume = true initially_suspended = true
comment = '&{mark}compute';
create warehouse if not exists &{names}build with
warehouse_size = xsmall auto_suspend = 60 auto_resume = true initially_suspended = true
comment = '&{mark}compute';
create warehouse if not exists &{names}read with
warehouse_size = xsmall auto_suspend = 60 auto_resume = true initially_suspended = true
comment = '&{mark}compute';
alter warehouse &{names}load set resource_monitor = &{names}credits statement_timeout_in_seconds = 900;
alter warehouse &{names}build set resource_monitor = &{names}credits statement_timeout_in_seconds = 3600;
alter warehouse &{names}read set resource_monitor = &{names}credits statement_timeout_in_seconds = 120;
grant ownership on warehouse &{names}load to role sysadmin;
grant ownership on warehouse &{names}build to role sysadmin;
grant ownership on warehouse &{names}read to role sysadmin;
