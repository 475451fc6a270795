"""Puts one stream's rows into its table inside a job's transaction; refuses to begin or commit one itself.

The layout is that of Airbyte's Snowflake destination 4.x: a table a stream, `_airbyte_*` columns first, money a DOUBLE.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from sandbox.airbyte_source import SCHEMA, Column, Source
from shelfgate.errors import SyncFailed

if TYPE_CHECKING:
    import duckdb

LANDING_SCHEMA = "raw_sales"
_META_COLUMNS = {
    "_airbyte_raw_id": "varchar not null",
    "_airbyte_extracted_at": "timestamp with time zone not null",
    "_airbyte_meta": "json not null",
    "_airbyte_generation_id": "bigint not null",
}
_XIDS_AN_EPOCH = 2**32


@dataclass(frozen=True)
class Delivery:
    """What all streams of one job share. `source_name`: the source as it is attached; `watermark`: of its snapshot."""

    job_id: int
    extracted_at: datetime
    source_name: str
    watermark: int


class Landing:
    """One stream on its way into its table."""

    def __init__(
        self, warehouse: duckdb.DuckDBPyConnection, delivery: Delivery, source: Source, landed_columns: Sequence[str]
    ) -> None:
        self._warehouse = warehouse
        self._delivery = delivery
        self._source = source
        self._landed_columns = landed_columns
        self._table = f"{LANDING_SCHEMA}.{_quoted(source.stream.name)}"
        self.rows = 0
        """How many rows were moved."""

    def land(self, before: dict[str, Any] | None) -> dict[str, Any]:
        """Move the stream's rows; reply with what to remember once they are committed."""
        columns = [[column.name, column.type] for column in self._source.columns]
        generation = before["generation"] if before else 0
        if before and self._can_be_merged(before, columns):
            self._merge(generation, before["watermark"])
        else:
            generation += 1
            self._overwrite(generation)
        return {
            "identity": self._source.identity,
            "columns": columns,
            "watermark": self._delivery.watermark,
            "generation": generation,
        }

    def _can_be_merged(self, before: dict[str, Any], columns: list[list[str]]) -> bool:
        """A new, a changed or a replaced table, and one that the warehouse lost, is loaded in full."""
        return (
            bool(self._source.stream.key)
            and before["identity"] == self._source.identity
            and before["columns"] == columns
            # xmin is the lower half of a transaction id: two epochs cannot be told apart.
            and before["watermark"] // _XIDS_AN_EPOCH == self._delivery.watermark // _XIDS_AN_EPOCH
            and self._landed_columns == [*_META_COLUMNS, *self._source.column_names]
        )

    def _overwrite(self, generation: int) -> None:
        name = _quoted(self._source.stream.name)
        self._refuse_nan("true")
        self._warehouse.execute(f"create or replace table {self._table} ({self._definition()})")
        if self._source.stream.key and not self._source.key_is_declared:
            rows = self._query("true")
            newest = self._newest()
        else:
            # The extension reads a table over several connections (2.3 s for 1.4 M lines), a query over one (7 s).
            rows = f"{self._delivery.source_name}.{SCHEMA}.{name}"
            newest = ""
        self.rows = self._execute_with_meta(f"insert into {self._table} by name", rows, newest, generation)

    def _merge(self, generation: int, since: int) -> None:
        written_since = f"xmin::text::bigint >= {since % _XIDS_AN_EPOCH}"
        self._refuse_nan(written_since)
        self._warehouse.execute(f"create or replace temp table moved ({self._definition()})")
        self.rows = self._execute_with_meta(
            "insert into moved by name", self._query(written_since), self._newest(), generation
        )
        if self.rows:
            same_key = " and ".join(f"landed.{_quoted(k)} = moved.{_quoted(k)}" for k in self._source.stream.key)
            self._warehouse.execute(f"delete from {self._table} as landed using moved where {same_key}")
            self._warehouse.execute(f"insert into {self._table} by name select * from moved")
        self._warehouse.execute("drop table moved")

    def _execute_with_meta(self, insert: str, rows: str, newest: str, generation: int) -> int:
        columns = ", ".join(f"{_landed(column)} as {_quoted(column.name)}" for column in self._source.columns)
        # Literals, not parameters: the first parameter of a process makes DuckDB import pandas (1 s on two cores).
        inserted = self._warehouse.execute(
            f"""
            {insert}
            select
                gen_random_uuid()::varchar as _airbyte_raw_id,
                timestamptz '{self._delivery.extracted_at.isoformat()}' as _airbyte_extracted_at,
                '{{"sync_id":{self._delivery.job_id},"changes":[]}}'::json as _airbyte_meta,
                {generation}::bigint as _airbyte_generation_id,
                {columns}
            from {rows} as source
            {newest}
            """
        ).fetchone()
        return int(inserted[0]) if inserted else 0

    def _newest(self) -> str:
        key = ", ".join(map(_quoted, self._source.stream.key))
        return f"qualify row_number() over (partition by {key} order by _written_by desc) = 1"

    def _query(self, condition: str) -> str:
        """A table function for the rows under a condition in Postgres' own words (an attached table has no xmin)."""
        columns = ", ".join(map(_quoted, self._source.column_names))
        return self._postgres(
            f"select {columns}, xmin::text::bigint as _written_by from {self._from} where {condition}"
        )

    def _refuse_nan(self, condition: str) -> None:
        """
        Raises:
            SyncFailed: a numeric NaN, which the extension would silently read as 0.00.
        """
        numbers = [f"{_quoted(column.name)} = 'NaN'" for column in self._source.columns if column.may_be_nan]
        if not numbers:
            return
        query = f"select count(*) from {self._from} where ({condition}) and ({' or '.join(numbers)})"
        found = self._warehouse.execute(f"select * from {self._postgres(query)}").fetchone()
        if found and found[0]:
            raise SyncFailed(f"stream {self._source.stream.name}: {found[0]} rows hold a NaN. Nothing was landed.")

    @property
    def _from(self) -> str:
        return f"{SCHEMA}.{_quoted(self._source.stream.name)}"

    def _postgres(self, query: str) -> str:
        return postgres_query(self._delivery.source_name, query)

    def _definition(self) -> str:
        meta = [f"{name} {definition}" for name, definition in _META_COLUMNS.items()]
        return ", ".join(meta + [f"{_quoted(column.name)} {column.landed_type}" for column in self._source.columns])


def landed_columns(warehouse: duckdb.DuckDBPyConnection) -> dict[str, list[str]]:
    """The columns of every table that landed before."""
    found = warehouse.execute(
        f"""
        select table_name, column_name
        from duckdb_columns()
        where database_name = current_database() and schema_name = '{LANDING_SCHEMA}'
        order by table_name, column_index
        """
    ).fetchall()
    return {table: [name for _, name in columns] for table, columns in groupby(found, key=itemgetter(0))}


def postgres_query(source_name: str, query: str) -> str:
    """A table function that runs a query in Postgres' own words, in the snapshot of the DuckDB transaction."""
    escaped = query.replace("'", "''")
    return f"postgres_query('{source_name}', '{escaped}')"


def _landed(column: Column) -> str:
    """The column as it lands. DuckDB's extension strips a `character(n)` of the blanks that Airbyte lands."""
    value = f"{_quoted(column.name)}::{column.landed_type}"
    return value if column.padded_length is None else f"rpad({value}, {column.padded_length}, ' ')"


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'
