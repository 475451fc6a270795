"""A small warehouse and dbt on it, in this process as a flow runs it; never says what the numbers must be."""

from __future__ import annotations

import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb
import pytest
from dbt.adapters.duckdb.connections import DuckDBConnectionManager
from dbt.cli.main import dbtRunner

from shelfgate.warehouse import install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBSession

ROOT = Path(__file__).parents[2]
PROJECT = ROOT / "dbt"
FACTS = ("fct_weekly_sales_inventory", "fct_daily_sales")
DIMENSIONS = ("dim_week", "dim_date", "dim_warehouse", "dim_item", "dim_customer")
MARTS = (*FACTS, *DIMENSIONS)
SNOWFLAKE_NAMES = (
    "SNOWFLAKE_ACCOUNT",
    "SNOWFLAKE_HOST",
    "SNOWFLAKE_PROTOCOL",
    "SNOWFLAKE_USER",
    "DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY",
    "DBT_ENV_SECRET_SNOWFLAKE_PRIVATE_KEY_PASSPHRASE",
    "SNOWFLAKE_DATABASE",
    "SNOWFLAKE_WAREHOUSE",
    "SNOWFLAKE_ROLE",
    "SHELFGATE_QUERY_TAG",
)
SALES_TABLES = (
    "catalog_sales",
    "web_sales",
    "catalog_returns",
    "web_returns",
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


@dataclass
class Ran:
    """What one dbt invocation came to."""

    success: bool
    nodes: dict[str, str] = field(default_factory=dict)
    complaints: list[str] = field(default_factory=list)
    listed: set[str] = field(default_factory=set)
    manifest: Any = None


@dataclass(frozen=True)
class Dbt:
    """The project on one warehouse, run in this process as a flow runs it."""

    warehouse: Path
    scratch: Path
    manifest: Any = None
    target: str = "duckdb"

    def __call__(self, *arguments: str, **variables: object) -> Ran:
        ran = Ran(success=False)

        def listen(event: Any) -> None:
            if event.info.level in {"warn", "error"}:
                ran.complaints.append(event.info.msg)

        folders = ["--project-dir", PROJECT, "--profiles-dir", PROJECT, "--target-path", self.scratch / "target"]
        quiet = ["--quiet", "--log-level", "none", "--log-path", self.scratch / "logs", "--no-use-colors"]
        with pytest.MonkeyPatch.context() as environment:
            environment.setenv("SHELFGATE_TARGET", self.target)
            environment.setenv("SHELFGATE_DUCKDB_PATH", str(self.warehouse))
            for name in SNOWFLAKE_NAMES:
                environment.setenv(name, "nowhere")
            environment.setenv("SNOWFLAKE_PORT", "443")
            # Held open as a turn holds it: dbt must open the file the very same way, or DuckDB refuses.
            with duckdb.connect(str(self.warehouse)):
                given = ["--vars", repr(variables)] if variables else []
                try:
                    result = dbtRunner(manifest=self.manifest, callbacks=[listen]).invoke(
                        [str(part) for part in (*quiet, *arguments, *folders, *given)]
                    )
                finally:
                    DuckDBConnectionManager.close_all_connections()
        ran.success = result.success
        outcome: Any = result.result
        if arguments[0] == "parse":
            ran.manifest = outcome
        elif arguments[0] == "ls":
            ran.listed = set(outcome or [])
        elif outcome is not None:
            ran.nodes = {node.node.name: str(node.status) for node in outcome}
        return ran

    def read(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse)) as connection:
            return connection.execute(query).fetchall()


def as_airbyte_lands_it(column: str, kind: str) -> str:
    if kind.startswith("DECIMAL"):
        return f"{column}::double as {column}"
    return f"{column}::bigint as {column}" if kind == "INTEGER" else column


def make_warehouse(path: Path) -> None:
    """Generate TPC-DS at scale 0.01 and land it raw; nothing is built and nothing published."""
    package = importlib.util.find_spec("duckdb_extension_tpcds")
    assert package is not None
    assert package.origin is not None
    (extension,) = Path(package.origin).parent.rglob("tpcds.duckdb_extension")
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"load '{extension}'; attach ':memory:' as made; use made; call dsdgen(sf=0.01)")
        connection.execute(f"use {path.stem}")
        for _ in range(2):
            install(DuckDBSession(connection))
        for table in SALES_TABLES:
            columns = connection.execute(f"select column_name, column_type from (describe made.{table})").fetchall()
            connection.execute(
                f"""create table raw_sales.{table} as
                select uuid()::varchar as _airbyte_raw_id, now() as _airbyte_extracted_at,
                    '{{"sync_id":1,"changes":[]}}'::json as _airbyte_meta, 0::bigint as _airbyte_generation_id,
                    {", ".join(as_airbyte_lands_it(*column) for column in columns)}
                from made.{table}"""
            )
        connection.execute("insert into raw_inventory.inventory from made.inventory")
        connection.execute("detach made")


def publish(dbt: Dbt, publication: str, kept_week: str | None = None, kept_build: str | None = None) -> None:
    """Append a build of every candidate and point readers to it; an earlier build may go on serving one week."""
    with duckdb.connect(str(dbt.warehouse)) as connection:
        for table in MARTS:
            week = "week_start_date" if table in FACTS else "null::date"
            connection.execute(f"insert into store.{table} select ?, * from candidate.{table}", [publication])
            connection.execute(
                f"""insert into ops.manifest (publication_id, table_name, week_start_date, build_id, row_count, digest)
                select $publication, '{table}', {week} as week,
                    case when week = $kept_week::date then $kept_build else $publication end, count(*), ''
                from candidate.{table} group by all""",
                {"publication": publication, "kept_week": kept_week, "kept_build": kept_build},
            )
        connection.execute("update ops.pointer set publication_id = ? where name = 'current'", [publication])
