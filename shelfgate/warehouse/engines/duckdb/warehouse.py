"""The warehouse in one DuckDB file; refuses to hold that file longer than one turn.

DuckDB lets one process at a time open a file, even for reading, and drops that lock when the process dies. So the file
itself is the baton: every actor (an Airbyte job, the Lambda, dbt, a gate, a second terminal) opens it late, closes it
early, and waits its turn (docs/adr/0001-turns-at-the-warehouse-file.md).
"""

from __future__ import annotations

import random
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

from shelfgate import interruption
from shelfgate.errors import EngineFailed, ShelfgateError, WarehouseBusy
from shelfgate.failpoints import failpoint
from shelfgate.warehouse.engines.duckdb import failures
from shelfgate.warehouse.engines.duckdb.connections import close_all, counted_turn, living
from shelfgate.warehouse.engines.duckdb.file_copies import drop_logs_kept_aside
from shelfgate.warehouse.identifiers import quoted

if TYPE_CHECKING:
    import duckdb

DEFAULT_WAIT_SECONDS = 120.0
"""A full build at scale 1 holds its turn for under 30 s on two cores; four of those in a row still fit."""


def connect(
    path: Path,
    *,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
    on_wait: Callable[[str], None] | None = None,
) -> duckdb.DuckDBPyConnection:
    """Open the warehouse file, waiting while another process has it.

    dbt and Great Expectations open the same file the same way, without options, inside a turn held by us.

    Raises:
        WarehouseBusy: another process still held the file after `wait_seconds`.
        PermanentFailure: the file cannot be opened for writing.
        WarehouseDamaged: it is not, or no longer, a database.
        EngineFailed: an instance that has failed before is still in use in this process.
    """
    import duckdb

    deadline = time.monotonic() + wait_seconds
    pause = 0.02
    told = False
    while True:
        try:
            drop_logs_kept_aside(path)
            return living(path)
        except duckdb.Error as error:
            if "Could not set lock" not in str(error):
                raise _opening_failed(path, error) from None
            holder = _holder(str(error))
            if time.monotonic() >= deadline:
                raise WarehouseBusy(
                    f"warehouse {path.name}: {holder} still holds the file after {wait_seconds:.0f} s. "
                    "Nothing was changed; run again when it has finished."
                ) from error
            if on_wait is not None and not told:
                on_wait(f"waiting for the warehouse ({holder} has its turn)")
                told = True
        time.sleep(pause * random.uniform(0.5, 1.5))
        pause = min(pause * 1.5, 0.5)


@contextmanager
def turn(
    path: Path,
    *,
    wait_seconds: float = DEFAULT_WAIT_SECONDS,
    on_wait: Callable[[str], None] | None = None,
) -> Iterator[duckdb.DuckDBPyConnection]:
    """Hold the warehouse file for the length of the block.

    Raises:
        WarehouseBusy, WarehouseDamaged, PermanentFailure: as `connect`, or met while the turn lasted.
        EngineFailed: every connection of this process to the file is closed, unless a turn around this one is left.
    """
    import duckdb

    connection = connect(path, wait_seconds=wait_seconds, on_wait=on_wait)
    try:
        with counted_turn(path), closing(connection):
            yield connection
    except duckdb.Error as error:
        failure = _failure_of(path, error)
        if failure is None:
            raise
        close_all(path)
        # Not `from` it: a traceback would print what was withheld.
        raise failure from None
    except EngineFailed:
        close_all(path)
        raise


def _failure_of(path: Path, error: duckdb.Error) -> ShelfgateError | None:
    import duckdb

    failure = failures.failure_in(path, str(error))
    if failure is None and isinstance(error, duckdb.IOException):
        return failures.unusable(path, str(error))
    return failure


def _opening_failed(path: Path, error: duckdb.Error) -> ShelfgateError:
    return _failure_of(path, error) or failures.unusable(path, str(error))


def _holder(message: str) -> str:
    """Name the process in DuckDB's `Conflicting lock is held in /usr/bin/python3.11 (PID 42)`."""
    match = re.search(r"\(PID (\d+)\)", message)
    return f"process {match.group(1)}" if match else "another process"


class DuckDBSession:
    """One turn at the file. Implements `shelfgate.warehouse.Session`."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self.connection = connection

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        self.connection.execute(sql, list(parameters))
        described = self.connection.description
        if described and described[0][0] == "Count":
            counted = self.connection.fetchone()
            return int(counted[0]) if counted else 0
        return 0

    def run_script(self, sql: str) -> None:
        self.connection.execute(sql)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        cursor = self.connection.execute(sql, list(parameters))
        names = [column[0].lower() for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        # executemany runs one statement a row (about 1 ms each); 500 rows a statement take about as long as one.
        written = 0
        one = "(" + ", ".join("?" * len(columns)) + ")"
        for chunk in batched(rows, 500):
            values = ", ".join([one] * len(chunk))
            flat = [value for row in chunk for value in row]
            written += self.run(
                f"insert into {table} ({', '.join(map(self.identifier, columns))}) values {values}", flat
            )
        return written

    @contextmanager
    def transaction(self, name: str) -> Iterator[None]:
        self.connection.execute("begin transaction")
        try:
            failpoint(f"{name}.begun")
            yield
            failpoint(f"{name}.before_commit")
            interruption.raise_before_commit(name)
        except BaseException:
            self._roll_back()
            raise
        self.connection.execute("commit")
        failpoint(f"{name}.after_commit")

    def _roll_back(self) -> None:
        """An instance that has failed undoes its transaction by itself, and says so to every statement: what is to be
        seen is the error that led here."""
        import duckdb

        try:
            self.connection.execute("rollback")
        except duckdb.Error as error:
            if not failures.is_engine_failure(str(error)):
                raise

    @contextmanager
    def migration(self) -> Iterator[None]:
        with self.transaction("migration"):
            yield

    @property
    def utc_now(self) -> str:
        return "make_timestamp(epoch_us(now()))"

    @property
    def set_up_by(self) -> None:
        return None

    def identifier(self, name: str) -> str:
        return quoted(name)

    def content_digest(self, columns: Sequence[str]) -> str:
        # 64-bit hashes summed as HUGEINT: a doubled or a lost row changes it, the order of rows does not.
        return f"cast(sum(hash({', '.join(map(self.identifier, columns))})) as varchar)"


class DuckDBWarehouse:
    """The warehouse of one machine. Implements `shelfgate.warehouse.Warehouse`."""

    engine = "duckdb"

    def __init__(
        self,
        path: Path,
        *,
        wait_seconds: float = DEFAULT_WAIT_SECONDS,
        on_wait: Callable[[str], None] | None = None,
    ) -> None:
        self.path = path
        self.wait_seconds = wait_seconds
        self.on_wait = on_wait

    @property
    def dbt_environment(self) -> dict[str, str]:
        return {"SHELFGATE_TARGET": self.engine, "SHELFGATE_DUCKDB_PATH": str(self.path.absolute())}

    def tagged(self, **said: str) -> DuckDBWarehouse:
        """Itself: DuckDB keeps no history of statements."""
        return self

    def failure_in(self, said: str) -> ShelfgateError | None:
        return failures.failure_in(self.path, said)

    @contextmanager
    def keeping(self) -> Iterator[DuckDBWarehouse]:
        """Itself: the file is let go of after every turn, or nobody else could work."""
        yield self

    @contextmanager
    def turn(self) -> Iterator[DuckDBSession]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise failures.unusable(self.path, str(error)) from error
        with turn(self.path, wait_seconds=self.wait_seconds, on_wait=self.on_wait) as connection:
            yield DuckDBSession(connection)


def batched(rows: Iterable[Sequence[Any]], size: int) -> Iterator[list[Sequence[Any]]]:
    """Lists of at most `size` rows (itertools.batched needs Python 3.12)."""
    iterator = iter(rows)
    while chunk := list(islice(iterator, size)):
        yield chunk
