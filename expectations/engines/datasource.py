"""Great Expectations over a connection that we opened; refuses to know where it leads or what opens it.

Its own sources want the password in the connection string, encode keys into their configuration and print both. This
one is lent an engine, so that no file, page or log of theirs can hold what it never saw.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Literal

import sqlalchemy as sa
from great_expectations.compatibility.pydantic import PrivateAttr
from great_expectations.datasource.fluent import SQLDatasource
from great_expectations.execution_engine import SqlAlchemyExecutionEngine


class HeldExecutionEngine(SqlAlchemyExecutionEngine):
    """Keeps its one connection open until `close`.

    The stock engine takes one a query, and fetches rows after its connection block has ended, when DuckDB has already
    dropped them (great_expectations issue 10738).
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


class HeldDatasource(SQLDatasource):
    """Made by `over` and given to `context.data_sources.add_held`."""

    type: Literal["held"] = "held"  # pyright: ignore[reportIncompatibleVariableOverride]
    _lent: sa.Engine | None = PrivateAttr(None)

    @classmethod
    def over(cls, engine: sa.Engine, name: str) -> HeldDatasource:
        # pyright sees nothing of the fields of a model of pydantic 1.
        source = cls(**{"name": name, "connection_string": f"{engine.dialect.name}://"})  # noqa: PIE804
        source._lent = engine
        return source

    @property
    def execution_engine_type(self) -> type[SqlAlchemyExecutionEngine]:
        return HeldExecutionEngine

    def get_execution_engine(self) -> SqlAlchemyExecutionEngine:
        engine = self._execution_engine
        if engine is None:
            engine = HeldExecutionEngine(engine=self.get_engine(), create_temp_table=False)
            self._execution_engine = engine
        return engine

    def _create_engine(self) -> sa.Engine:
        assert self._lent is not None, "made by `over`"
        return self._lent

    def test_connection(self, test_assets: bool = True) -> None:
        # The stock one hides what went wrong behind an error of its own.
        with self.get_engine().connect():
            pass

    def close(self) -> None:
        """Let go of the warehouse."""
        if isinstance(self._execution_engine, HeldExecutionEngine):
            self._execution_engine.close()
        if self._lent is not None:
            self._lent.dispose()
