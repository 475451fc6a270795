{# One list for both: a column that is shown and not compared would change without a revision. #}
{% set attributes = [
    'customers.customer_id',
    'customers.salutation',
    'customers.first_name',
    'customers.last_name',
    'customers.preferred_flag',
    'customers.birth_day',
    'customers.birth_month',
    'customers.birth_year',
    'customers.birth_country',
    'customers.login',
    'customers.email_address',
    'customers.first_sales_date',
    'customers.first_shipto_date',
    'customers.last_review_date',
    'customers.address_sk',
    'addresses.address_id',
    'addresses.street_number',
    'addresses.street_name',
    'addresses.street_type',
    'addresses.suite_number',
    'addresses.city',
    'addresses.county',
    'addresses.state',
    'addresses.zip',
    'addresses.country',
    'addresses.gmt_offset',
    'addresses.location_type',
    'customers.demographics_sk',
    'demographics.gender',
    'demographics.marital_status',
    'demographics.education_status',
    'demographics.purchase_estimate',
    'demographics.credit_rating',
    'demographics.dependents',
    'demographics.employed_dependents',
    'demographics.college_dependents',
    'customers.household_demographics_sk',
    'households.buy_potential',
    'households.household_dependents',
    'households.vehicles',
    'households.income_band_sk',
    'income_bands.income_lower_bound',
    'income_bands.income_upper_bound',
] %}

with

customers as (select * from {{ ref('stg_customers__customers') }}),

addresses as (select * from {{ ref('stg_customers__addresses') }}),

demographics as (select * from {{ ref('stg_customers__demographics') }}),

households as (select * from {{ ref('stg_customers__household_demographics') }}),

income_bands as (select * from {{ ref('stg_customers__income_bands') }}),

integrated as (

    select
        customers.customer_sk,
        {{ attributes | join(',\n        ') }},
        {{ row_digest(attributes) }} as row_digest

    from customers
    left join addresses on customers.address_sk = addresses.address_sk
    left join demographics on customers.demographics_sk = demographics.demographics_sk
    left join households on customers.household_demographics_sk = households.household_demographics_sk
    left join income_bands on households.income_band_sk = income_bands.income_band_sk

)

select * from integrated
