"""One connection to a Snowflake account; refuses DDL inside a transaction.

Snowflake commits at every DDL statement, so one inside a publication would publish half of it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import TYPE_CHECKING, Any

from shelfgate import interruption
from shelfgate.errors import ExternalServiceUnavailable, PermanentFailure
from shelfgate.failpoints import failpoint
from shelfgate.warehouse.engines.snowflake.sql_text import explained, first_words, statements_of, without_comments
from shelfgate.warehouse.identifiers import quoted

if TYPE_CHECKING:
    from snowflake.connector import SnowflakeConnection

DDL = re.compile(r"\s*(create|alter|drop|truncate|undrop|comment|grant|revoke|use)\b", re.I)


class SnowflakeSession:
    """One connection. Implements `shelfgate.warehouse.Session`."""

    def __init__(self, connection: SnowflakeConnection) -> None:
        self.connection = connection
        self._in_transaction = False

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        if self._in_transaction and DDL.match(without_comments(sql)):
            raise PermanentFailure(
                f"Snowflake: DDL inside a transaction would commit the half that is done: {first_words(sql)}. "
                "The transaction is rolled back, nothing was changed. Create tables at installation."
            )
        cursor = self._execute(sql, parameters)
        # Snowflake gives a status line for all but DML, and counts that line as a row.
        said = (cursor.description or [None])[0]
        return int(cursor.rowcount or 0) if said is not None and said.name.startswith("number of rows") else 0

    def run_script(self, sql: str) -> None:
        for one in statements_of(sql):
            self.run(one)

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[dict[str, Any]]:
        cursor = self._execute(sql, parameters)
        names = [column.name.lower() for column in cursor.description or ()]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        from snowflake.connector.errors import Error

        # Bound as columns, in one statement. Dates as texts: the connector has no type for a column that mixes in NULL.
        bound = [[_as_text(value) for value in row] for row in rows]
        if not bound:
            return 0
        names = ", ".join(map(self.identifier, columns))
        sql = f"insert into {table} ({names}) values ({', '.join('?' * len(columns))})"
        cursor = self.connection.cursor()
        try:
            return int(cursor.executemany(sql, bound).rowcount or 0)
        except Error as error:
            raise explained(error, sql, cursor.sfqid) from None

    @contextmanager
    def transaction(self, name: str) -> Iterator[None]:
        self._execute("begin transaction")
        self._in_transaction = True
        try:
            failpoint(f"{name}.begun")
            yield
            failpoint(f"{name}.before_commit")
            interruption.raise_before_commit(name)
        except BaseException:
            self._in_transaction = False
            self._roll_back()
            raise
        self._in_transaction = False
        self._execute("commit")
        failpoint(f"{name}.after_commit")

    @contextmanager
    def migration(self) -> Iterator[None]:
        # Snowflake commits at every DDL statement: nothing to undo, all of it safe to repeat.
        failpoint("migration.begun")
        yield
        failpoint("migration.after_commit")

    def _roll_back(self) -> None:
        """A connection that is gone has rolled back already: the error that took it matters more."""
        try:
            self._execute("rollback")
        except ExternalServiceUnavailable:
            return

    @property
    def utc_now(self) -> str:
        return "sysdate()"

    @property
    def set_up_by(self) -> str:
        return "shelfgate snowflake apply"

    def identifier(self, name: str) -> str:
        # An unquoted name is kept in upper case, a quoted one as it is written.
        return quoted(name.upper())

    def content_digest(self, columns: Sequence[str]) -> str:
        # Signed 64-bit hashes summed as NUMBER(38, 0): a doubled or a lost row changes it, the order of rows does not.
        return f"cast(sum(hash({', '.join(map(self.identifier, columns))})) as varchar)"

    def _execute(self, sql: str, parameters: Sequence[Any] = ()) -> Any:
        from snowflake.connector.errors import Error

        cursor = self.connection.cursor()
        try:
            # Without values the text goes as it is: a `?` in a string stays one.
            return cursor.execute(sql, list(parameters)) if parameters else cursor.execute(sql)
        except Error as error:
            raise explained(error, sql, cursor.sfqid) from None


def _as_text(value: Any) -> Any:
    return value.isoformat(sep=" ") if isinstance(value, datetime) else str(value) if isinstance(value, date) else value
