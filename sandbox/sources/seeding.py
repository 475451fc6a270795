"""Puts into the sources exactly what is dated up to a day; refuses to go back in time or to mix scales.

Rows go to Postgres in one transaction with the note of how far they reach (`sandbox.progress`); the inventory dumps
follow, each noted when it is in the bucket. Killed at any point, the next call finishes what was begun.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import duckdb
import psycopg

from sandbox.sources import dump_bucket, dumps, tpcds
from sandbox.sources.tpcds import DATED_TABLES, PRIMARY_KEYS, WHOLE_TABLES, day_number, quoted
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure

# The number is arbitrary; every seed of one database asks for the same.
ADVISORY_LOCK = 7_433_200_311
LOCK_WAIT = "10min"

PROGRESS_TABLE = """
create schema if not exists sandbox;
create table if not exists sandbox.progress (
    only_row boolean primary key default true check (only_row),
    scale double precision not null,
    through date not null,
    dumped_through date
);
"""

Told = Callable[[str], None]


@dataclass(frozen=True)
class SeedingProgress:
    """How far the sources reach; `dumped_through` lags behind only while a seed runs, or after one was killed."""

    scale: float
    through: date
    dumped_through: date | None


@dataclass(frozen=True)
class Sources:
    """Where a seed puts things, and where it takes them from."""

    dsn: str
    bucket: Any
    objects: Path
    generated: Path


@dataclass(frozen=True)
class Seeded:
    """What one call added."""

    scale: float
    through: date
    seconds: float
    rows: dict[str, int] = field(default_factory=dict)
    dumps: tuple[str, ...] = ()

    def __str__(self) -> str:
        rows = f"{sum(self.rows.values()):,} rows, {len(self.dumps):,} dumps" if self.dumps else "nothing to add"
        return f"scale {self.scale:g} through {self.through}: {rows} ({self.seconds:.1f} s)"


def progress(dsn: str) -> SeedingProgress | None:
    """How far the sources of this database reach; None before the first seed.

    Raises:
        ExternalServiceUnavailable: Postgres does not answer.
    """
    with _connected(dsn) as connection:
        return _progress(connection)


def check_day(through: date) -> None:
    """Raises:
    ConfigurationError: the data set has nothing to replay on that day.
    """
    if not tpcds.FIRST_DAY <= through <= tpcds.LAST_DAY:
        raise ConfigurationError(
            f"{through}: the data set has days from {tpcds.FIRST_DAY} to {tpcds.LAST_DAY}. Nothing was changed."
        )


def seed(sources: Callable[[], Sources], dsn: str, scale: float, through: date, told: Told) -> Seeded:
    """Bring the sources up to the end of the day `through`; a no-op if they are there already.

    `sources` is asked only when there is something to put: it may generate for a while.

    Raises:
        ConfigurationError: another scale or a later day is in the sources, or there is no such day.
        ExternalServiceUnavailable: Postgres does not answer, or another seed runs for more than ten minutes.
    """
    tpcds.check_scale(scale)
    check_day(through)
    begun = time.monotonic()
    rows: dict[str, int] = {}
    keys: list[str] = []
    with _connected(dsn) as connection:
        _take_turn(connection, told)
        before = _progress(connection)
        _refuse_contradiction(before, scale, through)
        if before is not None and before.dumped_through == through:
            return Seeded(scale, through, time.monotonic() - begun)
        places = sources()
        if before is not None:
            # A seed that was killed left rows without their dumps.
            keys += _put_dumps(places, connection, before, told)
        if before is None or before.through < through:
            rows = _put_rows(places, scale, before.through if before else None, through, told)
            after = SeedingProgress(scale, through, before.through if before else None)
            keys += _put_dumps(places, connection, after, told)
    return Seeded(scale, through, time.monotonic() - begun, rows, tuple(keys))


@contextmanager
def _connected(dsn: str) -> Iterator[psycopg.Connection]:
    try:
        with psycopg.connect(dsn, connect_timeout=5, autocommit=True) as connection:
            yield connection
    except psycopg.OperationalError as refused:
        raise ExternalServiceUnavailable(
            f"the sandbox's Postgres does not answer: {refused}. Run the same again to finish what was begun."
        ) from refused


def _progress(connection: psycopg.Connection) -> SeedingProgress | None:
    known = connection.execute("select to_regclass('sandbox.progress')").fetchone()
    if known is None or known[0] is None:
        return None
    row = connection.execute("select scale, through, dumped_through from sandbox.progress").fetchone()
    return SeedingProgress(row[0], row[1], row[2]) if row is not None else None


def _take_turn(connection: psycopg.Connection, told: Told) -> None:
    got = connection.execute("select pg_try_advisory_lock(%s)", [ADVISORY_LOCK]).fetchone()
    if got == (True,):
        return
    told("waiting for another seed of this estate to finish")
    connection.execute(f"set lock_timeout = '{LOCK_WAIT}'")
    try:
        connection.execute("select pg_advisory_lock(%s)", [ADVISORY_LOCK])
    except psycopg.errors.LockNotAvailable as busy:
        raise ExternalServiceUnavailable(
            f"another seed still runs after {LOCK_WAIT}. Nothing was changed; run again when it has ended."
        ) from busy


def _refuse_contradiction(before: SeedingProgress | None, scale: float, through: date) -> None:
    if before is None:
        return
    if before.scale != scale:
        seen = f"the sources hold scale {before.scale:g}, wanted {scale:g}"
    elif before.through > through:
        seen = f"the sources reach {before.through}, wanted {through}"
    else:
        return
    raise ConfigurationError(f"{seen}. Nothing was changed; `shelfgate sandbox reset` wipes all for a new start.")


def _put_rows(places: Sources, scale: float, after: date | None, through: date, told: Told) -> dict[str, int]:
    """Put the rows of the days after `after` up to `through` into Postgres, in one transaction."""
    first = day_number(after) if after is not None else -1
    with duckdb.connect() as engine:
        tpcds.load_extension(engine, "postgres_scanner")
        engine.execute(f"attach '{quoted(places.generated)}' as tpcds (read_only)")
        try:
            engine.execute(f"attach '{places.dsn}' as pg (type postgres)")
            engine.execute("begin")
            if after is None:
                _in_postgres(engine, Path(__file__).with_name("sql").joinpath("source_tables.sql").read_text())
            rows = {table: _put_dated(engine, table, first, day_number(through), told) for table in DATED_TABLES}
            if after is None:
                rows |= {table: _put_whole(engine, table, told) for table in WHOLE_TABLES}
                told("building the primary keys")
                for table, columns in PRIMARY_KEYS.items():
                    _in_postgres(engine, f"alter table public.{table} add primary key ({', '.join(columns)})")
                _in_postgres(engine, PROGRESS_TABLE)
                _in_postgres(engine, f"insert into sandbox.progress (scale, through) values ({scale!r}, '{through}')")
            else:
                _in_postgres(engine, f"update sandbox.progress set through = '{through}'")
            engine.execute("commit")
        except duckdb.Error as error:
            # Without the address, which DuckDB repeats with its password.
            seen = str(error).replace(places.dsn, "Postgres")
            raise PermanentFailure(
                f"the rows up to {through} did not reach Postgres: {seen}. The sources are as they were."
            ) from None
    return rows


def _in_postgres(engine: duckdb.DuckDBPyConnection, statements: str) -> None:
    engine.execute("call postgres_execute('pg', ?)", [statements])


def _put_dated(engine: duckdb.DuckDBPyConnection, table: str, after: int, through: int, told: Told) -> int:
    told(f"rows of {table}")
    return _count(
        engine.execute(
            f"insert into pg.public.{table} select * exclude (arrives_sk) from tpcds.{table}"
            " where arrives_sk > ? and arrives_sk <= ?",
            [after, through],
        )
    )


def _put_whole(engine: duckdb.DuckDBPyConnection, table: str, told: Told) -> int:
    told(f"rows of {table}")
    return _count(engine.execute(f"insert into pg.public.{table} from tpcds.{table}"))


def _count(inserted: duckdb.DuckDBPyConnection) -> int:
    row = inserted.fetchone()
    return int(row[0]) if row is not None else 0


def _put_dumps(places: Sources, connection: psycopg.Connection, reached: SeedingProgress, told: Told) -> list[str]:
    """Put the dumps due after `dumped_through`: the whole history first, then one a day."""
    first = reached.through if reached.dumped_through is None else reached.dumped_through + timedelta(days=1)
    keys: list[str] = []
    with duckdb.connect(str(places.generated), read_only=True) as engine, TemporaryDirectory() as work:
        for offset in range((reached.through - first).days + 1):
            day = first + timedelta(days=offset)
            for file in dumps.write(engine, day, Path(work), history=reached.dumped_through is None):
                key = dump_bucket.PREFIX + file.name
                told(f"dump {key}")
                dump_bucket.put_dump(places.bucket, places.objects, key, file)
                file.unlink()
                keys.append(key)
            connection.execute("update sandbox.progress set dumped_through = %s", [day])
    return keys
