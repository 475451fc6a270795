"""A cursor of Snowflake's own connector for a test, and what an error of Snowflake's says."""

from __future__ import annotations

from typing import Any

import pytest
from snowflake.connector.errors import Error

from shelfgate.warehouse.engines.snowflake.session import SnowflakeSession


class Cursor:
    """Statements on one session, and their answers."""

    def __init__(self, session: SnowflakeSession) -> None:
        self.session = session

    def __call__(self, sql: str, *values: Any) -> list[tuple[Any, ...]]:
        cursor = self.session.connection.cursor()
        return cursor.execute(sql, list(values) or None).fetchall()  # pyright: ignore

    def one(self, sql: str, *values: Any) -> Any:
        ((value,),) = self(sql, *values)
        return value

    def names(self, sql: str) -> list[str]:
        cursor = self.session.connection.cursor()
        cursor.execute(sql)
        return [column.name for column in cursor.description or ()]

    def refused(self, sql: str, *values: Any) -> int:
        """The number of the error that this statement ends in."""
        with pytest.raises(Error) as caught:
            self(sql, *values)
        return abs(int(caught.value.errno or 0))
