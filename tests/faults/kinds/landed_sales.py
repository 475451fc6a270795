"""Faults of landed sales, F21-F31, each in both channels; refuses to name a check that only one of them has."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.fault import PASSES, At, RowsFault, counted_so_at_the_source, placed_so_at_the_source, rows

DAY = "(select max({p}_sold_date_sk) - 2 from raw_sales.{channel}_sales)"
LINES = "update raw_sales.{channel}_sales set "

# Each change picks a line of its own, among those of a week that have no NULL in what is multiplied and added.
NUMBERED = (
    " from (select _airbyte_raw_id as line, row_number() over (order by _airbyte_raw_id) as n "
    "from raw_sales.{channel}_sales "
    "where {p}_sold_date_sk between {day} - 6 and {day} and {p}_quantity > 1 and {p}_coupon_amt > 0 and "
    "{p}_ext_sales_price + {p}_net_paid_inc_tax + {p}_ext_list_price + {p}_ext_wholesale_cost + {p}_wholesale_cost + "
    "{p}_ext_tax + {p}_ext_ship_cost + {p}_ext_discount_amt + {p}_promo_sk is not null) as one "
    "where one.line = {channel}_sales._airbyte_raw_id and one.n = "
)


def nth(n: int, change: str) -> str:
    """A change of one line."""
    return LINES + change + NUMBERED + str(n)


def tenth(n: int, change: str) -> str:
    """A change of the nth tenth of four weeks' lines: more than a quarantine takes."""
    # Lines, not orders: of a web channel's two orders a day a tenth may be none.
    within = " where {p}_sold_date_sk between {day} - 25 and {day} "
    return LINES + change + within + f"and ({{p}}_order_number + {{p}}_item_sk) % 10 = {n}"


IDENTITIES = {
    "amount_is_quantity_times_price": "{p}_ext_sales_price = {p}_ext_sales_price + 0.01",
    "list_amount_is_quantity_times_list_price": "{p}_ext_list_price = {p}_ext_list_price + 0.01",
    "cost_is_quantity_times_wholesale_cost": "{p}_ext_wholesale_cost = {p}_ext_wholesale_cost + 0.01",
    "discount_is_list_minus_sales": "{p}_ext_discount_amt = {p}_ext_discount_amt + 0.01",
    "paid_is_sales_minus_coupon": "{p}_coupon_amt = {p}_coupon_amt + 0.01",
    "paid_with_tax_adds_tax": "{p}_net_paid_inc_tax = {p}_net_paid_inc_tax + 0.01",
    "paid_with_shipping_adds_shipping": "{p}_net_paid_inc_ship = {p}_net_paid_inc_ship + 0.01",
    "paid_with_both_adds_both": "{p}_net_paid_inc_ship_tax = {p}_net_paid_inc_ship_tax + 0.01",
    "profit_is_paid_minus_cost": "{p}_net_profit = {p}_net_profit + 0.01",
    "sold_at_list_price_at_most": "{p}_list_price = {p}_sales_price - 0.01",
}
BEYOND = {
    "{p}_quantity_in_range": "{p}_quantity = 101",
    "{p}_list_price_in_range": "{p}_list_price = 0.99",
    "{p}_sales_price_in_range": "{p}_sales_price = 300.01",
    "{p}_net_profit_in_range": "{p}_net_profit = -20001",
    "{p}_net_paid_inc_ship_tax_in_range": "{p}_net_paid_inc_ship_tax = -0.01",
}
REFERENCES = {
    "ship_customer_is_known": "{p}_ship_customer_sk",
    "bill_address_is_known": "{p}_bill_addr_sk",
    "ship_address_is_known": "{p}_ship_addr_sk",
    "promotion_is_known": "{p}_promo_sk",
    "ship_mode_is_known": "{p}_ship_mode_sk",
}
PLACES = {
    "item_is_known": "{p}_item_sk",
    "warehouse_is_known": "{p}_warehouse_sk",
    "date_is_known": "{p}_sold_date_sk",
}
UNPRICED = {
    "prices": ("sales_price", "ext_sales_price"),
    "costs": ("wholesale_cost",),
    "paid": ("net_paid",),
}
# Lines of other days than they were sold on, at the source as well: how many, and by how many days.
MISDATED = {
    "ahead": (15, 150, "lines_dated_ahead_are_few"),
    "ahead-few": (2, 150, ""),
    "back": (15, -3652, "lines_dated_back_are_few"),
    "back-few": (2, -3652, ""),
}
REQUIRED = ("item_sk", "order_number", "net_profit", "net_paid_inc_ship_tax")


def of_channel(channel: str) -> Iterator[RowsFault]:
    values = {"p": f"{channel[0]}s", "channel": channel}
    values["day"] = DAY.format(**values)

    def fault(
        fault_id: str, what: str, killed_by: str, *statements: str, scale: float = 0.1, stops_at: str = ""
    ) -> RowsFault:
        checks = " ".join(f"{channel}_sales.{check}" for check in killed_by.format(**values).split())
        told = [statement.format(**values) for statement in statements]
        told_what = f"{channel}: {what}"
        return rows(f"{fault_id}-{channel}", told_what, At.LANDED, checks, *told, scale=scale, stops_at=stops_at)

    # At a tenth of the scale a web day has two orders: the rule for missing days is silent there.
    busy = 0.1 if channel == "catalog" else 1

    yield fault(
        "F21",
        "a day is missing",
        "reconciles_by_day no_day_is_missing",
        "delete from raw_sales.{channel}_sales where {p}_sold_date_sk = {day}",
        scale=busy,
    )
    yield fault(
        "F16",
        "the warehouses of a day slipped to the next line",
        "reconciles_by_day",
        "update raw_sales.{channel}_sales set {p}_warehouse_sk = slipped.warehouse_sk from (select _airbyte_raw_id as "
        "line, lead({p}_warehouse_sk) over (order by _airbyte_raw_id) as warehouse_sk from raw_sales.{channel}_sales "
        "where {p}_sold_date_sk = {day}) as slipped where slipped.line = {channel}_sales._airbyte_raw_id",
        scale=1,
    )
    yield fault(
        "F22",
        "a third of a day is lost",
        "reconciles_by_day",
        "delete from raw_sales.{channel}_sales where {p}_sold_date_sk = {day} and {p}_item_sk % 3 = 1",
    )
    yield fault(
        "F23",
        "a week is replayed",
        "reconciles_by_day key_is_unique",
        "insert into raw_sales.{channel}_sales select * from raw_sales.{channel}_sales "
        "where {p}_sold_date_sk > {day} - 7",
    )
    yield fault(
        "F24",
        "nothing arrives after Monday",
        "reconciles_by_day no_day_is_missing",
        "delete from raw_sales.{channel}_sales where {p}_sold_date_sk > {day} - 3",
        scale=busy,
    )
    yield fault(
        "F25",
        "a value is missing that must be there, in a line a column",
        " ".join(f"{{p}}_{column}_is_known" for column in REQUIRED),
        *(nth(n, f"{{p}}_{column} = null") for n, column in enumerate(REQUIRED, start=1)),
    )
    yield fault(
        "F26",
        "a day is priced in cents",
        "amount_is_quantity_times_price {p}_sales_price_in_range sold_at_list_price_at_most",
        LINES + "{p}_sales_price = 100 * {p}_sales_price where {p}_sold_date_sk = {day}",
    )
    yield fault(
        "F27",
        "quantity changed, amount not",
        "amount_is_quantity_times_price reconciles_by_day",
        LINES + "{p}_quantity = {p}_quantity + 1 where {p}_sold_date_sk = {day} and {p}_quantity < 100",
    )
    yield fault(
        "F28",
        "the sign of the discount is flipped",
        "discount_is_list_minus_sales",
        LINES + "{p}_ext_discount_amt = -{p}_ext_discount_amt where {p}_sold_date_sk = {day}",
    )
    yield fault(
        "F28-identities",
        "a cent is off in a tenth of the lines, of each identity another tenth",
        " ".join(IDENTITIES),
        *(tenth(n, change) for n, change in enumerate(IDENTITIES.values())),
    )
    yield fault(
        "F28-ranges",
        "values lie just outside their range, of each column in another tenth of the lines",
        " ".join(BEYOND),
        *(tenth(n, change) for n, change in enumerate(BEYOND.values())),
    )
    for name, rules in (("identities", IDENTITIES), ("ranges", BEYOND)):
        yield fault(
            f"F28-{name}-few",
            "one line breaks each rule: they are quarantined and the day goes on",
            "quarantined_lines_are_few",
            # A profit that is off is not what the source sold: the reconciliation sees a single cent.
            *(
                nth(n, change)
                for n, change in enumerate(rules.values(), start=1)
                if "ext_sales_price" not in change and "net_profit =" not in change and "_quantity =" not in change
            ),
            stops_at=PASSES,
        )
    yield fault(
        "F30-few",
        "one line each of an item and of a warehouse that nobody knows: they are quarantined",
        "quarantined_lines_are_few",
        nth(1, "{p}_item_sk = 99999999"),
        nth(2, "{p}_warehouse_sk = 99999999"),
        placed_so_at_the_source("{channel}_sales", "{p}_sold_date_sk", "{p}_quantity"),
        stops_at=PASSES,
    )
    yield fault(
        "F30-places",
        "a tenth of the lines leads to no item, another to no warehouse, a third to no day",
        " ".join(PLACES),
        *(tenth(n, f"{column} = 99999999") for n, column in enumerate(PLACES.values())),
    )
    for column, check in (
        ("warehouse_sk", "warehouse_nulls_are_usual"),
        ("bill_customer_sk", "customer_nulls_are_usual"),
        ("quantity", "quantity_nulls_are_usual"),
    ):
        yield fault(
            f"F29-{column}",
            f"{column} is unknown for a week",
            check,
            LINES + f"{{p}}_{column} = null where {{p}}_sold_date_sk > {{day}} - 7",
        )
    for name, columns in UNPRICED.items():
        yield fault(
            f"F29-{name}",
            f"{' and '.join(columns)} unknown for a week",
            "price_nulls_are_usual",
            LINES + ", ".join(f"{{p}}_{column} = null" for column in columns) + " where {p}_sold_date_sk > {day} - 7",
        )
    yield fault(
        "F29-undated",
        "a week arrives without its dates",
        "undated_lines_are_few reconciles_by_day",
        LINES + "{p}_sold_date_sk = null, _airbyte_extracted_at = current_timestamp where {p}_sold_date_sk > {day} - 7",
    )
    yield fault(
        "F30",
        "ten lines of customers that nobody knows",
        "bill_customer_is_known",
        LINES + "{p}_bill_customer_sk = 99999999 where {p}_sold_date_sk = {day}",
    )
    yield fault(
        "F30-others",
        "one line of each other reference leads nowhere",
        " ".join(REFERENCES),
        *(nth(n, f"{column} = 99999999") for n, column in enumerate(REFERENCES.values(), start=1)),
    )
    yield fault(
        "F31",
        "a week is shifted by a day",
        "reconciles_by_day",
        LINES + "{p}_sold_date_sk = {p}_sold_date_sk + 1 where {p}_sold_date_sk > {day} - 7",
    )
    for name, (lines, days, check) in MISDATED.items():
        yield fault(
            f"F31-{name}",
            f"{lines} lines are dated {abs(days)} days {name.removesuffix('-few')}, at the source as well",
            f"{check} misdated_lines_are_counted",
            LINES
            + f"{{p}}_sold_date_sk = {{p}}_sold_date_sk + {days}, {{p}}_ship_date_sk = {{p}}_ship_date_sk + {days}, "
            "_airbyte_extracted_at = current_timestamp" + NUMBERED.removesuffix("= ") + f"<= {lines}",
            *counted_so_at_the_source(f"{channel}_sales"),
            stops_at="" if check else PASSES,
        )
    yield fault(
        "F31-shipped",
        "the dates of sale and shipment are swapped",
        "shipped_after_sold",
        LINES + "{p}_ship_date_sk = {p}_sold_date_sk, {p}_sold_date_sk = {p}_ship_date_sk "
        "where {p}_sold_date_sk = {day}",
    )
    yield fault(
        "F47-nulled",
        "Airbyte could not carry a value and says so",
        "nothing_was_nulled_in_transit",
        nth(1, '_airbyte_meta = \'{{"changes": [{{"field": "quantity", "change": "NULLED"}}]}}\''),
    )
    yield fault(
        "F47-renamed",
        "a column has another name",
        "quantity_nulls_are_usual reconciles_by_day",
        "create or replace table raw_sales.{channel}_sales as select * exclude ({p}_quantity), "
        "{p}_quantity as {p}_qty from raw_sales.{channel}_sales",
    )
    yield fault(
        "F47-text",
        "a number arrives as text",
        "amount_is_quantity_times_price reconciles_by_day",
        "create or replace table raw_sales.{channel}_sales as select * exclude ({p}_quantity), "
        "cast({p}_quantity as varchar) || ' pcs' as {p}_quantity from raw_sales.{channel}_sales",
    )
    yield fault(
        "F21-days",
        "three days are missing, which do not hide each other",
        "reconciles_by_day no_day_is_missing",
        "delete from raw_sales.{channel}_sales where {p}_sold_date_sk between {day} - 2 and {day}",
        scale=busy,
    )
    yield fault("F48", "the table is empty", "rows_seen", "delete from raw_sales.{channel}_sales")


FAULTS = (
    *of_channel("catalog"),
    *of_channel("web"),
    rows(
        "F21-orders",
        "catalog: a whole order is missing, at the source as well",
        At.LANDED,
        "catalog_sales.orders_are_contiguous",
        "delete from raw_sales.catalog_sales where cs_order_number = 200",
    ),
    rows(
        "F29-filled",
        "catalog: an unknown warehouse, customer and quantity are written as 1, at the source as well",
        At.LANDED,
        "catalog_sales.nulls_are_not_filled_in",
        "update raw_sales.catalog_sales set cs_warehouse_sk = coalesce(cs_warehouse_sk, 1), "
        "cs_bill_customer_sk = coalesce(cs_bill_customer_sk, 1), cs_quantity = coalesce(cs_quantity, 1) "
        "where cs_warehouse_sk is null or cs_bill_customer_sk is null or cs_quantity is null",
        scale=1,
    ),
    rows(
        "F29-dated",
        "catalog: lines without a day are written as sold on Wednesday, at the source as well",
        At.LANDED,
        "catalog_sales.undated_lines_are_not_filled_in",
        "update raw_sales.catalog_sales set cs_sold_date_sk = (select max(cs_sold_date_sk) - 3 from "
        "raw_sales.catalog_sales) where cs_sold_date_sk is null",
        scale=1,
    ),
    rows(
        "F49",
        "a table is dropped while the gate is held",
        At.LANDED,
        "catalog_sales.promotion_is_known",
        "drop table raw_sales.promotion",
    ),
)
