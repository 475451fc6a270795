-- The same scripts that install a DuckDB warehouse; each runs again only when its text has changed (ops.installation).
use role sysadmin;
use database &{database};
!source install_ops.sql
!source install_store.sql
!source install_views.sql
