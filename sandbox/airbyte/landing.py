"""Decides how one stream lands and reads its rows, inside a job's transaction; refuses to begin or commit one itself.

The layout is that of Airbyte's Snowflake destination 4.x: a table a stream, `_airbyte_*` columns first, money a DOUBLE.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Literal, Protocol

from sandbox.airbyte.source import SCHEMA, Column, Source
from shelfgate.errors import SyncFailed
from shelfgate.warehouse.identifiers import quoted

if TYPE_CHECKING:
    import duckdb

LANDING_SCHEMA = "raw_sales"
META_COLUMNS = {
    "_airbyte_raw_id": "varchar not null",
    "_airbyte_extracted_at": "timestamp with time zone not null",
    "_airbyte_meta": "json not null",
    "_airbyte_generation_id": "bigint not null",
}
_XIDS_AN_EPOCH = 2**32
RefreshMode = Literal["Truncate", "Merge"]


@dataclass(frozen=True)
class Delivery:
    """What all streams of one job share. `source_name`: the source as it is attached; `watermark`: of its snapshot."""

    job_id: int
    extracted_at: datetime
    source_name: str
    watermark: int


class Place(Protocol):
    """Where the rows of a job go. `rows` is a query in DuckDB's words: the columns of the table, meta columns first."""

    def columns(self) -> dict[str, list[str]]:
        """The columns of every table that landed before, in lower case."""
        ...

    def overwrite(self, source: Source, rows: str) -> int:
        """Make these rows the table's; returns how many they are."""
        ...

    def merge(self, source: Source, rows: str) -> int:
        """Put these rows in the place of those with their keys; returns how many they are."""
        ...

    def deliver(self, stop_if_cancelled: Callable[[], None]) -> None:
        """Make visible what was moved, all of it or nothing, if reading it has not done so."""
        ...


class RawLanding:
    """One stream on its way into its table; `reader` sees the source as it is attached."""

    def __init__(
        self,
        reader: duckdb.DuckDBPyConnection,
        delivery: Delivery,
        source: Source,
        place: Place,
        landed_columns: Sequence[str],
    ) -> None:
        self._reader = reader
        self._delivery = delivery
        self._source = source
        self._place = place
        self._landed_columns = landed_columns
        self.rows = 0
        """How many rows were moved."""

    def land(self, before: dict[str, Any] | None, refresh: RefreshMode | None = None) -> dict[str, Any]:
        """Move the stream's rows; reply with what to remember once they are committed.

        `refresh`: all rows are read anew, as a new generation. Truncate makes them the table's; Merge keeps those that
        the source no longer has.
        """
        columns = [[column.name, column.type] for column in self._source.columns]
        generation = before["generation"] if before else 0
        mergeable = before if before and self._can_be_merged(before, columns) else None
        if mergeable and refresh is None:
            self._merge(generation, mergeable["watermark"])
        elif mergeable and refresh == "Merge":
            generation += 1
            self._merge(generation, since=None)
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
            and self._landed_columns == [*META_COLUMNS, *self._source.column_names]
        )

    def _overwrite(self, generation: int) -> None:
        self._refuse_nan("true")
        if self._source.stream.key and not self._source.key_is_declared:
            rows, newest = self._query("true"), self._newest()
        else:
            # The extension reads a table over several connections (2.3 s for 1.4 M lines), a query over one (7 s).
            rows, newest = f"{self._delivery.source_name}.{SCHEMA}.{quoted(self._source.stream.name)}", ""
        self.rows = self._place.overwrite(self._source, self._with_meta(rows, newest, generation))

    def _merge(self, generation: int, since: int | None) -> None:
        written_since = "true" if since is None else f"xmin::text::bigint >= {since % _XIDS_AN_EPOCH}"
        self._refuse_nan(written_since)
        rows = self._with_meta(self._query(written_since), self._newest(), generation)
        self.rows = self._place.merge(self._source, rows)

    def _with_meta(self, rows: str, newest: str, generation: int) -> str:
        columns = ", ".join(f"{_landed(column)} as {quoted(column.name)}" for column in self._source.columns)
        # Literals, not parameters: the first parameter of a process makes DuckDB import pandas (1 s on two cores).
        return f"""
            select
                gen_random_uuid()::varchar as _airbyte_raw_id,
                timestamptz '{self._delivery.extracted_at.isoformat()}' as _airbyte_extracted_at,
                '{{"sync_id":{self._delivery.job_id},"changes":[]}}'::json as _airbyte_meta,
                {generation}::bigint as _airbyte_generation_id,
                {columns}
            from {rows} as source
            {newest}
            """

    def _newest(self) -> str:
        key = ", ".join(map(quoted, self._source.stream.key))
        return f"qualify row_number() over (partition by {key} order by _written_by desc) = 1"

    def _query(self, condition: str) -> str:
        """A table function for the rows under a condition in Postgres' own words (an attached table has no xmin)."""
        columns = ", ".join(map(quoted, self._source.column_names))
        return self._postgres(
            f"select {columns}, xmin::text::bigint as _written_by from {self._from} where {condition}"
        )

    def _refuse_nan(self, condition: str) -> None:
        """
        Raises:
            SyncFailed: a numeric NaN, which the extension would silently read as 0.00.
        """
        numbers = [f"{quoted(column.name)} = 'NaN'" for column in self._source.columns if column.may_be_nan]
        if not numbers:
            return
        query = f"select count(*) from {self._from} where ({condition}) and ({' or '.join(numbers)})"
        found = self._reader.execute(f"select * from {self._postgres(query)}").fetchone()
        if found and found[0]:
            raise SyncFailed(f"stream {self._source.stream.name}: {found[0]} rows hold a NaN. Nothing was landed.")

    @property
    def _from(self) -> str:
        return f"{SCHEMA}.{quoted(self._source.stream.name)}"

    def _postgres(self, query: str) -> str:
        return postgres_query(self._delivery.source_name, query)


class DuckDBPlace:
    """The warehouse file, which also reads the source: its rows are visible when the reader commits."""

    def __init__(self, warehouse: duckdb.DuckDBPyConnection) -> None:
        self._warehouse = warehouse

    def columns(self) -> dict[str, list[str]]:
        found = self._warehouse.execute(
            f"""
            select table_name, column_name
            from duckdb_columns()
            where database_name = current_database() and schema_name = '{LANDING_SCHEMA}'
            order by table_name, column_index
            """
        ).fetchall()
        return by_table(found)

    def overwrite(self, source: Source, rows: str) -> int:
        table = _table(source)
        self._warehouse.execute(f"create schema if not exists {LANDING_SCHEMA}")
        self._warehouse.execute(f"create or replace table {table} ({_definition(source)})")
        return self._inserted(f"insert into {table} by name {rows}")

    def merge(self, source: Source, rows: str) -> int:
        table = _table(source)
        self._warehouse.execute(f"create or replace temp table moved ({_definition(source)})")
        count = self._inserted(f"insert into moved by name {rows}")
        if count:
            same_key = " and ".join(f"landed.{quoted(k)} = moved.{quoted(k)}" for k in source.stream.key)
            self._warehouse.execute(f"delete from {table} as landed using moved where {same_key}")
            self._warehouse.execute(f"insert into {table} by name select * from moved")
        self._warehouse.execute("drop table moved")
        return count

    def deliver(self, stop_if_cancelled: Callable[[], None]) -> None:
        """Nothing: the commit has."""

    def _inserted(self, sql: str) -> int:
        inserted = self._warehouse.execute(sql).fetchone()
        return int(inserted[0]) if inserted else 0


def by_table(found: list[tuple[str, str]]) -> dict[str, list[str]]:
    """Column names by table, from pairs in the order of tables and columns."""
    return {table: [name for _, name in columns] for table, columns in groupby(found, key=itemgetter(0))}


def _table(source: Source) -> str:
    return f"{LANDING_SCHEMA}.{quoted(source.stream.name)}"


def _definition(source: Source) -> str:
    meta = [f"{name} {definition}" for name, definition in META_COLUMNS.items()]
    return ", ".join(meta + [f"{quoted(column.name)} {column.landed_type}" for column in source.columns])


def postgres_query(source_name: str, query: str) -> str:
    """A table function that runs a query in Postgres' own words, in the snapshot of the DuckDB transaction."""
    escaped = query.replace("'", "''")
    return f"postgres_query('{source_name}', '{escaped}')"


def _landed(column: Column) -> str:
    """The column as it lands. DuckDB's extension strips a `character(n)` of the blanks that Airbyte lands."""
    value = f"{quoted(column.name)}::{column.landed_type}"
    return value if column.padded_length is None else f"rpad({value}, {column.padded_length}, ' ')"
