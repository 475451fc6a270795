with

customers as (select * from {{ source('customers', 'customer') }}),

-- Three names for one table: DuckDB keeps the result of one that is read three times, and then cleans every column of
-- every customer even for a count.
first_sales as (select * from {{ ref('stg_sales__dates') }}),

first_shipto as (select * from {{ ref('stg_sales__dates') }}),

last_review as (select * from {{ ref('stg_sales__dates') }}),

cleaned as (

    select
        customers.c_customer_sk as customer_sk,
        trim(customers.c_customer_id) as customer_id,
        trim(customers.c_salutation) as salutation,
        trim(customers.c_first_name) as first_name,
        trim(customers.c_last_name) as last_name,
        trim(customers.c_preferred_cust_flag) as preferred_flag,
        customers.c_birth_day as birth_day,
        customers.c_birth_month as birth_month,
        customers.c_birth_year as birth_year,
        trim(customers.c_birth_country) as birth_country,
        trim(customers.c_login) as login,
        trim(customers.c_email_address) as email_address,
        first_sales.calendar_date as first_sales_date,
        first_shipto.calendar_date as first_shipto_date,
        last_review.calendar_date as last_review_date,
        customers.c_current_addr_sk as address_sk,
        customers.c_current_cdemo_sk as demographics_sk,
        customers.c_current_hdemo_sk as household_demographics_sk

    from customers
    left join first_sales on customers.c_first_sales_date_sk = first_sales.date_sk
    left join first_shipto on customers.c_first_shipto_date_sk = first_shipto.date_sk
    left join last_review on customers.c_last_review_date_sk = last_review.date_sk

)

select * from cleaned
