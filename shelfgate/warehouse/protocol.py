"""What the core asks of a warehouse; refuses to know which engine answers."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

from shelfgate.errors import ShelfgateError

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
        """Commit at the end of the block, roll back if it raises or if a signal has asked this process to end.

        DML only: Snowflake commits at any DDL.

        `name` is one of `shelfgate.failpoints.TRANSACTIONS`.
        """
        ...

    def migration(self) -> AbstractContextManager[None]:
        """One migration, DDL: all of it or nothing where the engine can; statement by statement on Snowflake."""
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
    def engine(self) -> str:
        """The engine's name, as `SHELFGATE_TARGET` has it."""
        ...

    @property
    def dbt_environment(self) -> dict[str, str]:
        """What `dbt/profiles.yml` reads of the environment to reach this warehouse."""
        ...

    def tagged(self, **said: str) -> Warehouse:
        """The same warehouse, its statements marked with this as well where the engine keeps marks: `run`, `stage`."""
        ...

    def failure_in(self, said: str) -> ShelfgateError | None:
        """The failure of the engine, its file or its disk that the text of an error tells of; None if the error is
        about a statement. For errors that a library has swallowed."""
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


class Target(Protocol):
    """What differs by engine before a warehouse is open, for settings whose `SHELFGATE_TARGET` names the engine."""

    @property
    def place(self) -> str:
        """Where the tables are, for a person."""
        ...

    @property
    def needed_settings(self) -> Sequence[str]:
        """The settings that a run on this engine cannot do without, beyond those that every run needs."""
        ...

    @property
    def keys_in_blocks(self) -> bool:
        """True if the settings name Prefect blocks that say who logs in. Such settings open nothing before the blocks
        are loaded."""
        ...

    @property
    def missing_file(self) -> Path | None:
        """The file that the first run creates, while it does not exist; None otherwise and without a file."""
        ...

    def check(self) -> None:
        """See without a connection whether a run could log in.

        Raises:
            ConfigurationError: it could not.
        """
        ...

    def open_warehouse(self, on_wait: Callable[[str], None] | None = None) -> Warehouse:
        """The warehouse; its first turn connects, and creates a file that is missing."""
        ...

    def open_to_read(self, on_wait: Callable[[str], None] | None = None) -> AbstractContextManager[Warehouse]:
        """The warehouse for a command that only looks: an empty one in the place of a missing file."""
        ...
