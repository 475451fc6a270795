"""A connection that counts its statements, breaks at one of them and tells of commits; refuses to hide a statement."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import duckdb

from shelfgate.failpoints import SimulatedCrash


class Break(StrEnum):
    """What happens at the statement at which the wire is to break."""

    REFUSED = "the statement is not executed, the session lives"
    ANSWER_LOST = "the statement is executed, its answer is lost, the session lives"
    SESSION_LOST = "the statement is not executed, nor is any other of this session"
    SESSION_LOST_AFTER = "the statement is executed, its answer is lost and so is the session"
    CRASH = "the process ends before the statement"
    CRASH_AFTER = "the process ends after the statement"


EXECUTED = frozenset({Break.ANSWER_LOST, Break.SESSION_LOST_AFTER, Break.CRASH_AFTER})
SESSION_GONE = frozenset({Break.SESSION_LOST, Break.SESSION_LOST_AFTER})


@dataclass
class Watch:
    """Shared by all connections of a warehouse. `on_commit` is given the statements that became visible together."""

    on_commit: Callable[[Sequence[str]], None]
    count: int = 0
    break_at: int | None = None
    how: Break = Break.REFUSED
    written_without_transaction: list[str] = field(default_factory=list)
    broke: bool = False
    broken_promise: AssertionError | None = None

    def arm(self, statement: int | None, how: Break = Break.REFUSED) -> None:
        """Count from here, and break at that statement, the first being 1; None: only count."""
        self.count, self.break_at, self.how, self.broke = 0, statement, how, False


class Wire:
    """As much of a DuckDB connection as the engine uses."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, watch: Watch) -> None:
        self._connection = connection
        self._watch = watch
        self._gone = False
        self._in_transaction = False
        self._pending: list[str] = []

    @property
    def description(self) -> Any:
        return self._connection.description

    def fetchone(self) -> Any:
        return self._connection.fetchone()

    def begin(self) -> None:
        self.execute("begin transaction")

    def commit(self) -> None:
        self.execute("commit")

    def close(self) -> None:
        self._connection.close()

    def execute(self, sql: str, parameters: Any = None) -> duckdb.DuckDBPyConnection:
        return self._passed(sql, lambda: self._connection.execute(sql, parameters))

    def executemany(self, sql: str, parameters: Any = None) -> duckdb.DuckDBPyConnection:
        return self._passed(sql, lambda: self._connection.executemany(sql, parameters))

    def _passed(self, sql: str, act: Callable[[], duckdb.DuckDBPyConnection]) -> duckdb.DuckDBPyConnection:
        if self._gone:
            raise duckdb.ConnectionException("the session is gone")
        self._watch.count += 1
        here = self._watch.count == self._watch.break_at
        if here and self._watch.how not in EXECUTED:
            self._break()
        answer = act()
        self._note(sql)
        if here:
            self._break()
        return answer

    def _break(self) -> None:
        self._watch.broke = True
        self._gone = self._watch.how in SESSION_GONE
        if self._watch.how in {Break.CRASH, Break.CRASH_AFTER}:
            raise SimulatedCrash(f"statement {self._watch.count}")
        raise duckdb.ConnectionException(f"statement {self._watch.count}: {self._watch.how}")

    def _note(self, sql: str) -> None:
        word = sql.split(None, 1)[0].lower()
        if word == "begin":
            self._in_transaction = True
        elif word == "rollback":
            self._in_transaction, self._pending = False, []
        elif word == "commit":
            self._in_transaction = False
            self._visible()
        elif word not in {"select", "set", "with"}:
            self._pending.append(sql)
            if not self._in_transaction:
                self._watch.written_without_transaction.append(sql)
                self._visible()

    def _visible(self) -> None:
        visible, self._pending = self._pending, []
        if not visible:
            return
        try:
            self._watch.on_commit(visible)
        except AssertionError as broken:
            self._watch.broken_promise = broken
            raise
