"""A warehouse whose sources and published weeks end on a day that moves on, without a flow run a day."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from expectations.window import JULIAN_DAY_OF_ORDINAL_0

_WHOLE = """raw_sales.customer raw_sales.customer_address raw_sales.customer_demographics
raw_sales.household_demographics raw_sales.income_band raw_sales.item raw_sales.warehouse raw_sales.date_dim
raw_sales.promotion raw_sales.ship_mode marts.dim_customer ops.load_ledger ops.source_total
ops.publication ops.manifest ops.pointer"""

# Where the day of a row stands. A sale without one arrives with the first seed; a return without one stays away, since
# it would have to arrive with its sale: the first load judges those.
_DATED = {
    "raw_sales.catalog_sales": "coalesce(cs_sold_date_sk, 0)",
    "raw_sales.web_sales": "coalesce(ws_sold_date_sk, 0)",
    "raw_sales.catalog_returns": "cr_returned_date_sk",
    "raw_sales.web_returns": "wr_returned_date_sk",
    "raw_inventory.inventory": "inv_date_sk",
    "ops.inventory_snapshot": "inv_date_sk",
    "marts.fct_weekly_sales_inventory": "inv_snapshot_date - date '1998-01-01' + 2450815",
}


@dataclass
class GrowingWarehouse:
    """`grow` moves the day on; it does not go back."""

    connection: duckdb.DuckDBPyConnection
    through_sk: int = -1

    @classmethod
    @contextmanager
    def over(cls, warehouse: Path) -> Iterator[GrowingWarehouse]:
        """An empty one over a warehouse that is complete, which stays as it is."""
        # Small tables and many queries: threads would only wait for each other.
        with duckdb.connect(config={"threads": 1}) as connection:
            connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
            for schema in ("raw_sales", "raw_inventory", "ops", "marts", "dated"):
                connection.execute(f"create schema {schema}")
            for table in _WHOLE.split():
                connection.execute(f"create table {table} as from warehouse.{table}")
            for table, day_sk in _DATED.items():
                connection.execute(f"create table {table} as from warehouse.{table} limit 0")
                connection.execute(
                    f"create table dated.{table.split('.')[1]} as "
                    f"select {day_sk} as day_sk, * from warehouse.{table} order by 1"
                )
            connection.execute("delete from ops.source_total where business_day is null and dataset like '%_returns'")
            yield cls(connection)

    def grow(self, through: date) -> None:
        """Let every day up to `through` arrive."""
        through_sk = through.toordinal() + JULIAN_DAY_OF_ORDINAL_0
        for table in _DATED:
            self.connection.execute(
                f"insert into {table} select * exclude (day_sk) from dated.{table.split('.')[1]} "
                f"where day_sk > {self.through_sk} and day_sk <= {through_sk}"
            )
        self.through_sk = through_sk
