"""A warehouse whose sources and published weeks end on a day that moves on, without a flow run a day."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from expectations.checks.window import JULIAN_DAY_OF_ORDINAL_0

_WHOLE = """raw_sales.customer raw_sales.customer_address raw_sales.customer_demographics
raw_sales.household_demographics raw_sales.income_band raw_sales.item raw_sales.warehouse raw_sales.date_dim
raw_sales.promotion raw_sales.ship_mode marts.dim_customer marts.dim_item marts.dim_warehouse ops.load_ledger
ops.source_total ops.publication ops.manifest ops.pointer"""

# Where the day of a row stands. A line without one arrives with its order, a return without one with its sale.
_DATED = {
    "raw_sales.catalog_sales": "coalesce(cs_sold_date_sk, min(cs_sold_date_sk) over (partition by cs_order_number), 0)",
    "raw_sales.web_sales": "coalesce(ws_sold_date_sk, min(ws_sold_date_sk) over (partition by ws_order_number), 0)",
    "raw_sales.catalog_returns": "cr_returned_date_sk",
    "raw_sales.web_returns": "coalesce(wr_returned_date_sk, (select any_value(ws_sold_date_sk) "
    "from warehouse.raw_sales.web_sales where ws_item_sk = wr_item_sk and ws_order_number = wr_order_number), 0)",
    "raw_inventory.inventory": "inv_date_sk",
    "ops.inventory_snapshot": "inv_date_sk",
    "marts.fct_weekly_sales_inventory": "inv_snapshot_date - date '1998-01-01' + 2450815",
}

# How the source is counted: the day, units, amount and profit of a row.
_COUNTED = {
    "catalog_sales": (
        "cs_sold_date_sk",
        "cs_quantity",
        "coalesce(cs_ext_sales_price, cs_quantity * cs_sales_price)",
        "sum(cast(round(cs_net_profit, 2) as decimal(18, 2)))",
        "cs_item_sk + 1009 * coalesce(cs_warehouse_sk, 0)",
    ),
    "web_sales": (
        "ws_sold_date_sk",
        "ws_quantity",
        "coalesce(ws_ext_sales_price, ws_quantity * ws_sales_price)",
        "sum(cast(round(ws_net_profit, 2) as decimal(18, 2)))",
        "ws_item_sk + 1009 * coalesce(ws_warehouse_sk, 0)",
    ),
    "catalog_returns": (
        "cr_returned_date_sk",
        "cr_return_quantity",
        "cr_return_amount",
        "null",
        "cr_item_sk + 1009 * coalesce(cr_warehouse_sk, 0)",
    ),
    "web_returns": ("wr_returned_date_sk", "wr_return_quantity", "wr_return_amt", "null", "wr_item_sk"),
}

# What the landing gate reads of a mart: a tenth of its bytes.
_COLUMNS = {
    "marts.fct_weekly_sales_inventory": "inv_snapshot_date, warehouse_sk, item_sk, item_id, week_start_date, "
    "inv_on_hand_qty_wk"
}


def counted_lines(dataset: str, condition: str = "true") -> str:
    """The totals of a source that holds what has landed, in the columns of ops.source_total behind its run."""
    p, units, amount, profit, place = _COUNTED[dataset]
    return (
        f"select '{dataset}' as dataset, calendar.d_date as business_day, count(*) as row_count, "
        f"sum({units}) as units, "
        f"sum(cast(round({amount}, 2) as decimal(18, 2))) as amount, {profit} as profit, "
        f"sum((coalesce({units}, 0) + 1) * ({place})) as placement from raw_sales.{dataset} "
        f"left join raw_sales.date_dim as calendar on calendar.d_date_sk = {p} "
        f"where {condition} group by calendar.d_date"
    )


@dataclass
class GrowingWarehouse:
    """`grow` moves the day on; it does not go back."""

    connection: duckdb.DuckDBPyConnection
    run_id: str = ""
    through_sk: int = -1
    as_generated: bool = True
    """The totals of the complete source still hold for every day; otherwise they are counted anew."""

    @classmethod
    @contextmanager
    def over(cls, warehouse: Path) -> Iterator[GrowingWarehouse]:
        """An empty one over a warehouse that is complete, which stays as it is."""
        with tempfile.TemporaryDirectory() as folder, duckdb.connect(str(Path(folder) / "grown.duckdb")) as connection:
            connection.execute(f"attach '{warehouse}' as warehouse (read_only)")
            for schema in ("raw_sales", "raw_inventory", "ops", "marts", "dated", "staging"):
                connection.execute(f"create schema {schema}")
            for table in _WHOLE.split():
                connection.execute(f"create table {table} as from warehouse.{table}")
            connection.execute("create table ops.gate_result as from warehouse.ops.gate_result")
            for table, day_sk in _DATED.items():
                columns = _COLUMNS.get(table, "*")
                connection.execute(f"create table {table} as select {columns} from warehouse.{table} limit 0")
                connection.execute(
                    f"create table dated.{table.split('.')[1]} as "
                    f"select {day_sk} as day_sk, {columns} from warehouse.{table} order by 1"
                )
            (run_id,) = connection.execute("select max(run_id) from ops.source_total").fetchone() or ("",)
            yield cls(connection, run_id)

    def grow(self, through: date) -> None:
        """Let every day up to `through` arrive."""
        through_sk = through.toordinal() + JULIAN_DAY_OF_ORDINAL_0
        for table in _DATED:
            self.connection.execute(
                f"insert into {table} select * exclude (day_sk) from dated.{table.split('.')[1]} "
                f"where day_sk > {self.through_sk} and day_sk <= {through_sk}"
            )
        self.through_sk = through_sk
        for dataset in _COUNTED:
            self._count_source(dataset)

    def _count_source(self, dataset: str) -> None:
        """The source holds what has arrived: of rows without a day that is less than it will be in the end."""
        days = "and business_day is null" if self.as_generated else ""
        self.connection.execute(f"delete from ops.source_total where dataset = '{dataset}' {days}")
        counted = counted_lines(dataset, "calendar.d_date is null" if self.as_generated else "true")
        self.connection.execute(
            f"insert into ops.source_total select ?, counted.* from ({counted}) as counted", [self.run_id]
        )

    def stage(self, business_date: date) -> None:
        """The staging views of the complete warehouse over what has arrived, for another business date."""
        # The calendar comes first: other views name it.
        views = self.connection.execute(
            "select sql from duckdb_views() where database_name = 'warehouse' and schema_name = 'staging' "
            "and starts_with(view_name, 'stg_') order by view_name <> 'stg_sales__dates'"
        ).fetchall()
        for (sql,) in views:
            self.connection.execute(self._moved(sql, business_date))

    def _moved(self, sql: str, business_date: date) -> str:
        here = sql.replace("CREATE VIEW staging.", "CREATE OR REPLACE VIEW staging.")
        here = re.sub(r"\bwarehouse\.(raw_sales|raw_inventory|staging)\.", r"\1.", here)
        return re.sub(
            r"(sold_date|snapshot_date|returned_date)( <= CAST\(')[0-9-]+", rf"\g<1>\g<2>{business_date}", here
        )
