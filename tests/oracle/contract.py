"""The grain and the columns of each table as they were agreed; refuses to be derived from any SQL."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

_CHANNEL: Final = (
    "{0}_lines bigint, {0}_unknown_qty_lines bigint, {0}_qty bigint, {0}_amt decimal(15,2), {0}_profit decimal(15,2)"
)
_CUSTOMER: Final = (
    "customer_sk bigint, customer_id varchar, salutation varchar, first_name varchar, last_name varchar, "
    "preferred_flag varchar, birth_day bigint, birth_month bigint, birth_year bigint, birth_country varchar, "
    "login varchar, email_address varchar, first_sales_date date, first_shipto_date date, last_review_date date, "
    "address_sk bigint, address_id varchar, street_number varchar, street_name varchar, street_type varchar, "
    "suite_number varchar, city varchar, county varchar, state varchar, zip varchar, country varchar, "
    "gmt_offset decimal(5,2), location_type varchar, demographics_sk bigint, gender varchar, marital_status varchar, "
    "education_status varchar, purchase_estimate bigint, credit_rating varchar, dependents bigint, "
    "employed_dependents bigint, college_dependents bigint, household_demographics_sk bigint, buy_potential varchar, "
    "household_dependents bigint, vehicles bigint, income_band_sk bigint, income_lower_bound bigint, "
    "income_upper_bound bigint"
)

COLUMNS: Final[dict[str, str]] = {
    "fct_weekly_sales_inventory": "warehouse_sk bigint, item_id varchar, item_sk bigint, week_start_date date, "
    "week_end_date date, week_year bigint, week_num bigint, sum_qty_wk bigint, sum_amt_wk decimal(15,2), "
    "sum_profit_wk decimal(15,2), ret_qty_wk bigint, ret_amt_wk decimal(15,2), net_qty_wk bigint, "
    "avg_qty_dy decimal(18,6), inv_on_hand_qty_wk bigint, inv_snapshot_date date, inv_status varchar, "
    "wks_sply decimal(18,6), wks_sply_4w decimal(18,6), supply_status varchar, low_stock_flg_wk boolean, "
    "out_of_stock_flg_wk boolean, is_complete_week boolean",
    "fct_daily_sales": "warehouse_sk bigint, item_id varchar, sold_date date, week_start_date date, "
    + _CHANNEL.format("catalog")
    + ", "
    + _CHANNEL.format("web"),
    "dim_week": "week_start_date date, week_end_date date, week_year bigint, week_num bigint, is_complete_week boolean",
    "dim_date": "date_sk bigint, calendar_date date, week_start_date date, day_name varchar, day_of_week bigint, "
    "month_of_year bigint, quarter_of_year bigint, calendar_year bigint, is_weekend boolean",
    "dim_warehouse": "warehouse_sk bigint, warehouse_id varchar, warehouse_name varchar, square_feet bigint, "
    "city varchar, county varchar, state varchar, zip varchar, country varchar, gmt_offset decimal(5,2)",
    "dim_item": "item_sk bigint, item_id varchar, valid_from date, valid_to date, is_current boolean, "
    "item_desc varchar, current_price decimal(7,2), wholesale_cost decimal(7,2), brand_id bigint, brand varchar, "
    "class_id bigint, class varchar, category_id bigint, category varchar, manufact_id bigint, manufact varchar, "
    "size varchar, formulation varchar, color varchar, units varchar, container varchar, manager_id bigint, "
    "product_name varchar",
    "customer_row": _CUSTOMER,
    "dim_customer": f"{_CUSTOMER}, row_digest varchar, valid_from date, valid_to date, is_current boolean",
    "quarantined_sales_lines": "run_id varchar, channel varchar, item_sk bigint, order_number bigint, "
    "check_id varchar, reason varchar, quantity bigint, amount decimal(15,2), profit decimal(15,2), date_sk bigint, "
    "warehouse_sk bigint",
    "quarantined_return_lines": "run_id varchar, channel varchar, item_sk bigint, order_number bigint, "
    "check_id varchar, reason varchar, quantity bigint, amount decimal(15,2), date_sk bigint, warehouse_sk bigint",
}
"""Name and type of every column, in order."""

KEYS: Final[dict[str, Sequence[str]]] = {
    "fct_weekly_sales_inventory": ("warehouse_sk", "item_id", "week_start_date"),
    "fct_daily_sales": ("warehouse_sk", "item_id", "sold_date"),
    "dim_week": ("week_start_date",),
    "dim_date": ("date_sk",),
    "dim_warehouse": ("warehouse_sk",),
    "dim_item": ("item_sk",),
    "customer_row": ("customer_sk",),
    "dim_customer": ("customer_sk", "valid_from"),
    "quarantined_sales_lines": ("channel", "item_sk", "order_number"),
    "quarantined_return_lines": ("channel", "item_sk", "order_number"),
}
"""The grain, for `compare`."""

NOT_KNOWN: Final[dict[str, Sequence[str]]] = {
    "dim_customer": ("row_digest",),
    "quarantined_sales_lines": ("run_id", "check_id", "reason"),
    "quarantined_return_lines": ("run_id", "check_id", "reason"),
}
"""The pipeline's own words, NULL in the oracle: what `compare` is to leave out (`without`)."""
