with

lines as (select * from {{ source('sales', 'web_sales') }}),

dates as (select * from {{ ref('stg_sales__dates') }}),

cleaned as (

    select
        lines.ws_item_sk as item_sk,
        lines.ws_order_number as order_number,
        lines.ws_sold_date_sk as sold_date_sk,
        dates.calendar_date as sold_date,
        lines.ws_sold_time_sk as sold_time_sk,
        lines.ws_ship_date_sk as ship_date_sk,
        lines.ws_bill_customer_sk as bill_customer_sk,
        lines.ws_bill_cdemo_sk as bill_demographics_sk,
        lines.ws_bill_hdemo_sk as bill_household_demographics_sk,
        lines.ws_bill_addr_sk as bill_address_sk,
        lines.ws_ship_customer_sk as ship_customer_sk,
        lines.ws_ship_cdemo_sk as ship_demographics_sk,
        lines.ws_ship_hdemo_sk as ship_household_demographics_sk,
        lines.ws_ship_addr_sk as ship_address_sk,
        lines.ws_web_page_sk as web_page_sk,
        lines.ws_web_site_sk as web_site_sk,
        lines.ws_ship_mode_sk as ship_mode_sk,
        lines.ws_warehouse_sk as warehouse_sk,
        lines.ws_promo_sk as promotion_sk,
        lines.ws_quantity as quantity,
        {{ money('lines.ws_wholesale_cost') }} as wholesale_cost,
        {{ money('lines.ws_list_price') }} as list_price,
        {{ money('lines.ws_sales_price') }} as sales_price,
        {{ money('lines.ws_ext_discount_amt') }} as ext_discount_amount,
        {{ money('lines.ws_ext_sales_price') }} as ext_sales_price,
        {{ money('lines.ws_ext_wholesale_cost') }} as ext_wholesale_cost,
        {{ money('lines.ws_ext_list_price') }} as ext_list_price,
        {{ money('lines.ws_ext_tax') }} as ext_tax,
        {{ money('lines.ws_coupon_amt') }} as coupon_amount,
        {{ money('lines.ws_ext_ship_cost') }} as ext_ship_cost,
        {{ money('lines.ws_net_paid') }} as net_paid,
        {{ money('lines.ws_net_paid_inc_tax') }} as net_paid_inc_tax,
        {{ money('lines.ws_net_paid_inc_ship') }} as net_paid_inc_ship,
        {{ money('lines.ws_net_paid_inc_ship_tax') }} as net_paid_inc_ship_tax,
        {{ money('lines.ws_net_profit') }} as net_profit,
        {{ broken_rule_of_web_sales() }} as broken_rule,
        lines._airbyte_extracted_at as extracted_at

    from lines
    left join dates on lines.ws_sold_date_sk = dates.date_sk

)

select * from cleaned
-- A line without a day stays: it is quarantined where everybody can see it, not dropped here.
where sold_date is null or sold_date <= {{ business_date() }}
