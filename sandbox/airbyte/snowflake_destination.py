"""Lands a job in Snowflake as Airbyte's destination 4.x does: files, PUT, COPY, MERGE; refuses to send a row alone.

Names are upper case, whole numbers NUMBER(38, 0), other numbers FLOAT, `_AIRBYTE_META` a VARIANT. Unlike Airbyte's own,
all streams of a job become visible in one transaction.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.airbyte.landing import META_COLUMNS, by_table
from sandbox.airbyte.source import Source
from shelfgate.errors import SyncFailed
from shelfgate.warehouse.engines.snowflake.session import SnowflakeSession
from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse
from shelfgate.warehouse.identifiers import quoted

if TYPE_CHECKING:
    import duckdb

TABLES, SCRATCH = "raw_sales", "airbyte_internal"

_TYPES = {
    "bigint": "number(38, 0)",
    "double": "float",
    "varchar": "varchar",
    "boolean": "boolean",
    "date": "date",
    "timestamp": "timestamp_ntz",
    "timestamp with time zone": "timestamp_tz",
}
_META_TYPES = {
    "_airbyte_raw_id": "varchar not null",
    "_airbyte_extracted_at": "timestamp_tz not null",
    "_airbyte_meta": "variant not null",
    "_airbyte_generation_id": "number(38, 0)",
}
# RFC 4180 cannot tell an empty text from NULL, so NULL is written as Snowflake's own tools write it.
_WRITTEN = "header false, delimiter ',', quote '\"', escape '\"', nullstr '\\N'"
_READ = (
    "type = csv field_optionally_enclosed_by = '\"' null_if = ('\\\\N') empty_field_as_null = false "
    "escape_unenclosed_field = none"
)


@dataclass(frozen=True)
class SnowflakeDestination:
    """Where AIRBYTE logs in, and the folder in which a job's files wait."""

    warehouse: SnowflakeWarehouse
    folder: Path

    @contextmanager
    def opened(self, job_id: int) -> Iterator[tuple[duckdb.DuckDBPyConnection, SnowflakePlace]]:
        """A DuckDB in memory, which reads the source, and the session that loads; the files go with the block."""
        import duckdb

        files = self.folder.absolute() / f"job-{job_id}"
        shutil.rmtree(files, ignore_errors=True)
        files.mkdir(parents=True)
        tagged = self.warehouse.tagged(application="airbyte", job=str(job_id))
        try:
            with closing(duckdb.connect()) as reader, tagged.turn() as session:
                yield reader, SnowflakePlace(reader, session, files)
        finally:
            shutil.rmtree(files)


@dataclass(frozen=True)
class _StagedFile:
    """One stream's rows in a file."""

    source: Source
    file: Path
    rows: int
    merged: bool

    @property
    def name(self) -> str:
        return quoted(self.source.stream.name.upper())

    @property
    def columns(self) -> list[str]:
        return [quoted(name.upper()) for name in (*META_COLUMNS, *self.source.column_names)]

    @property
    def definition(self) -> str:
        meta = [f"{quoted(name.upper())} {kind}" for name, kind in _META_TYPES.items()]
        return ", ".join(meta + [self._column(name, str(kind)) for name, kind in self._landed()])

    def _landed(self) -> list[tuple[str, str | None]]:
        return [(column.name, column.landed_type) for column in self.source.columns]

    def _column(self, name: str, kind: str) -> str:
        return f"{quoted(name.upper())} {_TYPES[kind]}" + (" not null" if name in self.source.stream.key else "")


@dataclass
class SnowflakePlace:
    """Implements `landing.Place`: rows wait in files until the whole source is read."""

    reader: duckdb.DuckDBPyConnection
    session: SnowflakeSession
    files: Path
    parts: list[_StagedFile] = field(default_factory=list)
    _landed: dict[str, list[str]] = field(default_factory=dict)

    def columns(self) -> dict[str, list[str]]:
        found = self.session.rows(
            "select lower(table_name) as table_name, lower(column_name) as column_name "
            f"from information_schema.columns where table_schema = '{TABLES.upper()}' "
            "order by table_name, ordinal_position"
        )
        self._landed = by_table([(row["table_name"], row["column_name"]) for row in found])
        return self._landed

    def overwrite(self, source: Source, rows: str) -> int:
        return self._write(source, rows, merged=False)

    def merge(self, source: Source, rows: str) -> int:
        return self._write(source, rows, merged=True)

    def _write(self, source: Source, rows: str, *, merged: bool) -> int:
        file = self.files / f"{source.stream.name}.csv"
        told = str(file).replace("'", "''")
        counted = self.reader.execute(f"copy ({rows}) to '{told}' (format csv, {_WRITTEN})").fetchone()
        part = _StagedFile(source, file, int(counted[0]) if counted else 0, merged)
        self.parts.append(part)
        return part.rows

    def deliver(self, stop_if_cancelled: Callable[[], None]) -> None:
        sent = [part for part in self.parts if part.rows]
        self._make_tables()
        if sent:
            self._send()
        for part in (one for one in sent if one.merged):
            stop_if_cancelled()
            self.session.run(f"create or replace temporary table {SCRATCH}.{part.name} ({part.definition})")
            self._copy(SCRATCH, part)
        self.session.run("begin transaction")
        try:
            for part in self.parts:
                stop_if_cancelled()
                self._move(part)
            stop_if_cancelled()
        except BaseException:
            self.session.run("rollback")
            raise
        self.session.run("commit")
        if sent:
            self.session.run(f"drop stage {SCRATCH}.moved")

    def _make_tables(self) -> None:
        """DDL commits, so it comes first. A table with other columns is made anew, and is empty until the commit."""
        for part in self.parts:
            if self._landed.get(part.source.stream.name) != [*META_COLUMNS, *part.source.column_names]:
                self.session.run(f"create or replace table {TABLES}.{part.name} ({part.definition})")

    def _send(self) -> None:
        told = str(self.files).replace("'", "''")
        self.session.run(f"create or replace temporary stage {SCRATCH}.moved")
        self.session.rows(f"put 'file://{told}/*.csv' @{SCRATCH}.moved auto_compress = false overwrite = true")

    def _move(self, part: _StagedFile) -> None:
        if not part.merged:
            self.session.run(f"delete from {TABLES}.{part.name}")
            if part.rows:
                self._copy(TABLES, part)
        elif part.rows:
            self._merge(part)

    def _merge(self, part: _StagedFile) -> None:
        same_key = " and ".join(f"landed.{one} = moved.{one}" for one in map(_upper, part.source.stream.key))
        changed = ", ".join(f"{one} = moved.{one}" for one in part.columns)
        values = ", ".join(f"moved.{one}" for one in part.columns)
        self.session.run(
            f"merge into {TABLES}.{part.name} as landed using {SCRATCH}.{part.name} as moved on {same_key} "
            f"when matched then update set {changed} "
            f"when not matched then insert ({', '.join(part.columns)}) values ({values})"
        )

    def _copy(self, schema: str, part: _StagedFile) -> None:
        meta_at = list(META_COLUMNS).index("_airbyte_meta") + 1
        places = [f"parse_json(${at})" if at == meta_at else f"${at}" for at in range(1, len(part.columns) + 1)]
        answer = self.session.rows(
            f"copy into {schema}.{part.name} ({', '.join(part.columns)}) "
            f"from (select {', '.join(places)} from @{SCRATCH}.moved) files = ('{part.file.name}') "
            f"file_format = ({_READ}) on_error = abort_statement force = true"
        )
        loaded = sum(int(row["rows_loaded"]) for row in answer)
        if loaded != part.rows:
            raise SyncFailed(
                f"stream {part.source.stream.name}: {loaded:,} of {part.rows:,} rows arrived. Nothing was landed."
            )


def _upper(name: str) -> str:
    return quoted(name.upper())
