"""Draws sources small enough to work out by hand; refuses only what `UnusableSource` names, odd as the rest may be."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any, Final

import duckdb
from hypothesis import strategies as st

from tests.oracle.by_hand import Row, Rows
from tests.oracle.source import Source


def _not_drawn(prefix: str) -> dict[str, str]:
    """What a rule of a single line reads besides: unknown in every toy line, so that it breaks none."""
    money = ("list_price", "ext_list_price", "wholesale_cost", "ext_wholesale_cost", "ext_discount_amt", "coupon_amt")
    paid = ("net_paid", "ext_tax", "ext_ship_cost", "net_paid_inc_tax", "net_paid_inc_ship", "net_paid_inc_ship_tax")
    return {f"{prefix}_{name}": "decimal(7,2)" for name in (*money, *paid)}


TYPES: Final[dict[str, dict[str, str]]] = {
    "catalog_sales": {
        "cs_sold_date_sk": "bigint",
        "cs_item_sk": "bigint",
        "cs_order_number": "bigint",
        "cs_warehouse_sk": "bigint",
        "cs_quantity": "integer",
        "cs_sales_price": "decimal(7,2)",
        "cs_ext_sales_price": "decimal(7,2)",
        "cs_net_profit": "decimal(7,2)",
        **_not_drawn("cs"),
    },
    "web_sales": {
        "ws_sold_date_sk": "bigint",
        "ws_item_sk": "bigint",
        "ws_order_number": "bigint",
        "ws_warehouse_sk": "bigint",
        "ws_quantity": "integer",
        "ws_sales_price": "decimal(7,2)",
        "ws_ext_sales_price": "decimal(7,2)",
        "ws_net_profit": "decimal(7,2)",
        **_not_drawn("ws"),
    },
    "catalog_returns": {
        "cr_returned_date_sk": "bigint",
        "cr_item_sk": "bigint",
        "cr_order_number": "bigint",
        "cr_warehouse_sk": "bigint",
        "cr_return_quantity": "integer",
        "cr_return_amount": "decimal(7,2)",
    },
    "web_returns": {
        "wr_returned_date_sk": "bigint",
        "wr_item_sk": "bigint",
        "wr_order_number": "bigint",
        "wr_return_quantity": "integer",
        "wr_return_amt": "decimal(7,2)",
    },
    "inventory": {
        "inv_date_sk": "bigint",
        "inv_item_sk": "bigint",
        "inv_warehouse_sk": "bigint",
        "inv_quantity_on_hand": "integer",
    },
    "date_dim": {"d_date_sk": "bigint", "d_date": "date"},
    "warehouse": {"w_warehouse_sk": "bigint"},
    "item": {
        "i_item_sk": "bigint",
        "i_item_id": "varchar",
        "i_rec_start_date": "date",
        "i_rec_end_date": "date",
        **dict.fromkeys(("i_current_price", "i_wholesale_cost"), "decimal(7,2)"),
        **dict.fromkeys(("i_brand_id", "i_class_id", "i_category_id", "i_manufact_id", "i_manager_id"), "bigint"),
        **dict.fromkeys(("i_item_desc", "i_brand", "i_class", "i_category", "i_manufact", "i_size"), "varchar"),
        **dict.fromkeys(("i_formulation", "i_color", "i_units", "i_container", "i_product_name"), "varchar"),
    },
}

DAYS: Final = 45
NO_DAY: Final = 999  # a date key that date_dim does not have
NO_ITEM: Final = 99
NO_WAREHOUSE: Final = 9


def fill(connection: duckdb.DuckDBPyConnection, tables: Rows) -> Source:
    """Put the rows where the oracle looks for them; a table that `tables` does not name is empty."""
    source = Source(connection)
    connection.execute(f"create schema if not exists {source.schema}")
    for table, types in TYPES.items():
        columns = ", ".join(f"{name} {type_}" for name, type_ in types.items())
        connection.execute(f"create or replace table {source.schema}.{table} ({columns})")
        rows = tables.get(table, ())
        if rows:
            places = ", ".join(["(" + ", ".join("?" * len(types)) + ")"] * len(rows))
            values = [row.get(name) for row in rows for name in types]
            connection.execute(f"insert into {source.schema}.{table} values {places}", values)
    return source


def _or_null(known: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.one_of(known, known, known, st.none())


# Few places and round numbers, so that lines meet snapshots, weeks meet weeks, and 7 sold meet 1 on hand.
_QUANTITY = _or_null(st.sampled_from([0, 1, 3, 7, 14, 64, 100, 128]))
_ON_HAND = _or_null(st.sampled_from([0, 1, 2, 9]))
_PRICE = _or_null(st.decimals(min_value=0, max_value=300, places=2))
_PROFIT = _or_null(st.decimals(min_value=-9000, max_value=9000, places=2))
_WAREHOUSE = _or_null(st.sampled_from([1, 1, 1, 1, 1, 2, 2, NO_WAREHOUSE]))
_FEW_OR_MANY = st.sampled_from([0, 10])
_ORDER = _or_null(st.integers(1, 4))


@st.composite
def items(draw: st.DrawFn, first_day: date) -> list[Row]:
    """Up to two items of a few revisions, their keys interleaved, their dates gappy, unordered or unknown."""
    ids = draw(st.lists(st.sampled_from("AAAB"), min_size=1, max_size=5))
    day = _or_null(st.integers(-5, DAYS).map(lambda days: first_day + timedelta(days=days)))
    return [
        {"i_item_sk": number, "i_item_id": item, "i_rec_start_date": draw(day), "i_rec_end_date": draw(day)}
        for number, item in enumerate(ids, start=1)
    ]


@st.composite
def sources(draw: st.DrawFn) -> tuple[dict[str, Sequence[Row]], date]:
    """The tables of a toy source across a year's end, and a business date among its days."""
    first_day = date(draw(st.sampled_from([1998, 1999, 2000])), 12, draw(st.integers(1, 14)))
    days = [first_day + timedelta(days=number) for number in range(DAYS)]
    revisions = draw(items(first_day))
    day_sk = _or_null(st.sampled_from([*range(DAYS), NO_DAY]))
    item_sk = _or_null(st.sampled_from([*(row["i_item_sk"] for row in revisions), NO_ITEM]))
    ids = {row["i_item_sk"]: row["i_item_id"] for row in revisions}

    def lines(table: str, *values: st.SearchStrategy[Any]) -> list[Row]:
        names = list(TYPES[table])
        drawn = draw(st.lists(st.tuples(day_sk, item_sk, _ORDER, *values), min_size=draw(_FEW_OR_MANY), max_size=12))
        return [dict(zip(names, line, strict=False)) for line in drawn]

    def sold(table: str) -> list[Row]:
        found: list[Row] = []
        for line in lines(table, _WAREHOUSE, _QUANTITY, _PRICE, _PRICE, _PROFIT):
            p = f"{table[0]}s"
            quantity, price, amount = (line[f"{p}_{name}"] for name in ("quantity", "sales_price", "ext_sales_price"))
            # Two amounts drawn apart never agree: most lines get the one that is right.
            if None not in (quantity, price, amount) and draw(st.sampled_from([True, True, True, False])):
                amount = quantity * price
            found.append({**line, f"{p}_ext_sales_price": amount})
        return found

    web_sales = sold("web_sales")
    snapshots = draw(
        st.lists(
            st.tuples(
                st.sampled_from(range(DAYS)), st.sampled_from(list(ids)), st.sampled_from([1, 1, 1, 2]), _ON_HAND
            ),
            min_size=draw(_FEW_OR_MANY),
            max_size=16,
            unique_by=lambda row: (row[0], ids[row[1]], row[2]),
        )
    )
    tables: dict[str, Sequence[Row]] = {
        "date_dim": [{"d_date_sk": number, "d_date": day} for number, day in enumerate(days)],
        "item": revisions,
        "warehouse": [{"w_warehouse_sk": number} for number in (1, 2)],
        "catalog_sales": sold("catalog_sales"),
        "web_sales": _one_a_key(web_sales),
        "catalog_returns": lines("catalog_returns", _WAREHOUSE, _QUANTITY, _PRICE),
        "web_returns": lines("web_returns", _QUANTITY, _PRICE),
        "inventory": [dict(zip(TYPES["inventory"], row, strict=True)) for row in snapshots],
    }
    return tables, draw(st.one_of(st.sampled_from(days[-14:]), st.sampled_from(days)))


def _one_a_key(lines: Sequence[Row]) -> list[Row]:
    """A web return finds its sale by item and order: only lines without one of them may come twice."""
    keyed = {(line["ws_item_sk"], line["ws_order_number"]): line for line in lines}
    unkeyed = [line for line in lines if None in (line["ws_item_sk"], line["ws_order_number"])]
    return [line for key, line in keyed.items() if None not in key] + unkeyed
