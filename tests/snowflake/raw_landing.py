"""TPC-DS as Airbyte and the Lambda leave it in Snowflake, by COPY; never says what the numbers must be."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import duckdb

from sandbox.snowflake.emulator_process import ADMIN
from tests.snowflake.conftest import BUCKET, PREFIX, Installed
from tests.support.small_warehouse import SALES_TABLES

# Airbyte's destination: whole numbers are NUMBER, other numbers FLOAT, names upper case.
TYPES = {"INTEGER": "number(38, 0)", "BIGINT": "number(38, 0)", "DATE": "date", "VARCHAR": "varchar"}
META = (
    ("_airbyte_raw_id", "varchar", "uuid()"),
    ("_airbyte_extracted_at", "timestamp_tz", "'2003-01-09 00:00:00+00'"),
    ("_airbyte_meta", "varchar", """'{"sync_id":1,"changes":[]}'"""),
    ("_airbyte_generation_id", "number(38, 0)", "0"),
)


def generate(path: Path, scale: float) -> duckdb.DuckDBPyConnection:
    """TPC-DS as its own generator makes it."""
    package = importlib.util.find_spec("duckdb_extension_tpcds")
    assert package is not None
    assert package.origin is not None
    (extension,) = Path(package.origin).parent.rglob("tpcds.duckdb_extension")
    connection = duckdb.connect(str(path))
    connection.execute(f"load '{extension}'; call dsdgen(sf={scale})")
    return connection


def land(installed: Installed, source: duckdb.DuckDBPyConnection, folder: Path) -> None:
    """Fill raw_sales and raw_inventory."""
    with installed.estate.warehouse(installed.database, ADMIN, "SYSADMIN").turn() as session:
        for table in SALES_TABLES:
            columns = source.execute(f"select column_name, column_type from (describe {table})").fetchall()
            kinds = [(name, TYPES.get(kind, "float")) for name, kind in columns] + [(n, k) for n, k, _ in META]
            made = ", ".join(f"{name} {kind}" for name, kind in kinds)
            session.run(f"create table if not exists raw_sales.{table} ({made})")
            chosen = ", ".join([name for name, _ in columns] + [f"{value} as {name}" for name, _, value in META])
            copy_into(
                installed.estate.s3, session, source, folder, f"raw_sales.{table}", f"select {chosen} from {table}"
            )
        inventory = "select inv_date_sk, inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand from inventory"
        copy_into(installed.estate.s3, session, source, folder, "raw_inventory.inventory", inventory)


def copy_into(s3: Any, session: Any, source: duckdb.DuckDBPyConnection, folder: Path, table: str, query: str) -> None:
    """The rows of a query into a table, by way of the bucket."""
    file = folder / f"{table}.csv"
    # An empty text is not NULL, which RFC 4180 cannot say: NULL is written as Snowflake's own tools write it.
    source.execute(f"copy ({query}) to '{file}' (header, delimiter ',', nullstr '\\N')")
    s3.upload_file(str(file), BUCKET, f"{PREFIX}{table}.csv")
    answer = session.rows(
        f"copy into {table} from @raw_inventory.inbound files = ('{table}.csv') "
        "file_format = (type = csv skip_header = 1 field_optionally_enclosed_by = '\"' null_if = ('\\\\N') "
        "empty_field_as_null = false escape_unenclosed_field = none) on_error = abort_statement force = true"
    )
    assert answer[0]["status"] == "LOADED", answer
