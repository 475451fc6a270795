-- Where the Lambda's COPY reads: the bucket through the integration, no key of AWS in Snowflake.
use role sysadmin;
use database &{database};

create file format if not exists raw_inventory.dump
type = csv
skip_header = 1
field_delimiter = ','
field_optionally_enclosed_by = '"'
null_if = ('')
empty_field_as_null = true
escape_unenclosed_field = none
error_on_column_count_mismatch = true;

create stage if not exists raw_inventory.inbound
url = 's3://&{bucket}/&{prefix}'
storage_integration = &{names}landing;
