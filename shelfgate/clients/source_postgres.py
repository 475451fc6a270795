"""Counts what the source holds, a line a day; refuses to carry a row of it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, LiteralString

from shelfgate.clients.addresses import of_dsn
from shelfgate.errors import ConfigurationError, OutsideWorldGaveUp, PermanentFailure
from shelfgate.failpoints import outside_call
from shelfgate.progress import Step, report

if TYPE_CHECKING:
    import psycopg

# Rows, units, amount, profit and placement by day. The amount is defined in DATA.md section 3, `sum_amt_wk`. The
# placement is no quantity of anything: units that change their item or warehouse change it and nothing else (1009 is a
# prime, so that a step of one warehouse is not one of a round number of items).
DATED: dict[LiteralString, tuple[LiteralString, LiteralString, LiteralString, LiteralString, LiteralString]] = {
    "catalog_sales": (
        "cs_sold_date_sk",
        "sum(cs_quantity)",
        "sum(coalesce(cs_ext_sales_price, cs_quantity * cs_sales_price))",
        "sum(cs_net_profit)",
        "sum((coalesce(cs_quantity, 0) + 1)::bigint * (cs_item_sk + 1009 * coalesce(cs_warehouse_sk, 0)))",
    ),
    "web_sales": (
        "ws_sold_date_sk",
        "sum(ws_quantity)",
        "sum(coalesce(ws_ext_sales_price, ws_quantity * ws_sales_price))",
        "sum(ws_net_profit)",
        "sum((coalesce(ws_quantity, 0) + 1)::bigint * (ws_item_sk + 1009 * coalesce(ws_warehouse_sk, 0)))",
    ),
    "catalog_returns": (
        "cr_returned_date_sk",
        "sum(cr_return_quantity)",
        "sum(cr_return_amount)",
        "null::numeric",
        "sum((coalesce(cr_return_quantity, 0) + 1)::bigint * (cr_item_sk + 1009 * coalesce(cr_warehouse_sk, 0)))",
    ),
    "web_returns": (
        "wr_returned_date_sk",
        "sum(wr_return_quantity)",
        "sum(wr_return_amt)",
        "null::numeric",
        "sum((coalesce(wr_return_quantity, 0) + 1)::bigint * wr_item_sk)",
    ),
}

UNDATED: tuple[LiteralString, ...] = (
    "customer",
    "customer_address",
    "customer_demographics",
    "household_demographics",
    "income_band",
    "item",
    "warehouse",
    "date_dim",
    "promotion",
    "ship_mode",
)


@dataclass(frozen=True)
class SourceTotal:
    """One day of one table (`business_day` None: lines without a date, or a table that has none)."""

    dataset: str
    business_day: date | None
    rows: int
    units: int | None = None
    amount: Decimal | None = None
    profit: Decimal | None = None
    placement: int | None = None


@outside_call("source")
def count_source(dsn: str) -> list[SourceTotal]:
    """Totals of all 14 tables, seen in one snapshot of the source.

    Raises:
        OutsideWorldGaveUp: Postgres does not answer.
        ConfigurationError: it refuses the user or the password.
        PermanentFailure: a table or a column is missing.
    """
    with _snapshot_of(dsn) as connection:
        return [*_dated(connection), *_undated(connection)]


@outside_call("source")
def need_all_tables(dsn: str) -> None:
    """Look before a sync: Airbyte's public API tells that a job failed, and never why.

    Raises:
        PermanentFailure: with the names of the tables that are missing.
        OutsideWorldGaveUp, ConfigurationError: as `count_source`.
    """
    with _snapshot_of(dsn) as connection:
        there = {name for (name,) in connection.execute("select tablename from pg_tables where schemaname = 'public'")}
    if missing := sorted({*DATED, *UNDATED} - there):
        raise PermanentFailure(
            f"source: schema public has no table {', '.join(missing)}; wanted all {len(DATED) + len(UNDATED)} tables. "
            "No sync was started and nothing was changed. Restore the table, then run again."
        )


@contextmanager
def _snapshot_of(dsn: str) -> Iterator[psycopg.Connection]:
    import psycopg

    try:
        with psycopg.connect(dsn, connect_timeout=15, autocommit=False) as connection:
            connection.execute("set transaction isolation level repeatable read, read only")
            yield connection
    except (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn) as error:
        raise PermanentFailure(
            f"source: {str(error).splitlines()[0]}. Wanted the stock TPC-DS tables; restore it."
        ) from None
    except (psycopg.errors.InvalidPassword, psycopg.errors.InvalidAuthorizationSpecification) as error:
        raise ConfigurationError("source: Postgres refused the user or password in SHELFGATE_SOURCE_DSN.") from error
    except psycopg.OperationalError as error:
        if "password authentication failed" in str(error):
            raise ConfigurationError("source: Postgres refused the user or password in SHELFGATE_SOURCE_DSN.") from None
        raise OutsideWorldGaveUp(
            f"source: Postgres at {of_dsn(dsn)} (SHELFGATE_SOURCE_DSN) did not answer. Nothing was changed."
        ) from None


def _dated(connection: psycopg.Connection) -> Iterator[SourceTotal]:
    for number, (table, (day, units, amount, profit, placement)) in enumerate(DATED.items()):
        report(Step("tables of the source counted", number, len(DATED) + len(UNDATED), table))
        rows = connection.execute(
            f"select d_date, count(*), {units}, {amount}, {profit}, {placement} "
            f"from {table} left join date_dim on d_date_sk = {day} group by d_date"
        )
        for business_day, count, unit_sum, amount_sum, profit_sum, placed in rows:
            yield SourceTotal(table, business_day, count, unit_sum, _cents(amount_sum), _cents(profit_sum), int(placed))


def _undated(connection: psycopg.Connection) -> Iterator[SourceTotal]:
    for number, table in enumerate(UNDATED, len(DATED)):
        report(Step("tables of the source counted", number, len(DATED) + len(UNDATED), table))
        ((count,),) = connection.execute(f"select count(*) from {table}")
        yield SourceTotal(table, None, count)


def _cents(value: Decimal | None) -> Decimal | None:
    return None if value is None else value.quantize(Decimal("0.01"))
