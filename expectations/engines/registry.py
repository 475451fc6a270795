"""From a warehouse to what Great Expectations reads it by; refuses an engine that it does not know."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from shelfgate.errors import ConfigurationError, ShelfgateError
from shelfgate.warehouse import Warehouse
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse

if TYPE_CHECKING:
    import sqlalchemy as sa
    from great_expectations.datasource.fluent import SQLDatasource

    from expectations.checks.suite_query import SuiteQuery

SOURCE = "warehouse"


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

    engine = _engine_on(warehouse, tag)
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


@contextmanager
def asking_ahead(warehouse: Warehouse) -> Iterator[Callable[[SuiteQuery], None]]:
    """Takes what a suite asks before its turn comes: it is answered while Great Expectations works on another.

    An engine in our own process has a processor to spare then. In Snowflake a suite waits for its turn: a second
    session costs a login.
    """
    if not isinstance(warehouse, DuckDBWarehouse):
        yield lambda _: None
        return
    from expectations.engines.duckdb import answering_beside

    with answering_beside(warehouse) as answer:

        def ask_ahead(suite_query: SuiteQuery) -> None:
            suite_query.ahead = answer(suite_query.statement).result

        yield ask_ahead


def _engine_on(warehouse: Warehouse, tag: dict[str, str]) -> sa.Engine:
    if isinstance(warehouse, DuckDBWarehouse):
        from expectations.engines import duckdb

        return duckdb.engine_on(warehouse)
    if isinstance(warehouse, SnowflakeWarehouse):
        from expectations.engines import snowflake

        return snowflake.engine_on(warehouse.tagged(**tag))
    raise ConfigurationError(f"gates: no way to read a {type(warehouse).__name__}; known: DuckDB, Snowflake.")
