"""Says what each published table must contain, from the sources and the rules alone; never looks at the warehouse."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import duckdb

from tests.oracle.source import Source, UnusableSource

_SQL: Final = Path(__file__).parent / "sql"
_LAST_DAY: Final = date.max  # for tables that do not depend on the business date
_OF_LINES: Final = ("catalog_sales", "web_sales", "catalog_returns", "web_returns")
_OF_ENTITIES: Final = ("dim_date", "dim_item", "dim_warehouse", "customer_row")


@dataclass(frozen=True)
class Table:
    """A table and the connection that sees it; `name` may carry catalog and schema."""

    connection: duckdb.DuckDBPyConnection
    name: str

    def columns(self) -> dict[str, str]:
        """Column name to DuckDB type, in order."""
        described = self.connection.execute(f"describe select * from {self.name}").fetchall()
        return {str(row[0]): str(row[1]) for row in described}

    def rows(self) -> list[dict[str, Any]]:
        cursor = self.connection.execute(f"select * from {self.name}")
        names = [column[0] for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]


def fct_weekly_sales_inventory(source: Source, business_date: date, week_start_day: int = 0) -> Table:
    """The weekly fact; `week_start_day` counts from Sunday = 0.

    Raises:
        UnusableSource: the rules do not say what must be published from this source.
    """
    return _made("fct_weekly_sales_inventory", source, business_date, week_start_day)


def fct_daily_sales(source: Source, business_date: date, week_start_day: int = 0) -> Table:
    return _made("fct_daily_sales", source, business_date, week_start_day)


def dim_week(source: Source, business_date: date, week_start_day: int = 0) -> Table:
    return _made("dim_week", source, business_date, week_start_day)


def dim_date(source: Source, week_start_day: int = 0) -> Table:
    return _made("dim_date", source, _LAST_DAY, week_start_day)


def dim_item(source: Source) -> Table:
    return _made("dim_item", source)


def dim_warehouse(source: Source) -> Table:
    return _made("dim_warehouse", source)


def customer_row(source: Source) -> Table:
    """The customers as they are integrated now, without history: what `apply_day` takes as `today`."""
    return _made("customer_row", source)


def quarantined_sales_lines(source: Source, business_date: date) -> Table:
    """The sales lines without a day, an item or a warehouse on file, or wrong in themselves, as the source has them."""
    return _made("quarantined_sales_lines", source, business_date)


def quarantined_return_lines(source: Source, business_date: date) -> Table:
    """As `quarantined_sales_lines`; a web return has the warehouse of its sale."""
    return _made("quarantined_return_lines", source, business_date)


def _made(name: str, source: Source, business_date: date = _LAST_DAY, week_start_day: int = 0) -> Table:
    if week_start_day not in range(7):
        raise ValueError(f"week_start_day is {week_start_day}; it counts from Sunday = 0 to Saturday = 6")
    values = {
        "source": source.schema,
        "business_date": f"date '{business_date.isoformat()}'",
        "week_start_day": week_start_day,
    }
    run = source.connection.execute
    run(_statement("definitions", values))
    if name not in _OF_ENTITIES:
        _refuse_undefined(source, values)
    run(_statement(name, values))
    return Table(source.connection, f"oracle.{name}")


def _statement(name: str, values: dict[str, object]) -> str:
    return (_SQL / f"{name}.sql").read_text(encoding="utf-8").format_map(values)


def _refuse_undefined(source: Source, values: dict[str, object]) -> None:
    faults = source.connection.execute(_statement("undefined", values)).fetchall()
    for table in _OF_LINES:
        floats = [
            name
            for name, type_ in Table(source.connection, f"{source.schema}.{table}").columns().items()
            if type_ in ("FLOAT", "DOUBLE")
        ]
        faults += [(f"{table}.{name} in floating point, so not exact", 1) for name in floats]
    if faults:
        raise UnusableSource(
            "no rule says what to publish from this source: " + "; ".join(f"{found} {fault}" for fault, found in faults)
        )
