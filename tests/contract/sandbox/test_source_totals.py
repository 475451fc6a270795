"""The totals of a real Postgres, to the cent, whatever number type its columns have; any other type is named."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest

from shelfgate.clients.source_postgres import SourceTotal, count_source, need_all_tables
from shelfgate.errors import ConfigurationError, PermanentFailure

MONEY = {
    "catalog_sales": ("cs_ext_sales_price", "cs_sales_price", "cs_net_profit"),
    "web_sales": ("ws_ext_sales_price", "ws_sales_price", "ws_net_profit"),
    "catalog_returns": ("cr_return_amount",),
    "web_returns": ("wr_return_amt",),
}


def change(source: str, *statements: str) -> None:
    with psycopg.connect(source, autocommit=True) as connection:
        for one in statements:
            connection.execute(one)  # pyright: ignore[reportArgumentType, reportCallIssue]


def retype(source: str, table: str, column: str, kind: str) -> None:
    change(source, f"alter table {table} alter column {column} type {kind} using {column}::{kind}")


def in_order(totals: list[SourceTotal]) -> list[SourceTotal]:
    return sorted(totals, key=lambda one: (one.dataset, str(one.business_day)))


def test_money_in_doubles_adds_up_to_the_same_cents(source: str) -> None:
    wanted = in_order(count_source(source))
    for table, columns in MONEY.items():
        for column in columns:
            retype(source, table, column, "double precision")

    need_all_tables(source)
    found = in_order(count_source(source))

    assert found == wanted
    assert any(one.amount for one in wanted if one.dataset == "catalog_sales")
    assert {type(one.amount) for one in found if one.amount is not None} == {Decimal}


@pytest.mark.parametrize("kind", ["bigint", "numeric", "double precision"])
def test_quantities_and_keys_of_another_number_type_add_up_the_same(source: str, kind: str) -> None:
    wanted = in_order(count_source(source))
    for column in ("cs_quantity", "cs_item_sk", "cs_warehouse_sk"):
        retype(source, "catalog_sales", column, kind)

    found = in_order(count_source(source))

    assert found == wanted
    assert {type(one.units) for one in found if one.units is not None} == {int}


@pytest.mark.parametrize("kind", ["text", "real"])
def test_a_column_that_holds_no_cents_is_refused_before_a_sync(source: str, kind: str) -> None:
    retype(source, "catalog_sales", "cs_net_profit", kind)

    for look in (need_all_tables, count_source):
        with pytest.raises(PermanentFailure, match=rf"catalog_sales\.cs_net_profit is {kind}; expected .*Readers"):
            look(source)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("update catalog_sales set cs_net_profit = 'NaN'", "profit of catalog_sales"),
        ("update catalog_sales set cs_quantity = 1.5", "units of catalog_sales"),
    ],
)
def test_a_sum_that_is_no_amount_names_table_and_day(source: str, statement: str, told: str) -> None:
    for column in ("cs_net_profit", "cs_quantity"):
        retype(source, "catalog_sales", column, "double precision")
    change(source, f"{statement} where ctid = (select min(ctid) from catalog_sales)")

    with pytest.raises(PermanentFailure, match=rf"source: {told} on .*expected"):
        count_source(source)


def test_lines_without_any_key_are_counted(source: str) -> None:
    change(source, "alter table web_returns drop constraint if exists web_returns_pkey")
    change(
        source,
        "alter table web_returns alter column wr_item_sk drop not null",
        "update web_returns set wr_item_sk = null",
    )

    assert sum(one.rows for one in count_source(source) if one.dataset == "web_returns") > 0


def test_a_column_that_is_gone_is_named(source: str) -> None:
    change(source, "alter table web_sales drop column ws_net_profit cascade")

    for look in (need_all_tables, count_source):
        with pytest.raises(PermanentFailure, match=r"web_sales\.ws_net_profit is missing"):
            look(source)


def test_a_source_that_cannot_answer_is_no_traceback(source: str) -> None:
    change(
        source, "drop table date_dim cascade", "create view date_dim as select 1/0 as d_date_sk, current_date as d_date"
    )

    with pytest.raises(PermanentFailure, match=r"source: Postgres answered 22012"):
        count_source(source)


def test_text_that_is_no_connection_string_is_a_setting_of_the_wrong_form() -> None:
    for look in (need_all_tables, count_source):
        with pytest.raises(ConfigurationError, match="SHELFGATE_SOURCE_DSN: observed text that libpq") as refused:
            look("secret of no dsn")

        assert "secret" not in str(refused.value)
