"""From a warehouse to what Great Expectations reads it by; refuses an engine that it does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from expectations.engines import duckdb, snowflake
from shelfgate.errors import ConfigurationError, ShelfgateError
from shelfgate.warehouse import Warehouse

if TYPE_CHECKING:
    import sqlalchemy as sa
    from great_expectations.datasource.fluent import SQLDatasource

    from expectations.checks.suite_query import SuiteQuery

SOURCE = "warehouse"


@dataclass(frozen=True)
class GateEngine:
    """How gates read one engine. Each function takes the warehouse class of its own engine."""

    engine_on: Callable[[Any], sa.Engine]
    """An engine of SQLAlchemy whose one connection is opened when the first statement is sent."""
    asking_ahead: Callable[[Any], AbstractContextManager[Callable[[SuiteQuery], None]]]
    """Takes what a suite asks before its turn comes, and sends it ahead where the engine has time for it."""


GATE_ENGINES: Final[Mapping[str, GateEngine]] = {
    "duckdb": GateEngine(duckdb.engine_on, duckdb.asking_ahead),
    "snowflake": GateEngine(snowflake.engine_on, snowflake.asking_in_turn),
}


@contextmanager
def source_on(warehouse: Warehouse, docs_folder: Path, **tag: str) -> Iterator[SQLDatasource]:
    """One connection for the length of the block; where the engine knows tags, its statements bear this one.

    Raises:
        EngineFailed, WarehouseDamaged, PermanentFailure: a statement met this, which Great Expectations takes for the
            failure of one check.
        Exception: whatever the engine makes of a warehouse that does not open.
    """
    from expectations.data_docs.site import context_for
    from expectations.engines.datasource import HeldDatasource

    engine = _gate_engine(warehouse).engine_on(warehouse.tagged(**tag))
    failures = _failures_met(engine, warehouse)
    source = HeldDatasource.over(engine, SOURCE)
    try:
        # Its overloads know the sources that came with it.
        yield cast(Any, context_for(docs_folder).data_sources).add_held(source)
    finally:
        source.close()
    if failures:
        raise failures[0]


def _failures_met(engine: sa.Engine, warehouse: Warehouse) -> list[ShelfgateError]:
    """Fills up with the failures of warehouse, engine or disk that statements meet."""
    from sqlalchemy import event

    met: list[ShelfgateError] = []

    def look_at(context: sa.ExceptionContext) -> None:
        if (failure := warehouse.failure_in(str(context.original_exception))) is not None:
            met.append(failure)

    event.listen(engine, "handle_error", look_at)
    return met


def asking_ahead(warehouse: Warehouse) -> AbstractContextManager[Callable[[SuiteQuery], None]]:
    """Takes what a suite asks before its turn comes: where the engine has time for it, it is answered while Great
    Expectations works on another suite."""
    return _gate_engine(warehouse).asking_ahead(warehouse)


def _gate_engine(warehouse: Warehouse) -> GateEngine:
    if warehouse.engine not in GATE_ENGINES:
        known = ", ".join(GATE_ENGINES)
        raise ConfigurationError(f"gates: no way to read a warehouse on {warehouse.engine}; known: {known}.")
    return GATE_ENGINES[warehouse.engine]
