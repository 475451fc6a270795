"""The gates' connection to our DuckDB file; refuses to open it in any other way than the rest of the process does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import ExitStack, contextmanager
from queue import SimpleQueue
from typing import TYPE_CHECKING

from shelfgate import interruption

if TYPE_CHECKING:
    import sqlalchemy as sa

    from expectations.checks.suite_query import Rows, SuiteQuery
    from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBSession, DuckDBWarehouse

ASKING = 2
"""Statements under way at once: most of a suite's are small, and leave a processor idle."""


def engine_on(warehouse: DuckDBWarehouse) -> sa.Engine:
    """One connection to the file, opened when the first statement is sent."""
    import sqlalchemy as sa
    from duckdb_sqlalchemy import ConnectionWrapper
    from sqlalchemy.pool import StaticPool

    from shelfgate.warehouse.engines.duckdb.connections import opened

    # The stock dialect adds `custom_user_agent` to the configuration, and DuckDB refuses a second connection to a file
    # under another configuration; the turn that the caller holds is such a first connection.
    return sa.create_engine(
        "duckdb://", creator=lambda: ConnectionWrapper(opened(warehouse.path)), poolclass=StaticPool
    )


@contextmanager
def asking_ahead(warehouse: DuckDBWarehouse) -> Iterator[Callable[[SuiteQuery], None]]:
    """Sends each statement at once: an engine in our own process has a processor to spare for it."""
    with answering_beside(warehouse) as answer:

        def ask_ahead(suite_query: SuiteQuery) -> None:
            suite_query.ahead = answer(suite_query.statement).result

        yield ask_ahead


@contextmanager
def answering_beside(warehouse: DuckDBWarehouse) -> Iterator[Callable[[str], Future[Rows]]]:
    """Connections with a thread each, which answer statements in the order that they are asked in.

    What is not answered when the block ends is broken off: nobody waits for it any more.
    """
    with ExitStack() as opened:
        sessions = [opened.enter_context(warehouse.turn()) for _ in range(ASKING)]
        yield from _answering(sessions)


def _answering(sessions: list[DuckDBSession]) -> Iterator[Callable[[str], Future[Rows]]]:
    idle: SimpleQueue[DuckDBSession] = SimpleQueue()
    for session in sessions:
        idle.put(session)
    pool = ThreadPoolExecutor(len(sessions), "asking-ahead")
    asked: list[Future[Rows]] = []

    def answer(sql: str) -> Rows:
        session = idle.get()
        try:
            interruption.raise_if_requested()
            return session.rows(sql)
        finally:
            idle.put(session)

    def ask(sql: str) -> Future[Rows]:
        asked.append(pool.submit(answer, sql))
        return asked[-1]

    try:
        yield ask
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        while running := [one for one in asked if not one.done()]:
            for session in sessions:
                session.connection.interrupt()
            # An interrupt that comes a moment before its statement begins is lost.
            wait(running, timeout=0.05)
        pool.shutdown()
