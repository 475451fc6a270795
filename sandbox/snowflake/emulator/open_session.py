"""What a statement sees of the session and of the server that it runs in, and what it comes to."""

from __future__ import annotations

from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

import duckdb
from fakesnow.conn import FakeSnowflakeConnection
from fakesnow.cursor import FakeSnowflakeCursor
from fakesnow.instance import FakeSnow
from sqlglot import exp

from .account_state import AccountState
from .sql.parameters import Parameters

Name = tuple[str, str, str]


@dataclass
class StatementResult:
    """What a statement came to, ready for the wire."""

    cursor: FakeSnowflakeCursor
    kind: exp.Expression | None
    rows_written: int | None = None


class Server(Protocol):
    """What all sessions share."""

    snow: FakeSnow
    account: AccountState
    s3_endpoint: str | None
    sessions: dict[str, Any]
    remarks: list[str]

    def s3(self) -> Any: ...
    def has_database(self, name: str) -> bool: ...
    def make_database(self, duck: duckdb.DuckDBPyConnection, name: str) -> None: ...
    def drop_database(self, duck: duckdb.DuckDBPyConnection, name: str) -> None: ...
    def must_be_granted(self, user: str, role: str) -> None: ...


class OpenSession(Protocol):
    """A session as the statements that run in it use it."""

    estate: Server
    connection: FakeSnowflakeConnection
    duck: duckdb.DuckDBPyConnection
    user: str
    role: str
    warehouse: str | None
    label: str
    parameters: Parameters
    in_transaction: bool
    failed: bool
    written: int | None

    def begin(self) -> None: ...
    def end(self, *, commit: bool) -> None: ...
    def take_turn(self) -> None: ...
    def atomic(self, *, joining: bool = False) -> AbstractContextManager[None]: ...
    def kind_of(self, name: Name) -> str | None: ...
    def columns(self, name: Name) -> list[str]: ...
    def drop_relation(self, name: Name) -> None: ...
    def to_duck(self, expression: exp.Expression, parameters: Any) -> exp.Expression: ...
    def pass_on(self, statement: exp.Expression) -> Any: ...
