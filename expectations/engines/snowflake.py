"""The gates' session in a Snowflake account; refuses to hand its key to anything but Snowflake's own connector."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from shelfgate.warehouse.engines.snowflake.sql_text import explained

if TYPE_CHECKING:
    import sqlalchemy as sa

    from expectations.checks.suite_query import SuiteQuery
    from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse


def engine_on(warehouse: SnowflakeWarehouse) -> sa.Engine:
    """One session, opened when the first statement is sent, under the warehouse's query tag.

    Opening it raises what `SnowflakeWarehouse.turn` raises.
    """
    import sqlalchemy as sa
    from sqlalchemy import event
    from sqlalchemy.pool import StaticPool

    engine = sa.create_engine(
        warehouse.sqlalchemy_url, connect_args=warehouse.sqlalchemy_arguments, poolclass=StaticPool
    )
    event.listen(engine, "do_connect", _connect)
    return engine


def _connect(dialect: sa.Dialect, record: Any, arguments: Any, named: dict[str, Any]) -> Any:
    from snowflake.connector.errors import Error

    try:
        return dialect.connect(*arguments, **named)
    except Error as error:
        raise explained(error, "login", None) from error


@contextmanager
def asking_in_turn(warehouse: SnowflakeWarehouse) -> Iterator[Callable[[SuiteQuery], None]]:
    """Sends nothing: a suite waits for its turn, for a second session costs a login."""
    yield lambda _: None
