"""A DuckDB instance that is invalid, as after an error inside the engine: by a setting of DuckDB's own tests."""

from __future__ import annotations

from pathlib import Path

import duckdb


def invalidate(connection: duckdb.DuckDBPyConnection) -> None:
    """Have the instance fail: every connection of the process gets a FATAL error for whatever it sends."""
    abort_checkpoints(connection)
    # Something to checkpoint, or none is made.
    connection.execute("create or replace table main.touched as select 1 as one")
    try:
        connection.execute("checkpoint")
    except duckdb.FatalException:
        return
    raise AssertionError("the instance survived")


def fail_at_commit(connection: duckdb.DuckDBPyConnection) -> None:
    """Have the next commit that writes end in a FATAL error, after it is durable."""
    abort_checkpoints(connection)
    connection.execute("set checkpoint_threshold = '0KB'")


def abort_checkpoints(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("set debug_checkpoint_abort = 'before_truncate'")


def is_open(file: Path) -> bool:
    """Whether this process has the file, or its log, open."""
    real = str(file.resolve())
    found = [Path(f"/proc/self/fd/{one.name}") for one in Path("/proc/self/fd").iterdir()]
    return any(str(one.resolve()) in (real, f"{real}.wal") for one in found)
