"""What the core asks of a warehouse; refuses to know which engine answers."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from importlib import resources
from typing import TYPE_CHECKING, Any, Protocol

from shelfgate.errors import ConfigurationError, PermanentFailure

if TYPE_CHECKING:
    from shelfgate.settings import Settings

Row = dict[str, Any]


class Session(Protocol):
    """A connection during one turn. Parameters are positional, written `?`."""

    def run(self, sql: str, parameters: Sequence[Any] = ()) -> int:
        """Execute one statement and return the number of rows that it changed (0 for DDL)."""
        ...

    def run_script(self, sql: str) -> None:
        """Execute several statements separated by semicolons."""
        ...

    def rows(self, sql: str, parameters: Sequence[Any] = ()) -> list[Row]:
        """Execute a query and return its rows by lower-case column name."""
        ...

    def insert(self, table: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> int:
        """Insert counts and names (not data: rows never pass through here) in as few statements as the engine takes."""
        ...

    def transaction(self, name: str) -> AbstractContextManager[None]:
        """Commit at the end of the block, roll back if it raises. DML only: Snowflake commits at any DDL.

        `name` is one of `shelfgate.failpoints.TRANSACTIONS`.
        """
        ...

    @property
    def utc_now(self) -> str:
        """An expression for the warehouse's own clock, as a timestamp in UTC without a zone."""
        ...

    @property
    def set_up_by(self) -> str | None:
        """The command by which an administrator makes the tables; None where a run makes them itself."""
        ...

    def identifier(self, name: str) -> str:
        """A name as our SQL spells it (lower case, unquoted), as text that means this name and nothing else."""
        ...

    def content_digest(self, columns: Sequence[str]) -> str:
        """An aggregate expression over rows with these columns: order independent, comparable on one engine only."""
        ...


class Warehouse(Protocol):
    """The place where everything lands, is judged, built and read."""

    @property
    def sqlalchemy_url(self) -> str:
        """For the gates, which read through SQLAlchemy while this process holds the turn."""
        ...

    @property
    def dbt_environment(self) -> dict[str, str]:
        """What `dbt/profiles.yml` reads of the environment to reach this warehouse."""
        ...

    def tagged(self, **said: str) -> Warehouse:
        """The same warehouse, its statements marked with this as well where the engine keeps marks: `run`, `stage`."""
        ...

    def keeping(self) -> AbstractContextManager[Warehouse]:
        """The same warehouse; until the block ends its turns may share what is costly to open."""
        ...

    def turn(self) -> AbstractContextManager[Session]:
        """Hold the warehouse for the length of the block.

        Raises:
            WarehouseBusy: somebody else still had it after the wait.
        """
        ...


def statement(name: str) -> str:
    """Read one of our few named statements, `shelfgate/warehouse/sql/<name>.sql`."""
    return (resources.files("shelfgate.warehouse") / "sql" / f"{name}.sql").read_text(encoding="utf-8")


PARTS = ("install_ops", "install_store", "install_views")


def install(session: Session) -> None:
    """See that schemas, tables and views are there and of this version; make them so where a run may.

    Raises:
        ConfigurationError: only the warehouse's administrator may, and has not yet.
    """
    if session.set_up_by is None:
        bring_up_to_date(session)
        return
    try:
        done, why = _installed(session), ""
    except PermanentFailure as absent:
        done, why = {}, f" ({absent})"
    outdated = [part for part, sha256 in _wanted_parts().items() if done.get(part) != sha256]
    if outdated:
        raise ConfigurationError(
            f"warehouse: {', '.join(outdated)} not installed in the version of this code by ops.installation{why}, and "
            f"a run may not do it. Nothing was changed: have the administrator run `{session.set_up_by}`, then run "
            "again."
        )


def bring_up_to_date(session: Session) -> None:
    """Create what is missing of schemas, tables and views, bring older ones up to date. DDL: never while publishing.

    A part runs again only when its text has changed: a view is replaced then, not before.
    """
    session.run_script(
        "create schema if not exists ops; create table if not exists ops.installation "
        "(part varchar not null, sha256 varchar not null, installed_at timestamp not null)"
    )
    done = _installed(session)
    for part, sha256 in _wanted_parts().items():
        if done.get(part) == sha256:
            continue
        session.run_script(statement(part))
        session.run("delete from ops.installation where part = ?", [part])
        session.run(f"insert into ops.installation select ?, ?, {session.utc_now}", [part, sha256])


def _wanted_parts() -> dict[str, str]:
    return {part: hashlib.sha256(statement(part).encode()).hexdigest() for part in PARTS}


def _installed(session: Session) -> dict[str, str]:
    return {row["part"]: row["sha256"] for row in session.rows("select part, sha256 from ops.installation")}


def open_warehouse(settings: Settings, on_wait: Callable[[str], None] | None = None) -> Warehouse:
    """The warehouse that `SHELFGATE_TARGET` names.

    Raises:
        ConfigurationError: no target, or one that this installation does not know.
    """
    from shelfgate import failpoints

    target = settings.need("target")
    if os.environ.get(failpoints.VARIABLE) and target != "duckdb":
        raise ConfigurationError(
            f"{failpoints.VARIABLE} is set, and SHELFGATE_TARGET is {target!r}. "
            "Failpoints end runs on purpose: unset it."
        )
    if target == "duckdb":
        from shelfgate.warehouse.on_duckdb import DuckDBWarehouse

        return DuckDBWarehouse(settings.warehouse_file, wait_seconds=settings.warehouse_wait_seconds, on_wait=on_wait)
    if target == "snowflake":
        from shelfgate.warehouse.on_snowflake import SnowflakeWarehouse

        return SnowflakeWarehouse.of(settings)
    raise ConfigurationError(f"SHELFGATE_TARGET is {target!r}; this installation knows: duckdb, snowflake.")
