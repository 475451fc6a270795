"""The engines by target, each opened for one run; an engine's own module is imported once its target is asked for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Self

from inventory_loader.errors import ConfigurationError
from inventory_loader.function_environment import prefix, setting
from inventory_loader.load import Engine

_ROLLBACK_SECONDS = 5.0
"""Kept free after the longest wait for Snowflake, to roll back and to say so."""


@contextmanager
def _duckdb(environment: Mapping[str, str], run_id: str, ends_at: float) -> Iterator[Engine]:
    from inventory_loader.engines.duckdb import DuckDBEngine

    path = setting(environment, "SHELFGATE_DUCKDB_PATH", "the path of the warehouse file")
    yield DuckDBEngine(Path(path), ends_at=ends_at)


@contextmanager
def _snowflake(environment: Mapping[str, str], run_id: str, ends_at: float) -> Iterator[Engine]:
    from inventory_loader.engines.snowflake import SnowflakeEngine
    from inventory_loader.engines.snowflake_login import open_session

    def connect() -> Any:
        return open_session(environment, run_id=run_id, seconds_left=ends_at - time.monotonic() - _ROLLBACK_SECONDS)

    stage = environment.get("SHELFGATE_SNOWFLAKE_STAGE") or None
    with closing(SnowflakeEngine(connect, stage=stage, prefix=prefix(environment))) as engine:
        yield engine


# Imported by target, so that a function with one engine need not carry the other.
ENGINES: Mapping[str, Callable[[Mapping[str, str], str, float], AbstractContextManager[Engine]]] = {
    "duckdb": _duckdb,
    "snowflake": _snowflake,
}
"""What opens the engine of a target: given the environment, the run's id, and its end in `time.monotonic` seconds."""


class EngineOfRun:
    """The engine of one run at a time, opened with the first request of the run and shared by the others.

    Not one engine for several runs: a session of Snowflake carries the id of its run, and waits for a lock no longer
    than the invocation had left when the session was opened.
    """

    def __init__(self, environment: Mapping[str, str], *, ends_at: float) -> None:
        self._environment = environment
        self._ends_at = ends_at
        self._opened = ExitStack()
        self._current: tuple[str, Engine] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def of(self, run_id: str) -> Engine:
        """Give the engine of this run; that of another run is closed.

        Raises:
            ConfigurationError: the target is unknown, or a setting of its engine is missing.
        """
        if self._current is None or self._current[0] != run_id:
            self.close()
            known = " or ".join(ENGINES)
            target = setting(self._environment, "SHELFGATE_TARGET", known)
            if target not in ENGINES:
                raise ConfigurationError(f"SHELFGATE_TARGET is {target!r}; wanted {known}.")
            opened = ENGINES[target](self._environment, run_id, self._ends_at)
            self._current = run_id, self._opened.enter_context(opened)
        return self._current[1]

    def close(self) -> None:
        """Close the engine; the next request opens another."""
        self._current = None
        self._opened.close()
