-- The same migrations and views that a DuckDB warehouse has: a migration runs once (ops.migration), the views run again
-- when their text or a table has changed (ops.installation).
use role sysadmin;
use database &{database};
!migrate
