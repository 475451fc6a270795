-- One user a workload, each with one role. A service user has no password and cannot log in to Snowsight; its key comes
-- from `shelfgate snowflake apply --public-keys`, or it logs in with its workload identity (docs/snowflake.md, Keys).
use role useradmin;

create user if not exists &{names}loader
type = service default_role = &{names}loader default_warehouse = &{names}load default_secondary_roles = ()
comment = '&{mark}a workload';
create user if not exists &{names}airbyte
type = service default_role = &{names}airbyte default_warehouse = &{names}load default_secondary_roles = ()
comment = '&{mark}a workload';
create user if not exists &{names}transformer
type = service default_role = &{names}transformer default_warehouse = &{names}build default_secondary_roles = ()
comment = '&{mark}a workload';
create user if not exists &{names}publisher
type = service default_role = &{names}publisher default_warehouse = &{names}build default_secondary_roles = ()
comment = '&{mark}a workload';
create user if not exists &{names}metabase_ro
type = service default_role = &{names}metabase_ro default_warehouse = &{names}read default_secondary_roles = ()
comment = '&{mark}a workload';

use role securityadmin;

grant role &{names}loader to user &{names}loader;
grant role &{names}airbyte to user &{names}airbyte;
grant role &{names}transformer to user &{names}transformer;
grant role &{names}publisher to user &{names}publisher;
grant role &{names}metabase_ro to user &{names}metabase_ro;
