"""Great Expectations over our DuckDB file; refuses to open it in any other way than the rest of the process does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Literal

import duckdb
import sqlalchemy as sa
from duckdb_sqlalchemy import ConnectionWrapper
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine
from sqlalchemy.pool import StaticPool

URL_PREFIX = "duckdb:///"


class DuckDBExecutionEngine(SqlAlchemyExecutionEngine):
    """Keeps its connection open until `close`.

    The stock engine fetches rows after its connection block has ended, when DuckDB has already dropped them
    (great_expectations issue 10738).
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        self._held: sa.Connection | None = None
        super().__init__(*args, **kwargs)

    @contextmanager
    def get_connection(self) -> Iterator[sa.Connection]:
        if self._held is None or self._held.closed:
            # Every query by itself: an error would abort the transaction, and all later checks with it.
            self._held = self.engine.connect().execution_options(isolation_level="AUTOCOMMIT")
        yield self._held

    def close(self) -> None:
        if self._held is not None:
            self._held.close()
            self._held = None
        self.engine.dispose()


class DuckDBDatasource(SQLDatasource):
    """Registers itself as `context.data_sources.add_duckdb(name, connection_string="duckdb:///<path>")`."""

    type: Literal["duckdb"] = "duckdb"  # pyright: ignore[reportIncompatibleVariableOverride]

    @property
    def execution_engine_type(self) -> type[SqlAlchemyExecutionEngine]:
        return DuckDBExecutionEngine

    def get_execution_engine(self) -> SqlAlchemyExecutionEngine:
        engine = self._execution_engine
        if engine is None:
            engine = DuckDBExecutionEngine(engine=self.get_engine(), create_temp_table=False)
            self._execution_engine = engine
        return engine

    def _create_engine(self) -> sa.Engine:
        # The stock dialect adds `custom_user_agent` to the configuration, and DuckDB refuses a second connection to a
        # file under another configuration; the turn that we hold is such a first connection.
        path = Path(str(self.connection_string).removeprefix(URL_PREFIX))
        return sa.create_engine(
            "duckdb://", creator=lambda: ConnectionWrapper(duckdb.connect(str(path))), poolclass=StaticPool
        )

    def close(self) -> None:
        """Let go of the file."""
        if isinstance(self._execution_engine, DuckDBExecutionEngine):
            self._execution_engine.close()
        if self._engine is not None:
            self._engine.dispose()
