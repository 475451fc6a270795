with

addresses as (select * from {{ source('customers', 'customer_address') }}),

cleaned as (

    select
        addresses.ca_address_sk as address_sk,
        trim(addresses.ca_address_id) as address_id,
        trim(addresses.ca_street_number) as street_number,
        trim(addresses.ca_street_name) as street_name,
        trim(addresses.ca_street_type) as street_type,
        trim(addresses.ca_suite_number) as suite_number,
        trim(addresses.ca_city) as city,
        trim(addresses.ca_county) as county,
        trim(addresses.ca_state) as state,
        trim(addresses.ca_zip) as zip,
        trim(addresses.ca_country) as country,
        {{ money('addresses.ca_gmt_offset', 'decimal(5, 2)') }} as gmt_offset,
        trim(addresses.ca_location_type) as location_type

    from addresses

)

select * from cleaned
