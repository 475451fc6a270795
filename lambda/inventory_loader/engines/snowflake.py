"""Settles dumps in Snowflake; refuses DDL inside a transaction, and to copy any bytes but those that were checked.

Tables and stages that exist only for the load are temporary and made before the transaction begins: Snowflake commits
at every DDL statement. A dump's text was checked by this function, in the version pinned; Snowflake reads an external
stage by key alone. So what it copied from there counts only if every row carries the ETag of the version checked;
otherwise, and where no stage is configured, the checked file itself is sent.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from snowflake.connector import errors as vendor

from inventory_loader.dump.contract import COLUMNS, MAX_SNAPSHOTS
from inventory_loader.dump.reader import Text
from inventory_loader.dump.row_errors import first_fault
from inventory_loader.engines import snowflake_statements as sql
from inventory_loader.engines.snowflake_transaction import SnowflakeTurn
from inventory_loader.errors import (
    ConfigurationError,
    DumpRefused,
    LoaderError,
    WarehouseBusy,
    WarehouseFailed,
    WarehouseNotInstalled,
)
from inventory_loader.load import Mark, Staged
from inventory_loader.objects import Dropped
from inventory_loader.snapshots import Snapshot

_log = logging.getLogger("inventory_loader")

_STAGE_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*){0,2}")
_FILE_NAME = re.compile(r"\d{4}-\d{2}-\d{2}(?:-[A-Za-z0-9_.-]+)?\.csv(?:\.gz)?", re.ASCII)
_LOCAL_PATH = re.compile(r"/[A-Za-z0-9_./-]+")

_ABSENT = frozenset({2003, 2043})
"""Snowflake's `object does not exist or not authorized`, as a name and as the target of an operation."""
_LOCK_TIMEOUT = frozenset({604, 625})
"""Cancelled while waiting, and `has locked table`: somebody else's transaction was there first."""
_LOGIN = range(390_000, 400_000)


class SnowflakeEngine:
    """One session, opened by the first statement that needs it; `stage` is an external stage at `prefix`, or None."""

    def __init__(self, connect: Callable[[], Any], *, stage: str | None, prefix: str) -> None:
        if stage is not None and _STAGE_NAME.fullmatch(stage) is None:
            raise ConfigurationError("SHELFGATE_SNOWFLAKE_STAGE is no plain name; wanted [[database.]schema.]stage.")
        self._connect = connect
        self._external = stage
        self._prefix = prefix
        self._connection: Any = None

    def stage(self, text: Text, folder: Path, dropped: Dropped) -> Staged:
        """Bring the checked rows into a temporary table and weigh them there.

        Raises:
            DumpRefused: a value is not what its column wants.
            LoaderError: Snowflake did not take them.
        """
        if fault := first_fault(text.path, text.columns):
            raise DumpRefused(fault)
        with _translated():
            cursor = self._cursor()
            for statement in sql.BEFORE_THE_TRANSACTION:
                cursor.execute(statement)
            if not self._copied(cursor, text, dropped):
                self._sent(cursor, text)
            return Staged(sql.ARRIVING, text.rows, _weighed(cursor))

    def judged(self) -> dict[tuple[str, str], Mark]:
        with _translated():
            found = self._cursor().execute(sql.JUDGED).fetchall()
        return {(key, version): (etag, modified) for key, version, etag, modified in found}

    @contextmanager
    def turn(self) -> Iterator[SnowflakeTurn]:
        """Hold the loaders' one turn for a transaction.

        Raises:
            WarehouseBusy, WarehouseNotInstalled, ConfigurationError: nothing was written.
            WarehouseFailed: all was written or nothing, if it was the commit that gave no answer.
        """
        with _translated():
            cursor = self._cursor()
            cursor.execute("begin transaction")
            try:
                _take_turn(cursor)
                yield SnowflakeTurn(cursor)
            except BaseException:
                cursor.execute("rollback")
                raise
            cursor.execute("commit")

    def close(self) -> None:
        """End the session; its temporary tables go with it."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _cursor(self) -> Any:
        if self._connection is None:
            self._connection = self._connect()
        return self._connection.cursor()

    def _copied(self, cursor: Any, text: Text, dropped: Dropped) -> bool:
        name = dropped.object_key.removeprefix(self._prefix)
        if self._external is None or text.quoted or _FILE_NAME.fullmatch(name) is None:
            return False
        columns = _columns_of(text)
        cursor.execute(sql.COPY_FROM_STAGE.format(columns=columns, stage=self._external), (name,))
        ((rows, others),) = cursor.execute(sql.COUNT_ARRIVED, (dropped.etag,)).fetchall()
        if rows == text.rows and not others:
            return True
        _log.info("the stage holds another version than the one checked, whose rows are sent instead")
        cursor.execute(sql.EMPTY_ARRIVING)
        return False

    def _sent(self, cursor: Any, text: Text) -> None:
        path = str(text.path)
        if _LOCAL_PATH.fullmatch(path) is None or text.path.name != sql.SENT_FILE:
            raise ConfigurationError(f"scratch folder {text.path.parent}; wanted a plain path in TMPDIR.")
        cursor.execute(sql.CREATE_SENT_FILES)
        cursor.execute(sql.PUT_FILE.format(path=path))
        cursor.execute(sql.COPY_SENT_FILE.format(columns=_columns_of(text)))
        ((rows, _),) = cursor.execute(sql.COUNT_ARRIVED, ("",)).fetchall()
        if rows != text.rows:
            raise WarehouseFailed(f"{rows:,} rows arrived; wanted {text.rows:,}. Nothing was written; invoke again.")


def _take_turn(cursor: Any) -> None:
    # Two loads that saw the same ledger would both write: the second waits here, then reads what the first has written.
    cursor.execute(sql.TAKE_TURN)
    if cursor.rowcount != 1:
        raise WarehouseNotInstalled(
            f"ops.load_turn has {cursor.rowcount} rows; wanted the one of the installation. Nothing was written."
        )


def _columns_of(text: Text) -> str:
    if sorted(text.columns) != sorted(COLUMNS):
        raise WarehouseFailed("columns that are not the contract's; wanted a checked text. Nothing was written.")
    return ", ".join(text.columns)


def _weighed(cursor: Any) -> tuple[Snapshot, ...]:
    weights: Sequence[Any] = cursor.execute(sql.WEIGH).fetchmany(MAX_SNAPSHOTS + 1)
    if len(weights) > MAX_SNAPSHOTS:
        raise DumpRefused(f"more than {MAX_SNAPSHOTS:,} snapshot dates; wanted no more than that")
    return tuple(
        Snapshot(int(sk), int(rows), int(repeated), f"{int(rows)}-{int(total)}")
        for sk, rows, repeated, total in weights
    )


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except vendor.Error as error:
        raise _as_ours(error) from error


def _as_ours(error: vendor.Error) -> LoaderError:
    number = error.errno or 0
    # Not the whole message: Snowflake repeats the statement, and a value where a cast failed.
    seen = f"Snowflake: {type(error).__name__} {number:06d} ({error.sqlstate})"
    if number in _ABSENT:
        return WarehouseNotInstalled(
            f"{seen}: a table or stage is not there for this role; wanted the ops and raw_inventory tables of the "
            "installation. Nothing was written."
        )
    if number in _LOCK_TIMEOUT:
        return WarehouseBusy(f"{seen}: another load holds its turn. Nothing was written; invoke again.")
    if number in _LOGIN or isinstance(error, vendor.ForbiddenError):
        return ConfigurationError(
            f"{seen}: login refused; wanted the user, key and role of the loader. Nothing was written."
        )
    return WarehouseFailed(f"{seen}. All was written or nothing; invoke again.")
