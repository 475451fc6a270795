{# One list for both: a column that is shown and not compared would change without a revision. #}
{% set attributes = [
    ('customers', [
        'customer_id', 'salutation', 'first_name', 'last_name', 'preferred_flag', 'birth_day', 'birth_month',
        'birth_year', 'birth_country', 'login', 'email_address', 'first_sales_date', 'first_shipto_date',
        'last_review_date', 'address_sk'
    ]),
    ('addresses', [
        'address_id', 'street_number', 'street_name', 'street_type', 'suite_number', 'city', 'county', 'state', 'zip',
        'country', 'gmt_offset', 'location_type'
    ]),
    ('customers', ['demographics_sk']),
    ('demographics', [
        'gender', 'marital_status', 'education_status', 'purchase_estimate', 'credit_rating', 'dependents',
        'employed_dependents', 'college_dependents'
    ]),
    ('customers', ['household_demographics_sk']),
    ('households', ['buy_potential', 'household_dependents', 'vehicles', 'income_band_sk']),
    ('income_bands', ['income_lower_bound', 'income_upper_bound']),
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
        {% for table, columns in attributes %}
        {%- set last_table = loop.last %}
        {%- for column in columns %}
        {{ table }}.{{ column }}{{ ',' if not (last_table and loop.last) }}
        {%- endfor %}
        {%- endfor %}

    from customers
    left join addresses on customers.address_sk = addresses.address_sk
    left join demographics on customers.demographics_sk = demographics.demographics_sk
    left join households on customers.household_demographics_sk = households.household_demographics_sk
    left join income_bands on households.income_band_sk = income_bands.income_band_sk

),

digested as (

    select
        integrated.*,
        {{ row_digest(attributes | map(attribute=1) | sum(start=[])) }} as row_digest

    from integrated

)

select * from digested
