with

returned as (select * from {{ source('sales', 'catalog_returns') }}),

dates as (select * from {{ ref('stg_sales__dates') }}),

cleaned as (

    select
        returned.cr_item_sk as item_sk,
        returned.cr_order_number as order_number,
        returned.cr_returned_date_sk as returned_date_sk,
        dates.calendar_date as returned_date,
        returned.cr_returned_time_sk as returned_time_sk,
        returned.cr_refunded_customer_sk as refunded_customer_sk,
        returned.cr_refunded_cdemo_sk as refunded_demographics_sk,
        returned.cr_refunded_hdemo_sk as refunded_household_demographics_sk,
        returned.cr_refunded_addr_sk as refunded_address_sk,
        returned.cr_returning_customer_sk as returning_customer_sk,
        returned.cr_returning_cdemo_sk as returning_demographics_sk,
        returned.cr_returning_hdemo_sk as returning_household_demographics_sk,
        returned.cr_returning_addr_sk as returning_address_sk,
        returned.cr_call_center_sk as call_center_sk,
        returned.cr_catalog_page_sk as catalog_page_sk,
        returned.cr_ship_mode_sk as ship_mode_sk,
        returned.cr_warehouse_sk as warehouse_sk,
        returned.cr_reason_sk as reason_sk,
        returned.cr_return_quantity as quantity,
        {{ money('returned.cr_return_amount') }} as amount,
        {{ money('returned.cr_return_tax') }} as tax,
        {{ money('returned.cr_return_amt_inc_tax') }} as amount_inc_tax,
        {{ money('returned.cr_fee') }} as fee,
        {{ money('returned.cr_return_ship_cost') }} as ship_cost,
        {{ money('returned.cr_refunded_cash') }} as refunded_cash,
        {{ money('returned.cr_reversed_charge') }} as reversed_charge,
        {{ money('returned.cr_store_credit') }} as store_credit,
        {{ money('returned.cr_net_loss') }} as net_loss,
        {{ broken_rule_of_catalog_returns() }} as broken_rule

    from returned
    left join dates on returned.cr_returned_date_sk = dates.date_sk

)

select * from cleaned
-- A line without a day stays: it is quarantined where everybody can see it, not dropped here.
where returned_date is null or returned_date <= {{ business_date() }}
