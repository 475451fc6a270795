"""The registry of tables that the contracts compile to (`shelfgate/tables.json`), and column types as it names them."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

# DuckDB's information schema says what a contract says. Snowflake's keeps every number as NUMBER, whole ones in 38
# digits, and every text as TEXT: names that DuckDB has for no column.
NAMED_AS_IN_CONTRACTS = (
    "case data_type when 'TEXT' then 'varchar' when 'NUMBER' then "
    "case when numeric_precision = 38 and numeric_scale = 0 then 'bigint' "
    "else concat('decimal(', cast(numeric_precision as varchar), ',', cast(numeric_scale as varchar), ')') end "
    "else lower(data_type) end"
)


@dataclass(frozen=True)
class StoreColumn:
    """A column of a published table. `since`: the migration that brought it."""

    name: str
    type: str
    since: int


@dataclass(frozen=True)
class StoreTable:
    """A table of schema `store`, with its columns in the order of its contract, `build_id` left out."""

    name: str
    by_week: bool
    columns: tuple[StoreColumn, ...]

    def columns_at(self, schema_version: int) -> list[str]:
        """Names of the columns that the table had after that migration, in order."""
        return [column.name for column in self.columns if column.since <= schema_version]


@cache
def store_tables() -> tuple[StoreTable, ...]:
    """Every published table, as its contract and the migrations have it."""
    return tuple(
        StoreTable(table["name"], table["by_week"], tuple(StoreColumn(**column) for column in table["columns"]))
        for table in _registry()["published"]
    )


@cache
def operations_tables() -> dict[str, tuple[str, ...]]:
    """Names of the columns of every table of schema `ops` after the newest migration."""
    return {table: tuple(columns) for table, columns in _registry()["operations"].items()}


def _registry() -> dict[str, Any]:
    return json.loads((resources.files("shelfgate") / "tables.json").read_text(encoding="utf-8"))
