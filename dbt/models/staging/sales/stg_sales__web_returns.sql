with

returned as (select * from {{ source('sales', 'web_returns') }}),

dates as (select * from {{ ref('stg_sales__dates') }}),

cleaned as (

    select
        returned.wr_item_sk as item_sk,
        returned.wr_order_number as order_number,
        returned.wr_returned_date_sk as returned_date_sk,
        dates.calendar_date as returned_date,
        returned.wr_returned_time_sk as returned_time_sk,
        returned.wr_refunded_customer_sk as refunded_customer_sk,
        returned.wr_refunded_cdemo_sk as refunded_demographics_sk,
        returned.wr_refunded_hdemo_sk as refunded_household_demographics_sk,
        returned.wr_refunded_addr_sk as refunded_address_sk,
        returned.wr_returning_customer_sk as returning_customer_sk,
        returned.wr_returning_cdemo_sk as returning_demographics_sk,
        returned.wr_returning_hdemo_sk as returning_household_demographics_sk,
        returned.wr_returning_addr_sk as returning_address_sk,
        returned.wr_web_page_sk as web_page_sk,
        returned.wr_reason_sk as reason_sk,
        returned.wr_return_quantity as quantity,
        {{ money('returned.wr_return_amt') }} as amount,
        {{ money('returned.wr_return_tax') }} as tax,
        {{ money('returned.wr_return_amt_inc_tax') }} as amount_inc_tax,
        {{ money('returned.wr_fee') }} as fee,
        {{ money('returned.wr_return_ship_cost') }} as ship_cost,
        {{ money('returned.wr_refunded_cash') }} as refunded_cash,
        {{ money('returned.wr_reversed_charge') }} as reversed_charge,
        {{ money('returned.wr_account_credit') }} as account_credit,
        {{ money('returned.wr_net_loss') }} as net_loss,
        {{ broken_rule_of_web_returns() }} as broken_rule

    from returned
    left join dates on returned.wr_returned_date_sk = dates.date_sk

)

select * from cleaned
-- A line without a day stays: it is quarantined where everybody can see it, not dropped here.
where returned_date is null or returned_date <= {{ business_date() }}
