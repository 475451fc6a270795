"""The gates' connection to our DuckDB file; refuses to open it in any other way than the rest of the process does."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING

import duckdb
import sqlalchemy as sa
from duckdb_sqlalchemy import ConnectionWrapper
from sqlalchemy.pool import StaticPool

from shelfgate.warehouse.on_duckdb import DuckDBSession, connect

if TYPE_CHECKING:
    from expectations.at_once import Rows
    from shelfgate.warehouse.on_duckdb import DuckDBWarehouse


def engine_on(warehouse: DuckDBWarehouse) -> sa.Engine:
    """One connection to the file, opened when the first statement is sent."""
    # The stock dialect adds `custom_user_agent` to the configuration, and DuckDB refuses a second connection to a file
    # under another configuration; the turn that the caller holds is such a first connection.
    path = str(warehouse.path.absolute())
    return sa.create_engine("duckdb://", creator=lambda: ConnectionWrapper(duckdb.connect(path)), poolclass=StaticPool)


@contextmanager
def answering_beside(warehouse: DuckDBWarehouse) -> Iterator[Callable[[str], Future[Rows]]]:
    """A second connection with a thread of its own, which answers statements one after the other.

    What is not answered when the block ends is broken off: nobody waits for it any more.
    """
    session, pool = DuckDBSession(connect(warehouse.path)), ThreadPoolExecutor(1, "asking-ahead")
    asked: list[Future[Rows]] = []

    def ask(sql: str) -> Future[Rows]:
        asked.append(pool.submit(session.rows, sql))
        return asked[-1]

    try:
        yield ask
    finally:
        pool.shutdown(wait=False, cancel_futures=True)
        while running := [one for one in asked if not one.done()]:
            session.connection.interrupt()
            # An interrupt that comes a moment before its statement begins is lost.
            wait(running, timeout=0.05)
        pool.shutdown()
        session.connection.close()
