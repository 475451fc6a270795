"""The connections of this process to DuckDB files. Apart, because DuckDB keeps one instance of a database for a process
as long as one connection to it lives: an instance that has failed is gone only when all of them are closed.
"""

from __future__ import annotations

import gc
import os
import threading
import weakref
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

from shelfgate.errors import EngineFailed
from shelfgate.warehouse.engines.duckdb.failures import damaged, engine_failed

if TYPE_CHECKING:
    import duckdb

_lock = threading.RLock()
_connections: dict[str, weakref.WeakSet[duckdb.DuckDBPyConnection]] = {}
_turns: Counter[str] = Counter()


def opened(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection that `close_all` knows.

    Every connection in one process must use the same configuration (DuckDB refuses a second one otherwise), so there
    are no options here.
    """
    import duckdb

    with _lock:
        known = _connections.setdefault(_key(path), weakref.WeakSet())
        # Only before the first: the lock on a file is the process's, and closing any descriptor of the file drops it.
        if not known:
            _refuse_sqlite(path)
        connection = duckdb.connect(str(path))
        known.add(connection)
    return connection


def _refuse_sqlite(path: Path) -> None:
    """DuckDB would download an extension, and open the file as what it is."""
    with suppress(FileNotFoundError, PermissionError, IsADirectoryError), path.open("rb") as file:
        if file.read(16) == b"SQLite format 3\0":
            raise damaged(path, "it is no DuckDB database", "an SQLite database")


def living(path: Path) -> duckdb.DuckDBPyConnection:
    """A connection to an instance that answers; if the one that this process kept has failed, the file is opened anew.

    Raises:
        EngineFailed: another turn of this process is under way on the failed instance, or something else keeps it.
    """
    connection = opened(path)
    if (said := _failure(connection)) is None:
        return connection
    connection.close()
    if _turns[_key(path)]:
        raise engine_failed(path, said)
    close_all(path)
    connection = opened(path)
    if (said := _failure(connection)) is None:
        return connection
    connection.close()
    raise EngineFailed(f"{engine_failed(path, said)} This process cannot open the file anew: end it and start another.")


def _failure(connection: duckdb.DuckDBPyConnection) -> str | None:
    import duckdb

    try:
        connection.execute("select 1").fetchall()
    except (duckdb.FatalException, duckdb.InternalException) as error:
        return str(error)
    return None


@contextmanager
def counted_turn(path: Path) -> Iterator[None]:
    """Marks a turn as under way, so that nobody closes its connections from elsewhere."""
    key = _key(path)
    with _lock:
        _turns[key] += 1
    try:
        yield
    finally:
        with _lock:
            _turns[key] -= 1


def close_all(path: Path) -> None:
    """Close what is left of connections to this file, unless a turn is under way.

    A library that gave up half way may have left one, kept alive by the traceback of its error.
    """
    import duckdb

    key = _key(path)
    with _lock:
        if _turns[key]:
            return
        for connection in list(_connections.get(key, ())):
            with suppress(duckdb.Error):
                connection.close()
        _connections.pop(key, None)
    gc.collect()


def _key(path: Path) -> str:
    return os.path.realpath(path)
