"""Counts what the source holds, a line a day; refuses to carry a row of it."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING, LiteralString

from shelfgate.clients.addresses import of_dsn
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure
from shelfgate.failpoints import outside_call
from shelfgate.progress import Step, report

if TYPE_CHECKING:
    import psycopg

# Rows, units, amount, profit and placement by day. The amount is defined in DATA.md section 3, `sum_amt_wk`. The
# placement is no quantity of anything: units that change their item or warehouse change it and nothing else (1009 is a
# prime, so that a step of one warehouse is not one of a round number of items). Money is added up as numeric: the cast
# costs nothing where it is numeric, and gives the cents back where it is double precision (15 digits).
DATED: dict[LiteralString, tuple[LiteralString, LiteralString, LiteralString, LiteralString, LiteralString]] = {
    "catalog_sales": (
        "cs_sold_date_sk",
        "sum(cs_quantity)",
        "sum(coalesce(cs_ext_sales_price::numeric, cs_quantity::numeric * cs_sales_price::numeric))",
        "sum(cs_net_profit::numeric)",
        "sum((coalesce(cs_quantity, 0) + 1)::bigint * (cs_item_sk + 1009 * coalesce(cs_warehouse_sk, 0)))",
    ),
    "web_sales": (
        "ws_sold_date_sk",
        "sum(ws_quantity)",
        "sum(coalesce(ws_ext_sales_price::numeric, ws_quantity::numeric * ws_sales_price::numeric))",
        "sum(ws_net_profit::numeric)",
        "sum((coalesce(ws_quantity, 0) + 1)::bigint * (ws_item_sk + 1009 * coalesce(ws_warehouse_sk, 0)))",
    ),
    "catalog_returns": (
        "cr_returned_date_sk",
        "sum(cr_return_quantity)",
        "sum(cr_return_amount::numeric)",
        "null::numeric",
        "sum((coalesce(cr_return_quantity, 0) + 1)::bigint * (cr_item_sk + 1009 * coalesce(cr_warehouse_sk, 0)))",
    ),
    "web_returns": (
        "wr_returned_date_sk",
        "sum(wr_return_quantity)",
        "sum(wr_return_amt::numeric)",
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


# Columns that are added up. Not `real`: it holds 6 digits, too few for an amount to the cent.
NUMBERS = frozenset({"smallint", "integer", "bigint", "numeric", "double precision"})
_COLUMN = re.compile(r"\b(?:cs|ws|cr|wr)_\w+")


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
        ExternalServiceUnavailable: Postgres does not answer.
        ConfigurationError: `dsn` is no connection string, or Postgres refuses the user or the password.
        PermanentFailure: a table or a column is missing, or holds no numbers that can be added up.
    """
    with _snapshot_of(dsn) as connection:
        _need_numbers(connection)
        return [*_dated(connection), *_undated(connection)]


@outside_call("source")
def need_all_tables(dsn: str) -> None:
    """Look before a sync: Airbyte's public API tells that a job failed, and never why.

    Raises:
        PermanentFailure: with the names of the tables that are missing, or of a column that holds no numbers.
        ExternalServiceUnavailable, ConfigurationError: as `count_source`.
    """
    with _snapshot_of(dsn) as connection:
        there = {name for (name,) in connection.execute("select tablename from pg_tables where schemaname = 'public'")}
        if missing := sorted({*DATED, *UNDATED} - there):
            raise PermanentFailure(
                f"source: schema public has no table {', '.join(missing)}; wanted all {len(DATED) + len(UNDATED)} "
                "tables. No sync was started and nothing was changed. Restore the table, then run again."
            )
        _need_numbers(connection)


def _need_numbers(connection: psycopg.Connection) -> None:
    """Every column that is added up is there and holds numbers: a sum of another type would be another sum."""
    types = {
        (table, column): kind
        for table, column, kind in connection.execute(
            "select table_name, column_name, data_type from information_schema.columns where table_schema = 'public'"
        )
    }
    for table, expressions in DATED.items():
        for column in sorted({name for one in expressions for name in _COLUMN.findall(one)}):
            if (kind := types.get((table, column), "missing")) not in NUMBERS:
                raise PermanentFailure(
                    f"source: {table}.{column} is {kind}; expected integer, numeric or double precision, to count "
                    "units and cents. Nothing was published. Readers see the last publication; restore the column (and "
                    "this user's right to read it), then run again."
                )


def refuse_bad_dsn(dsn: str) -> None:
    """
    Raises:
        ConfigurationError: it is no Postgres connection string.
    """
    import psycopg
    from psycopg.conninfo import conninfo_to_dict

    try:
        conninfo_to_dict(dsn)
    except psycopg.ProgrammingError:
        # Without its text, which may quote a password.
        raise ConfigurationError(
            "SHELFGATE_SOURCE_DSN: observed text that libpq cannot parse (it is not shown); expected a Postgres "
            "connection string, postgresql://USER:PASSWORD@HOST:PORT/DATABASE. Nothing was run. Correct it "
            "(percent-encode special characters of a password), then run again."
        ) from None


@contextmanager
def _snapshot_of(dsn: str) -> Iterator[psycopg.Connection]:
    import psycopg

    refuse_bad_dsn(dsn)
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
        raise ExternalServiceUnavailable(
            f"source: Postgres at {of_dsn(dsn)} (SHELFGATE_SOURCE_DSN) did not answer. Nothing was changed."
        ) from None
    except psycopg.DatabaseError as error:
        # Without its text, which may quote a row.
        raise PermanentFailure(
            f"source: Postgres answered {error.sqlstate or 'without a code'} ({type(error).__name__}); expected the "
            "totals of the stock TPC-DS tables. Nothing was published. Readers see the last publication; look at the "
            "last change of the tables."
        ) from None


def _dated(connection: psycopg.Connection) -> Iterator[SourceTotal]:
    for number, (table, (day, units, amount, profit, placement)) in enumerate(DATED.items()):
        report(Step("tables of the source counted", number, len(DATED) + len(UNDATED), table))
        rows = connection.execute(
            f"select d_date, count(*), {units}, {amount}, {profit}, {placement} "
            f"from {table} left join date_dim on d_date_sk = {day} group by d_date"
        )
        for business_day, count, unit_sum, amount_sum, profit_sum, placed in rows:
            about = f"{table} on {business_day or 'no day'}"
            yield SourceTotal(
                table,
                business_day,
                count,
                _whole(unit_sum, f"units of {about}"),
                _cents(amount_sum, f"amount of {about}"),
                _cents(profit_sum, f"profit of {about}"),
                _whole(placed, f"placement of {about}"),
            )


def _undated(connection: psycopg.Connection) -> Iterator[SourceTotal]:
    for number, table in enumerate(UNDATED, len(DATED)):
        report(Step("tables of the source counted", number, len(DATED) + len(UNDATED), table))
        ((count,),) = connection.execute(f"select count(*) from {table}")
        yield SourceTotal(table, None, count)


def _whole(value: Decimal | float | None, what: str) -> int | None:
    if value is None:
        return None
    if not math.isfinite(value) or value != int(value):
        raise _no_amount(what, "a whole number")
    return int(value)


def _cents(value: Decimal | None, what: str) -> Decimal | None:
    if value is None:
        return None
    if not value.is_finite():
        raise _no_amount(what, "an amount")
    return value.quantize(Decimal("0.01"))


def _no_amount(what: str, expected: str) -> PermanentFailure:
    return PermanentFailure(
        f"source: {what} add up to something else; expected {expected}. Nothing was published. Readers see the last "
        "publication; look for NaN, infinity or a part of a unit in the source, then run again."
    )
