create or replace table oracle.dim_warehouse as
select
    w_warehouse_sk::bigint as warehouse_sk,
    trim(w_warehouse_id) as warehouse_id,
    trim(w_warehouse_name) as warehouse_name,
    w_warehouse_sq_ft::bigint as square_feet,
    trim(w_city) as city,
    trim(w_county) as county,
    trim(w_state) as state,
    trim(w_zip) as zip,
    trim(w_country) as country,
    w_gmt_offset::decimal(5, 2) as gmt_offset
from {source}.warehouse
union all
select -1, null, 'unallocated', null, null, null, null, null, null, null;
