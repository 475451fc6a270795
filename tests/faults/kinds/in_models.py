"""Faults that only a transformation can cause, F36-F45: mutants of the dbt models, built by dbt itself."""

from __future__ import annotations

from tests.faults.fault import At, ModelFault

WEEKLY, DAILY = "fct_weekly_sales_inventory", "fct_daily_sales"
FACT = f"models/marts/{WEEKLY}.sql"
SOLD = "models/intermediate/int_daily_sales_summed.sql"
LINES = "models/intermediate/int_sales_lines_checked.sql"
DEMAND = "models/intermediate/int_demand_summed.sql"
SNAPSHOTS = "models/intermediate/int_closing_snapshots_picked.sql"
CLOSING = "models/intermediate/int_closing_days_picked.sql"
RETURNS = "models/intermediate/int_return_lines_checked.sql"
CUSTOMERS = "models/intermediate/int_customers_integrated.sql"


def mutant(
    fault_id: str, what: str, killed_by: str, file: str, right: str, wrong: str, stops_at: str = "marts"
) -> ModelFault:
    return ModelFault(
        fault_id, what, At.MODEL, stops_at, frozenset(killed_by.split()), file=file, right=right, wrong=wrong
    )


FAULTS = (
    mutant(
        "F36",
        "lines meet an item by its id, which has two revisions: fan-out",
        f"{DAILY}.sales_reconcile",
        LINES,
        "left join items on lines.item_sk = items.item_sk",
        "left join items as mine on lines.item_sk = mine.item_sk\n    left join items on mine.item_id = items.item_id",
    ),
    mutant(
        "F36-columns",
        "a union by position, with another column of money in the web's place for profit",
        f"{DAILY}.sales_reconcile",
        LINES,
        "        net_profit as profit,\n",
        "        {{ 'net_profit' if channel == 'catalog' else 'net_paid' }} as profit,\n",
    ),
    mutant(
        "F37",
        "the web channel is dropped",
        f"{DAILY}.sales_reconcile",
        LINES,
        "{% for channel in ['catalog', 'web'] %}",
        "{% for channel in ['catalog'] %}",
    ),
    mutant(
        "F38",
        "the average is over six days",
        f"{WEEKLY}.average_times_seven_is_the_sum",
        FACT,
        "ratio('sum_qty_wk', '7')",
        "ratio('sum_qty_wk', '6')",
    ),
    mutant(
        "F39",
        "weeks of supply inverted",
        f"{WEEKLY}.supply_times_sold_is_on_hand",
        FACT,
        "ratio('inv_on_hand_qty_wk', 'sum_qty_wk')",
        "ratio('sum_qty_wk', 'inv_on_hand_qty_wk')",
    ),
    mutant(
        "F39-4w",
        "four weeks of demand are five",
        f"{WEEKLY}.supply_of_four_weeks_recomputed",
        DEMAND,
        "[7, 14, 21]",
        "[7, 14, 21, 28]",
    ),
    mutant(
        "F40",
        "the comparison of the flag is inverted",
        f"{WEEKLY}.flag_follows_the_rule",
        FACT,
        "sum_qty_wk > 7 * inv_on_hand_qty_wk",
        "sum_qty_wk < 7 * inv_on_hand_qty_wk",
    ),
    mutant(
        "F40-equal",
        "the comparison of the flag is >= where > is wanted, on daily demand rounded down",
        f"{WEEKLY}.flag_follows_the_rule",
        FACT,
        "sum_qty_wk > 7 * inv_on_hand_qty_wk",
        "sum_qty_wk // 7 >= inv_on_hand_qty_wk",
    ),
    mutant(
        "F41",
        "stock meets the week before",
        f"{WEEKLY}.on_hand_equals_raw",
        SNAPSHOTS,
        "        closing_days.week_start_date,\n",
        "        cast(closing_days.week_start_date - 7 as date) as week_start_date,\n",
    ),
    mutant(
        "F41-item-sk",
        "stock counts under the newest revision only, as a join on item_sk would have it",
        f"{WEEKLY}.sales_meet_their_stock {WEEKLY}.on_hand_equals_raw",
        SNAPSHOTS,
        "inner join items on snapshots.item_sk = items.item_sk",
        "inner join items on snapshots.item_sk = items.item_sk and items.recorded_to is null",
    ),
    mutant(
        "F42",
        "unknown stock as 0",
        f"{WEEKLY}.on_hand_equals_raw",
        FACT,
        "        closing.quantity_on_hand as inv_on_hand_qty_wk",
        "        coalesce(closing.quantity_on_hand, 0) as inv_on_hand_qty_wk",
    ),
    mutant(
        "F43-sum",
        "on hand is the sum over the snapshots of the week and the one before",
        f"{WEEKLY}.on_hand_equals_raw",
        SNAPSHOTS,
        "inner join closing_days on snapshots.snapshot_date = closing_days.snapshot_date",
        "inner join closing_days on snapshots.snapshot_date in (closing_days.snapshot_date, "
        "closing_days.snapshot_date - 7)",
    ),
    mutant(
        "F43-week",
        "the week of a sale starts on Monday",
        f"{DAILY}.sales_reconcile",
        SOLD,
        "        touched.week_start_date,\n",
        "        cast(date_trunc('week', lines.sold_date) as date) as week_start_date,\n",
    ),
    mutant(
        "F44",
        "sales without a snapshot are dropped: left join where a full one is wanted",
        f"{WEEKLY}.sums_equal_daily_sales",
        FACT,
        "full join demand",
        "left join demand",
    ),
    mutant(
        "F44-sold",
        "only what sold is shown",
        f"{WEEKLY}.on_hand_equals_raw",
        FACT,
        "full join demand",
        "inner join demand",
    ),
    mutant(
        "F44-unallocated",
        "sales without a warehouse are dropped",
        f"{DAILY}.sales_reconcile",
        SOLD,
        "where lines.check_id is null",
        "where lines.check_id is null and lines.warehouse_sk is not null",
    ),
    mutant(
        "F44-returns",
        "returns without a warehouse are dropped",
        f"{WEEKLY}.returns_reconcile",
        DEMAND,
        "    from returned\n    where check_id is null",
        "    from returned\n    where check_id is null and quantity > 1",
    ),
    mutant(
        "F44-booked",
        "sales without a warehouse are booked to warehouse 1",
        f"{DAILY}.lines_equal_raw",
        SOLD,
        "coalesce(lines.warehouse_sk, -1) as warehouse_sk",
        "coalesce(lines.warehouse_sk, 1) as warehouse_sk",
    ),
    mutant(
        "F44-returned",
        "returns without a warehouse are booked to warehouse 1",
        f"{WEEKLY}.returns_equal_raw",
        DEMAND,
        "coalesce(warehouse_sk, -1) as warehouse_sk",
        "coalesce(warehouse_sk, 1) as warehouse_sk",
    ),
    mutant(
        "F44-idle",
        "a row for what sold in the three weeks before only",
        f"{WEEKLY}.rows_have_a_reason",
        FACT,
        "    where closing.snapshot_date is not null or demand.has_movement\n",
        "",
    ),
    mutant(
        "F41-revision",
        "an item's newest revision in every week, whenever it began",
        f"{WEEKLY}.item_is_the_revision_in_force",
        FACT,
        "            and met.week_start_date + 6 >= items.in_force_from\n"
        "            and met.week_start_date + 6 < items.in_force_until\n",
        "            and items.valid_to is null\n",
    ),
    mutant(
        "F43-number",
        "a week's number is that of its first day",
        f"{WEEKLY}.week_labels_follow_the_date",
        FACT,
        "week_num('week_end_date')",
        "week_num('week_start_date')",
    ),
    mutant(
        "F45-names",
        "a customer's last name stands for the first, too",
        "dim_customer.own_columns_equal_raw",
        "models/staging/customers/stg_customers__customers.sql",
        "trim(customers.c_first_name)",
        "trim(customers.c_last_name)",
    ),
    mutant(
        "F45-city",
        "a customer's county stands for the city, too",
        "dim_customer.addresses_equal_raw",
        "models/staging/customers/stg_customers__addresses.sql",
        "trim(addresses.ca_city)",
        "trim(addresses.ca_county)",
    ),
    mutant(
        "F45-dependents",
        "all dependents of a customer are employed",
        "dim_customer.demographics_equal_raw",
        "models/staging/customers/stg_customers__demographics.sql",
        "demographics.cd_dep_employed_count",
        "demographics.cd_dep_count",
    ),
    mutant(
        "F45-reopened",
        "a customer's digest holds the day: every customer has a new revision every day",
        "dim_customer.a_revision_changes_something",
        CUSTOMERS,
        "{{ row_digest(attributes) }}",
        "{{ row_digest([business_date(), 'customers.customer_sk']) }}",
    ),
    mutant(
        "F45-join",
        "customers meet their address by its county, which not every address has",
        "dim_customer.descriptions_are_joined",
        CUSTOMERS,
        "left join addresses on customers.address_sk = addresses.address_sk",
        "left join addresses as own on customers.address_sk = own.address_sk\n"
        "    left join addresses on own.county = addresses.county and own.state = addresses.state",
    ),
    mutant(
        "S08-dates",
        "undated lines are dropped by the cleaning",
        "catalog_lines.cleaning_keeps_every_line",
        "models/staging/sales/stg_sales__catalog_lines.sql",
        "left join dates",
        "inner join dates",
        stops_at="staging",
    ),
)
