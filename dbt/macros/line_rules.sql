{# Written by `shelfgate contracts compile`; change the contract instead. #}

{% macro broken_rule_of_catalog_sales() -%}
    case
        when cs_quantity < 1 or cs_quantity > 100 then 'cs_quantity_in_range'
        when cs_list_price < 1 or cs_list_price > 300 then 'cs_list_price_in_range'
        when cs_sales_price < 0 or cs_sales_price > 300 then 'cs_sales_price_in_range'
        when cs_net_profit < -20000 or cs_net_profit > 40000 then 'cs_net_profit_in_range'
        when cs_net_paid_inc_ship_tax < 0 then 'cs_net_paid_inc_ship_tax_in_range'
        when abs(cs_ext_sales_price - cs_quantity * cs_sales_price) > 0.005 then 'amount_is_quantity_times_price'
        when abs(cs_ext_list_price - cs_quantity * cs_list_price) > 0.005 then 'list_amount_is_quantity_times_list_price'
        when abs(cs_ext_wholesale_cost - cs_quantity * cs_wholesale_cost) > 0.005 then 'cost_is_quantity_times_wholesale_cost'
        when abs(cs_ext_discount_amt - (cs_ext_list_price - cs_ext_sales_price)) > 0.005 then 'discount_is_list_minus_sales'
        when abs(cs_net_paid - (cs_ext_sales_price - cs_coupon_amt)) > 0.005 then 'paid_is_sales_minus_coupon'
        when abs(cs_net_paid_inc_tax - (cs_net_paid + cs_ext_tax)) > 0.005 then 'paid_with_tax_adds_tax'
        when abs(cs_net_paid_inc_ship - (cs_net_paid + cs_ext_ship_cost)) > 0.005 then 'paid_with_shipping_adds_shipping'
        when abs(cs_net_paid_inc_ship_tax - (cs_net_paid + cs_ext_ship_cost + cs_ext_tax)) > 0.005 then 'paid_with_both_adds_both'
        when abs(cs_net_profit - (cs_net_paid - cs_ext_wholesale_cost)) > 0.005 then 'profit_is_paid_minus_cost'
        when cs_sales_price > cs_list_price then 'sold_at_list_price_at_most'
    end
{%- endmacro %}

{% macro broken_rule_of_catalog_returns() -%}
    case
        when cr_return_quantity < 1 or cr_return_quantity > 100 then 'cr_return_quantity_in_range'
        when cr_return_amount < 0 or cr_return_amount > 30000 then 'cr_return_amount_in_range'
    end
{%- endmacro %}

{% macro broken_rule_of_web_returns() -%}
    case
        when wr_return_quantity < 1 or wr_return_quantity > 100 then 'wr_return_quantity_in_range'
        when wr_return_amt < 0 or wr_return_amt > 30000 then 'wr_return_amt_in_range'
    end
{%- endmacro %}

{% macro broken_rule_of_web_sales() -%}
    case
        when ws_quantity < 1 or ws_quantity > 100 then 'ws_quantity_in_range'
        when ws_list_price < 1 or ws_list_price > 300 then 'ws_list_price_in_range'
        when ws_sales_price < 0 or ws_sales_price > 300 then 'ws_sales_price_in_range'
        when ws_net_profit < -20000 or ws_net_profit > 40000 then 'ws_net_profit_in_range'
        when ws_net_paid_inc_ship_tax < 0 then 'ws_net_paid_inc_ship_tax_in_range'
        when abs(ws_ext_sales_price - ws_quantity * ws_sales_price) > 0.005 then 'amount_is_quantity_times_price'
        when abs(ws_ext_list_price - ws_quantity * ws_list_price) > 0.005 then 'list_amount_is_quantity_times_list_price'
        when abs(ws_ext_wholesale_cost - ws_quantity * ws_wholesale_cost) > 0.005 then 'cost_is_quantity_times_wholesale_cost'
        when abs(ws_ext_discount_amt - (ws_ext_list_price - ws_ext_sales_price)) > 0.005 then 'discount_is_list_minus_sales'
        when abs(ws_net_paid - (ws_ext_sales_price - ws_coupon_amt)) > 0.005 then 'paid_is_sales_minus_coupon'
        when abs(ws_net_paid_inc_tax - (ws_net_paid + ws_ext_tax)) > 0.005 then 'paid_with_tax_adds_tax'
        when abs(ws_net_paid_inc_ship - (ws_net_paid + ws_ext_ship_cost)) > 0.005 then 'paid_with_shipping_adds_shipping'
        when abs(ws_net_paid_inc_ship_tax - (ws_net_paid + ws_ext_ship_cost + ws_ext_tax)) > 0.005 then 'paid_with_both_adds_both'
        when abs(ws_net_profit - (ws_net_paid - ws_ext_wholesale_cost)) > 0.005 then 'profit_is_paid_minus_cost'
        when ws_sales_price > ws_list_price then 'sold_at_list_price_at_most'
    end
{%- endmacro %}

{% macro rule_in_words(check_id) -%}
    case {{ check_id }}
        when 'amount_is_quantity_times_price' then 'ext_sales_price = quantity x sales_price, to the cent'
        when 'cost_is_quantity_times_wholesale_cost' then 'ext_wholesale_cost = quantity x wholesale_cost, to the cent'
        when 'cr_return_amount_in_range' then 'cr_return_amount is 0..30000'
        when 'cr_return_quantity_in_range' then 'cr_return_quantity is 1..100'
        when 'cs_list_price_in_range' then 'cs_list_price is 1..300'
        when 'cs_net_paid_inc_ship_tax_in_range' then 'cs_net_paid_inc_ship_tax is 0 or more'
        when 'cs_net_profit_in_range' then 'cs_net_profit is -20000..40000'
        when 'cs_quantity_in_range' then 'cs_quantity is 1..100'
        when 'cs_sales_price_in_range' then 'cs_sales_price is 0..300'
        when 'date_is_known' then 'Every day named is in the calendar'
        when 'discount_is_list_minus_sales' then 'ext_discount_amt = ext_list_price - ext_sales_price, to the cent'
        when 'item_is_known' then 'Every item is on file'
        when 'list_amount_is_quantity_times_list_price' then 'ext_list_price = quantity x list_price, to the cent'
        when 'paid_is_sales_minus_coupon' then 'net_paid = ext_sales_price - coupon_amt, to the cent'
        when 'paid_with_both_adds_both' then 'net_paid_inc_ship_tax = net_paid + ext_ship_cost + ext_tax, to the cent'
        when 'paid_with_shipping_adds_shipping' then 'net_paid_inc_ship = net_paid + ext_ship_cost, to the cent'
        when 'paid_with_tax_adds_tax' then 'net_paid_inc_tax = net_paid + ext_tax, to the cent'
        when 'profit_is_paid_minus_cost' then 'net_profit = net_paid - ext_wholesale_cost, to the cent'
        when 'sold_at_list_price_at_most' then 'No line is sold above its list price'
        when 'warehouse_is_known' then 'Every warehouse named is on file'
        when 'wr_return_amt_in_range' then 'wr_return_amt is 0..30000'
        when 'wr_return_quantity_in_range' then 'wr_return_quantity is 1..100'
        when 'ws_list_price_in_range' then 'ws_list_price is 1..300'
        when 'ws_net_paid_inc_ship_tax_in_range' then 'ws_net_paid_inc_ship_tax is 0 or more'
        when 'ws_net_profit_in_range' then 'ws_net_profit is -20000..40000'
        when 'ws_quantity_in_range' then 'ws_quantity is 1..100'
        when 'ws_sales_price_in_range' then 'ws_sales_price is 0..300'
    end
{%- endmacro %}
