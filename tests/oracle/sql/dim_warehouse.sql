create or replace table oracle.dim_warehouse as
select
    w_warehouse_sk::bigint as warehouse_sk,
    w_warehouse_id::varchar as warehouse_id,
    w_warehouse_name::varchar as warehouse_name,
    w_warehouse_sq_ft::bigint as square_feet,
    w_city::varchar as city,
    w_county::varchar as county,
    w_state::varchar as state,
    w_zip::varchar as zip,
    w_country::varchar as country,
    w_gmt_offset::decimal(5, 2) as gmt_offset
from {source}.warehouse
union all
select -1, null, 'unallocated', null, null, null, null, null, null, null;
