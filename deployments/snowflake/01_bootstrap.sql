-- What only the account's administrator may make. The one file that acts as ACCOUNTADMIN; everything is `if not exists`.
use role accountadmin;

create role if not exists loader comment = 'The Lambda: inventory dumps into raw_inventory, its ledger in ops';
create role if not exists airbyte comment = 'Airbyte: the tables of raw_sales';
create role if not exists transformer comment = 'dbt: staging, candidate and quarantine';
create role if not exists publisher comment = 'The flows: gates, records, and the only writer of store and ops.pointer';
create role if not exists metabase_ro comment = 'Dashboards: reads marts and nothing else';
grant role loader to role sysadmin;
grant role airbyte to role sysadmin;
grant role transformer to role sysadmin;
grant role publisher to role sysadmin;
grant role metabase_ro to role sysadmin;

-- For `shelfgate status`: what each run cost. It shows every user's statements of this account by name, tag and credits,
-- but no text and no data. Take it away and `status` says that credits are not available; nothing else needs it.
grant database role snowflake.usage_viewer to role publisher;

-- Suspends the warehouses when the month's credits are gone; a statement under way may finish at 100 %.
create resource monitor if not exists shelfgate with
credit_quota = &{credits_a_month}
frequency = monthly
start_timestamp = immediately
triggers on 80 percent do notify on 100 percent do suspend on 110 percent do suspend_immediate;

create database if not exists &{database};
grant ownership on database &{database} to role sysadmin;

create storage integration if not exists shelfgate_landing
type = external_stage
storage_provider = 'S3'
enabled = true
storage_aws_role_arn = '&{storage_role_arn}'
storage_allowed_locations = ('s3://&{bucket}/&{prefix}');
grant usage on integration shelfgate_landing to role sysadmin;

create warehouse if not exists shelfgate_load with
warehouse_size = xsmall auto_suspend = 60 auto_resume = true initially_suspended = true;
create warehouse if not exists shelfgate_build with
warehouse_size = xsmall auto_suspend = 60 auto_resume = true initially_suspended = true;
create warehouse if not exists shelfgate_read with
warehouse_size = xsmall auto_suspend = 60 auto_resume = true initially_suspended = true;
alter warehouse shelfgate_load set resource_monitor = shelfgate statement_timeout_in_seconds = 900;
alter warehouse shelfgate_build set resource_monitor = shelfgate statement_timeout_in_seconds = 3600;
alter warehouse shelfgate_read set resource_monitor = shelfgate statement_timeout_in_seconds = 120;
grant ownership on warehouse shelfgate_load to role sysadmin;
grant ownership on warehouse shelfgate_build to role sysadmin;
grant ownership on warehouse shelfgate_read to role sysadmin;
