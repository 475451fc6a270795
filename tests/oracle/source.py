"""Fills the oracle from the sources themselves; refuses the warehouse, and a source whose right answer is undefined."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime
from importlib.util import find_spec
from pathlib import Path
from typing import Final

import duckdb

_OF_A_LINE: Final = (
    *("sold_date_sk", "item_sk", "order_number", "warehouse_sk", "quantity", "sales_price", "ext_sales_price"),
    *("net_profit", "list_price", "ext_list_price", "wholesale_cost", "ext_wholesale_cost"),
    *("ext_discount_amt", "coupon_amt", "net_paid", "ext_tax", "ext_ship_cost", "net_paid_inc_tax"),
    *("net_paid_inc_ship", "net_paid_inc_ship_tax"),
)

COLUMNS_READ: Final[dict[str, str]] = {
    "catalog_sales": ", ".join(f"cs_{name}" for name in _OF_A_LINE),
    "web_sales": ", ".join(f"ws_{name}" for name in _OF_A_LINE),
    "catalog_returns": "cr_returned_date_sk, cr_item_sk, cr_order_number, cr_warehouse_sk, cr_return_quantity, "
    "cr_return_amount",
    "web_returns": "wr_returned_date_sk, wr_item_sk, wr_order_number, wr_return_quantity, wr_return_amt",
    "date_dim": "d_date_sk, d_date",
    "item": "*",
    "warehouse": "*",
    "customer": "*",
    "customer_address": "*",
    "customer_demographics": "*",
    "household_demographics": "*",
    "income_band": "*",
}
"""What is read of the stock TPC-DS tables. `inventory` comes from the dumps."""

_DUMP_KEY = re.compile(r"(?:^|/)(\d{4}-\d{2}-\d{2})(?:-[^/]*)?\.csv(\.gz)?$")


class UnusableSource(Exception):
    """DATA.md does not say what must be published from such a source: a gate should have stopped it before."""


@dataclass(frozen=True)
class Source:
    """The stock tables and `inventory` (the snapshots in force), in one schema of one DuckDB connection.

    Whatever the oracle computes goes into the schema `oracle` of the same connection.
    """

    connection: duckdb.DuckDBPyConnection
    schema: str = "source"


@dataclass(frozen=True)
class Dump:
    """One inventory dump that was let through: its S3 key, when S3 received it, and its bytes as they lie there."""

    key: str
    last_modified: datetime
    content: bytes

    @property
    def rank(self) -> tuple[date, datetime]:
        """The greater rank is the newer dump, whichever of the two arrived first."""
        return date.fromisoformat(self._named()[1]), self.last_modified

    @property
    def compressed(self) -> bool:
        return self._named()[2] is not None

    def _named(self) -> re.Match[str]:
        found = _DUMP_KEY.search(self.key)
        if found is None:
            raise UnusableSource(f"{self.key!r} is not the key of a dump; leave out what the file gate rejected.")
        return found


def load_extension(connection: duckdb.DuckDBPyConnection, name: str) -> None:
    """Load an extension from its wheel, by path: no network, nothing written below the home directory."""
    package = find_spec(f"duckdb_extension_{name}")
    if package is None or package.origin is None:
        raise ModuleNotFoundError(f"the wheel duckdb-extension-{name.replace('_', '-')} is not installed")
    folder = Path(package.origin).parent / "extensions" / f"v{duckdb.__version__}"
    connection.execute(f"load '{folder / name}.duckdb_extension'")


def from_postgres(
    connection: duckdb.DuckDBPyConnection, dsn: str, dumps: Iterable[Dump], *, postgres_schema: str = "public"
) -> Source:
    """Copy the source as it is now, every table in one Postgres snapshot, and put the dumps' weeks in force.

    Raises:
        UnusableSource: as `put_in_force`.
    """
    source = Source(connection)
    load_extension(connection, "postgres_scanner")
    connection.execute(f"attach '{quoted(dsn)}' as oracle_postgres (type postgres, read_only)")
    connection.execute(f"create schema if not exists {source.schema}")
    connection.execute("begin transaction")  # all reads in one DuckDB transaction see one Postgres snapshot
    for table, columns in COLUMNS_READ.items():
        connection.execute(
            f"create or replace table {source.schema}.{table} as "
            f"select {columns} from oracle_postgres.{postgres_schema}.{table}"
        )
    connection.execute("commit")
    connection.execute("detach oracle_postgres")
    put_in_force(source, dumps)
    return source


def from_database(connection: duckdb.DuckDBPyConnection, generated: Path) -> Source:
    """Read a generated TPC-DS database where it lies, inventory included, without copying it."""
    source = Source(connection)
    connection.execute(f"attach '{quoted(str(generated))}' as oracle_generated (read_only)")
    connection.execute(f"create schema if not exists {source.schema}")
    for table in (*COLUMNS_READ, "inventory"):
        connection.execute(f"create or replace view {source.schema}.{table} as select * from oracle_generated.{table}")
    return source


def generate(connection: duckdb.DuckDBPyConnection, scale: float) -> Source:
    """Generate TPC-DS into the connection: 1 s at scale 0.01, 20 s and 330 MB on disk at scale 1."""
    source = Source(connection)
    load_extension(connection, "tpcds")
    connection.execute(f"create schema {source.schema}")
    connection.execute(f"call dsdgen(sf = {scale}, schema = '{source.schema}')")
    return source


def put_in_force(source: Source, dumps: Iterable[Dump]) -> None:
    """Make `inventory` of the dumps: every snapshot date from the newest dump that holds it, whole.

    The newest has the latest day in its key, and of one day the latest arrival in S3.

    Raises:
        UnusableSource: a key is not a dump's, or two dumps of equal rank differ on a snapshot date.
    """
    contents = {(dump.rank, dump.content): dump for dump in dumps}
    distinct = sorted(contents.values(), key=lambda dump: dump.rank)
    ranks = {rank: place for place, rank in enumerate(sorted({dump.rank for dump in distinct}))}
    connection = source.connection
    connection.execute(f"create schema if not exists {source.schema}")
    connection.execute(
        "create or replace temp table dumped (rank bigint, dump bigint, date_sk bigint, item_sk bigint, "
        "warehouse_sk bigint, quantity bigint)"
    )
    with tempfile.TemporaryDirectory() as folder:
        for number, dump in enumerate(distinct):
            file = Path(folder) / f"{number}.csv{'.gz' if dump.compressed else ''}"
            file.write_bytes(dump.content)
            connection.execute(
                "insert into dumped select ?, ?, inv_date_sk, inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand "
                "from read_csv(?, header = true, all_varchar = true, delim = ',', quote = '\"', strict_mode = true)",
                [ranks[dump.rank], number, str(file)],
            )
    _refuse_ties(connection, distinct)
    connection.execute(
        f"create or replace table {source.schema}.inventory as "
        "select date_sk as inv_date_sk, item_sk as inv_item_sk, warehouse_sk as inv_warehouse_sk, "
        "quantity as inv_quantity_on_hand from dumped "
        "inner join (select date_sk, max(rank) as rank from dumped group by date_sk) as newest using (date_sk, rank)"
    )
    connection.execute("drop table dumped")


def quoted(text: str) -> str:
    return text.replace("'", "''")


def _refuse_ties(connection: duckdb.DuckDBPyConnection, dumps: list[Dump]) -> None:
    tied = connection.execute(
        "select date_sk, list(distinct dump order by dump) from dumped "
        "group by date_sk, rank having count(distinct dump) > 1 "
        "qualify rank = max(rank) over (partition by date_sk) limit 1"
    ).fetchone()
    if tied is not None:
        raise UnusableSource(
            f"snapshot {tied[0]} is in {' and '.join(dumps[number].key for number in tied[1])}, of the same day and "
            "arrival but not the same content: which is newer is not defined. Put them a second apart."
        )
