"""Faults of the staging views, as wrong models would build them; refuses those that the landing gate stops."""

from __future__ import annotations

from collections.abc import Iterator

from tests.faults.fault import PASSES, At, RowsFault, rows


def _replaced(view: str, query: str) -> tuple[str, str]:
    """The staging view as a wrong model would have built it; `right` is how it was."""
    return (
        f"alter view staging.{view} rename to {view}_right",
        f"create view staging.{view} as {query.replace('right', f'staging.{view}_right')}",
    )


def _lines(channel: str) -> Iterator[RowsFault]:
    view = f"stg_sales__{channel}_lines"

    def fault(fault_id: str, what: str, killed_by: str, query: str) -> RowsFault:
        checks = " ".join(f"{channel}_lines.{check}" for check in killed_by.split())
        return rows(f"{fault_id}-{channel}", f"{channel}: {what}", At.STAGED, checks, *_replaced(view, query))

    yield fault(
        "S01",
        "a join doubles the lines of an order",
        "key_is_unique cleaning_keeps_every_line",
        "select * from right union all select * from right where order_number = "
        "(select max(order_number) from right where sold_date = (select max(sold_date) from right))",
    )
    yield fault(
        "S02",
        "keys and profit get lost on the way",
        "item_sk_is_known order_number_is_known net_profit_is_known",
        "select * replace (case when order_number % 9 = 1 then null else item_sk end as item_sk, "
        "case when order_number % 9 = 2 then null else order_number end as order_number, "
        "case when order_number % 9 = 3 then null else net_profit end as net_profit) from right",
    )
    yield fault(
        "S03",
        "every date is that of three days later",
        "no_line_is_of_tomorrow date_agrees_with_its_key",
        "select * replace (cast(sold_date + 3 as date) as sold_date) from right",
    )
    yield fault(
        "S04",
        "a tenth loses its date in a join",
        "quarantine_is_within_budget date_agrees_with_its_key",
        "select * replace (case when order_number % 10 = 1 then null else sold_date end as sold_date) from right",
    )
    yield fault(
        "S05",
        "prices become whole cents",
        "values_are_in_their_domain",
        "select * replace (100 * sales_price as sales_price) from right",
    )
    yield rows(
        f"S04-{channel}-returns",
        f"{channel} returns: half of them lose their date in a join",
        At.STAGED,
        f"{channel}_lines.returns_quarantine_is_within_budget",
        *_replaced(
            f"stg_sales__{channel}_returns",
            "select * replace (case when order_number % 2 = 1 then null else returned_date end as returned_date) "
            "from right",
        ),
    )
    yield fault("S06", "no line is left", "rows_seen cleaning_keeps_every_line", "select * from right where false")
    yield fault(
        "S07",
        "a profit is rounded to whole units",
        "cleaning_keeps_every_line",
        "select * replace (cast(round(net_profit) as decimal(15, 2)) as net_profit) from right",
    )
    sold = f"raw_sales.{channel}_sales where {channel[0]}s_sold_date_sk"
    yield rows(
        f"S16-{channel}",
        f"{channel}: it has sold nothing for six weeks, as a small channel may",
        At.STAGED,
        "",
        f"delete from {sold} > (select max({channel[0]}s_sold_date_sk) - 42 from raw_sales.{channel}_sales)",
        stops_at=PASSES,
    )


def _customers(fault_id: str, what: str, killed_by: str, query: str, view: str = "customers") -> RowsFault:
    checks = " ".join(f"customers.{check}" for check in killed_by.split())
    return rows(fault_id, f"customers: {what}", At.STAGED, checks, *_replaced(f"stg_customers__{view}", query))


FAULTS = (
    *_lines("catalog"),
    *_lines("web"),
    rows(
        "S08",
        "items and warehouses are dropped by their cleaning",
        At.STAGED,
        "catalog_lines.item_is_staged web_lines.item_is_staged catalog_lines.warehouse_is_staged "
        "web_lines.warehouse_is_staged",
        *_replaced("stg_sales__items", "select * from right where item_sk % 10 <> 1"),
        *_replaced("stg_sales__warehouses", "select * from right where warehouse_sk <> 1"),
    ),
    _customers(
        "S09",
        "a join doubles one",
        "key_is_unique customer_id_is_unique cleaning_keeps_every_customer",
        "select * from right union all select * from right where customer_sk = 7",
    ),
    _customers(
        "S10",
        "keys get lost",
        "customer_sk_is_known customer_id_is_known",
        "select * replace (nullif(customer_sk, 7) as customer_sk, "
        "case when customer_sk <> 8 then customer_id end as customer_id) from right",
    ),
    _customers("S11", "none is left", "rows_seen cleaning_keeps_every_customer", "select * from right where false"),
    _customers(
        "S12",
        "an empty text for an unknown e-mail",
        "values_are_in_their_domain",
        "select * replace (coalesce(email_address, '') as email_address) from right",
    ),
    _customers("S13", "addresses are dropped", "address_is_staged", "select * from right where false", "addresses"),
    _customers(
        "S14", "demographics are dropped", "demographics_are_staged", "select * from right where false", "demographics"
    ),
    _customers(
        "S15",
        "households are dropped",
        "household_is_staged",
        "select * from right where false",
        "household_demographics",
    ),
)
