"""Moves rows from Postgres into the warehouse as an Airbyte connection does; refuses to land a part of a sync.

Streams with a key are read incrementally and deduplicated, by Airbyte's Xmin method, which needs no column of its own:
rows that a transaction at or after the last watermark wrote. **A deleted row has no xmin, so deletes are never seen**
until the stream is loaded in full again, by a refresh. The other streams are overwritten, a new generation each sync.
Delivery is at least once: a watermark is stored after the warehouse has committed, and a row read twice is merged.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sandbox.airbyte.landing import Delivery, DuckDBPlace, Place, RawLanding, RefreshMode, postgres_query
from sandbox.airbyte.source import STREAMS, Source, Stream, discover, refuse_lost_columns, without_password
from sandbox.home import write_whole
from sandbox.sources.tpcds import load_extension
from shelfgate.errors import ConfigurationError, ShelfgateError, SyncFailed, WarehouseBusy
from shelfgate.warehouse.engines.duckdb.warehouse import connect

if TYPE_CHECKING:
    import duckdb

    from sandbox.airbyte.snowflake_destination import SnowflakeDestination


LOCK_TIMEOUT = "30s"


class SyncCancelled(ShelfgateError):
    """Somebody cancelled the job: nothing of it was landed."""


@dataclass(frozen=True)
class Route:
    """Where one connection reads, writes and remembers. The state file is one connection's alone."""

    source_dsn: str
    warehouse: Path | SnowflakeDestination
    state_file: Path
    warehouse_wait_seconds: float = 300.0
    streams: tuple[Stream, ...] = STREAMS
    refreshed: Mapping[str, RefreshMode] = field(default_factory=dict)
    """Streams of which all rows are read anew."""


@dataclass(frozen=True)
class Moved:
    """What a sync committed. `bytes` is an estimate: eight a value."""

    rows: int = 0
    bytes: int = 0


class Sync:
    """One job's journey: `run` in one thread, `cancel` from any other, as often as one likes."""

    def __init__(self, route: Route, job_id: int, extracted_at: datetime) -> None:
        self._route = route
        self._job_id = job_id
        self._extracted_at = extracted_at
        self._cancelled = threading.Event()
        self._interruptible: duckdb.DuckDBPyConnection | None = None
        self._lock = threading.Lock()

    def run(self) -> Moved:
        """Land every stream in one warehouse transaction, from one snapshot of the source.

        Raises:
            SyncFailed: names the stream; the warehouse is as before.
            SyncCancelled: the warehouse is as before.
        """
        sources = discover(self._route.source_dsn, self._route.streams)
        state = _read_state(self._route.state_file)
        for source in sources:
            known = state.get(source.stream.name, {}).get("columns", [])
            refuse_lost_columns(source, [name for name, _ in known])
        with self._turn() as (reader, place), self._translated("warehouse"):
            moved = self._land(reader, place, sources, state)
            place.deliver(self._stop_if_cancelled)
        write_json(self._route.state_file, state)
        return moved

    def cancel(self) -> None:
        """Interrupt what is running; without effect once the warehouse commits."""
        self._cancelled.set()
        with self._lock:
            if self._interruptible is not None:
                self._interruptible.interrupt()

    @contextmanager
    def _turn(self) -> Iterator[tuple[duckdb.DuckDBPyConnection, Place]]:
        """Whoever reads the source, and where the rows go."""
        if isinstance(self._route.warehouse, Path):
            with closing(self._turn_at_the_file(self._route.warehouse)) as warehouse:
                yield warehouse, DuckDBPlace(warehouse)
        else:
            with self._route.warehouse.opened(self._job_id) as (reader, place):
                yield reader, place

    def _turn_at_the_file(self, file: Path) -> duckdb.DuckDBPyConnection:
        """Wait in short stretches, so that a job can be cancelled while another process has its turn."""
        deadline = time.monotonic() + self._route.warehouse_wait_seconds
        while True:
            self._stop_if_cancelled()
            try:
                return connect(file, wait_seconds=0.5)
            except WarehouseBusy as busy:
                if time.monotonic() >= deadline:
                    waited = f"{self._route.warehouse_wait_seconds:.0f} s"
                    raise SyncFailed(f"no turn at the warehouse within {waited}; {busy}") from None

    def _land(
        self, reader: duckdb.DuckDBPyConnection, place: Place, sources: list[Source], state: dict[str, dict[str, Any]]
    ) -> Moved:
        """Land and commit; `state` then holds what to remember."""
        rows = values = 0
        source_name = f"source_of_job_{self._job_id}"
        landed = place.columns()
        with self._attached(reader, source_name), self._transaction(reader):
            watermark = _watermark(reader, source_name)
            delivery = Delivery(self._job_id, self._extracted_at, source_name, watermark)
            for source in sources:
                name = source.stream.name
                landing = RawLanding(reader, delivery, source, place, landed.get(name, []))
                with self._translated(f"stream {name}"):
                    state[name] = landing.land(state.get(name), self._route.refreshed.get(name))
                rows += landing.rows
                values += landing.rows * len(source.columns)
        return Moved(rows, 8 * values)

    @contextmanager
    def _attached(self, reader: duckdb.DuckDBPyConnection, name: str) -> Iterator[None]:
        from psycopg.conninfo import make_conninfo

        # A read that waits for a lock cannot be interrupted, so it must not wait for ever.
        dsn = make_conninfo(self._route.source_dsn, options=f"-c lock_timeout={LOCK_TIMEOUT}").replace("'", "''")
        with self._translated("source database"):
            load_extension(reader, "postgres_scanner")
            reader.execute(f"attach '{dsn}' as {name} (type postgres, read_only)")
        try:
            yield
        finally:
            reader.execute(f"detach {name}")

    @contextmanager
    def _transaction(self, reader: duckdb.DuckDBPyConnection) -> Iterator[None]:
        import duckdb

        reader.begin()
        try:
            with self._lock:
                self._interruptible = reader
            yield
            # A commit that is interrupted would leave nobody knowing whether it happened.
            with self._lock:
                self._interruptible = None
            self._stop_if_cancelled()
            reader.commit()
        except BaseException:
            with self._lock:
                self._interruptible = None
            # A commit that failed has already rolled back.
            with suppress(duckdb.TransactionException):
                reader.rollback()
            raise

    @contextmanager
    def _translated(self, what: str) -> Iterator[None]:
        """Turn an engine's error into one that says where and holds no password."""
        import duckdb

        self._stop_if_cancelled()
        try:
            yield
        except duckdb.InterruptException:
            raise SyncCancelled(f"job {self._job_id} was cancelled. Nothing was landed.") from None
        except duckdb.Error as error:
            seen = without_password(str(error), self._route.source_dsn)
            raise SyncFailed(f"{what}: {seen} Nothing was landed.") from None

    def _stop_if_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise SyncCancelled(f"job {self._job_id} was cancelled. Nothing was landed.")


def _watermark(reader: duckdb.DuckDBPyConnection, source_name: str) -> int:
    """Every transaction below it has ended and is seen by this snapshot: the next sync begins here."""
    query = "select pg_snapshot_xmin(pg_current_snapshot())::text::bigint"
    return int(reader.execute(f"select * from {postgres_query(source_name, query)}").fetchall()[0][0])


def _read_state(file: Path) -> dict[str, dict[str, Any]]:
    return read_json(file) if file.exists() else {}


def read_json(file: Path) -> Any:
    """
    Raises:
        ConfigurationError: the file is not JSON.
    """
    try:
        return json.loads(file.read_text(encoding="utf-8"))
    except ValueError as error:
        raise ConfigurationError(f"{file}: not JSON ({error}). Delete it to begin anew.") from None


def write_json(file: Path, value: Any) -> None:
    """Replace the file in one step: whoever reads it sees the old or the new."""
    write_whole(file, json.dumps(value, indent=1).encode())
