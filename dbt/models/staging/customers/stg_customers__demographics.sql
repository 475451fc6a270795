with

demographics as (select * from {{ source('customers', 'customer_demographics') }}),

cleaned as (

    select
        demographics.cd_demo_sk as demographics_sk,
        trim(demographics.cd_gender) as gender,
        trim(demographics.cd_marital_status) as marital_status,
        trim(demographics.cd_education_status) as education_status,
        demographics.cd_purchase_estimate as purchase_estimate,
        trim(demographics.cd_credit_rating) as credit_rating,
        demographics.cd_dep_count as dependents,
        demographics.cd_dep_employed_count as employed_dependents,
        demographics.cd_dep_college_count as college_dependents

    from demographics

)

select * from cleaned
