with

lines as (select * from {{ source('sales', 'catalog_sales') }}),

dates as (select * from {{ ref('stg_sales__dates') }}),

cleaned as (

    select
        lines.cs_item_sk as item_sk,
        lines.cs_order_number as order_number,
        lines.cs_sold_date_sk as sold_date_sk,
        dates.calendar_date as sold_date,
        lines.cs_sold_time_sk as sold_time_sk,
        lines.cs_ship_date_sk as ship_date_sk,
        lines.cs_bill_customer_sk as bill_customer_sk,
        lines.cs_bill_cdemo_sk as bill_demographics_sk,
        lines.cs_bill_hdemo_sk as bill_household_demographics_sk,
        lines.cs_bill_addr_sk as bill_address_sk,
        lines.cs_ship_customer_sk as ship_customer_sk,
        lines.cs_ship_cdemo_sk as ship_demographics_sk,
        lines.cs_ship_hdemo_sk as ship_household_demographics_sk,
        lines.cs_ship_addr_sk as ship_address_sk,
        lines.cs_call_center_sk as call_center_sk,
        lines.cs_catalog_page_sk as catalog_page_sk,
        lines.cs_ship_mode_sk as ship_mode_sk,
        lines.cs_warehouse_sk as warehouse_sk,
        lines.cs_promo_sk as promotion_sk,
        lines.cs_quantity as quantity,
        {{ money('lines.cs_wholesale_cost') }} as wholesale_cost,
        {{ money('lines.cs_list_price') }} as list_price,
        {{ money('lines.cs_sales_price') }} as sales_price,
        {{ money('lines.cs_ext_discount_amt') }} as ext_discount_amount,
        {{ money('lines.cs_ext_sales_price') }} as ext_sales_price,
        {{ money('lines.cs_ext_wholesale_cost') }} as ext_wholesale_cost,
        {{ money('lines.cs_ext_list_price') }} as ext_list_price,
        {{ money('lines.cs_ext_tax') }} as ext_tax,
        {{ money('lines.cs_coupon_amt') }} as coupon_amount,
        {{ money('lines.cs_ext_ship_cost') }} as ext_ship_cost,
        {{ money('lines.cs_net_paid') }} as net_paid,
        {{ money('lines.cs_net_paid_inc_tax') }} as net_paid_inc_tax,
        {{ money('lines.cs_net_paid_inc_ship') }} as net_paid_inc_ship,
        {{ money('lines.cs_net_paid_inc_ship_tax') }} as net_paid_inc_ship_tax,
        {{ money('lines.cs_net_profit') }} as net_profit,
        {{ broken_rule_of_catalog_sales() }} as broken_rule,
        lines._airbyte_extracted_at as extracted_at

    from lines
    left join dates on lines.cs_sold_date_sk = dates.date_sk

)

select * from cleaned
-- A line without a day stays: it is quarantined where everybody can see it, not dropped here.
where sold_date is null or sold_date <= {{ business_date() }}
