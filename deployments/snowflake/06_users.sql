-- One user a workload, each with one role. A service user has no password and cannot log in to Snowsight; its key comes
-- from `shelfgate snowflake apply --public-keys`, or it logs in with its workload identity (docs/snowflake.md, Keys).
use role useradmin;

create user if not exists loader
type = service default_role = loader default_warehouse = shelfgate_load default_secondary_roles = ();
create user if not exists airbyte
type = service default_role = airbyte default_warehouse = shelfgate_load default_secondary_roles = ();
create user if not exists transformer
type = service default_role = transformer default_warehouse = shelfgate_build default_secondary_roles = ();
create user if not exists publisher
type = service default_role = publisher default_warehouse = shelfgate_build default_secondary_roles = ();
create user if not exists metabase_ro
type = service default_role = metabase_ro default_warehouse = shelfgate_read default_secondary_roles = ();

use role securityadmin;

grant role loader to user loader;
grant role airbyte to user airbyte;
grant role transformer to user transformer;
grant role publisher to user publisher;
grant role metabase_ro to user metabase_ro;
