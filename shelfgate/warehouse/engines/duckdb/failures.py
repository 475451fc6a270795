"""Tells from DuckDB's words what has failed: the engine, the disk, the file or only a statement.

By the text, not by the class: dbt and Great Expectations hand on nothing else.
"""

from __future__ import annotations

import errno
import os
import re
from pathlib import Path

from shelfgate.environment import BACKUPS
from shelfgate.errors import EngineFailed, PermanentFailure, ShelfgateError, WarehouseDamaged
from shelfgate.redaction import withhold_in_failure

_OF_THE_DISK = tuple(
    os.strerror(number)
    for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO)
)
# What such an error quotes may be a value of a row, and say what a disk would.
_OF_A_STATEMENT = re.compile(r"\s*(?:Binder|Catalog|Constraint|Conversion|Invalid Input|Out of Range|Parser) Error:")
_INVALIDATED = "database has been invalidated"
# Any INTERNAL error invalidates the instance as a FATAL one does (DuckDB 1.5.5, client_context.cpp).
_OF_THE_ENGINE = re.compile(rf"\b(?:FATAL|INTERNAL) Error\b|{_INVALIDATED}")
_DURABLE = "COMMIT succeeded and is durable"
_ORIGINAL = re.compile(r'Original error: "(.*)', re.DOTALL)
_PREFIX = re.compile(r"^.*?(?:(?:FATAL|INTERNAL|IO|TransactionContext|Serialization) Error:\s*)+(?:Failed:\s*)?")

_DAMAGE = {
    "not a valid DuckDB database file": "it is no DuckDB database",
    "replaying WAL": "its write-ahead log {name}.wal is damaged, or belongs to another file",
    "Corrupt WAL": "its write-ahead log {name}.wal is damaged",
    "Could not read enough bytes": "its end is missing",
    "Corrupt database file": "a part of it was changed by something else than DuckDB",
    "database file with version number": "another version of DuckDB wrote it",
    "storage version": "another version of DuckDB wrote it",
    "MetadataReader": "a part of it is missing or changed",
    "Corrupt file?": "a part of it is missing or changed",
    "Serialization Error": "a part of it is missing or changed",
}


def failure_in(path: Path, said: str) -> ShelfgateError | None:
    """The failure of disk, file or engine that the text of an error tells of; None if it is about a statement."""
    if any(_OF_A_STATEMENT.match(line) for line in said.splitlines()) and not _OF_THE_ENGINE.search(said):
        return None
    if any(words in said for words in _OF_THE_DISK):
        return unusable(path, said)
    for words, what in _DAMAGE.items():
        if words in said:
            return damaged(path, what.format(name=path.name), said)
    return engine_failed(path, said) if _OF_THE_ENGINE.search(said) else None


def unusable(path: Path, said: str) -> PermanentFailure:
    """The disk, or the rights to it, stand in the way."""
    undone = "What was committed stands" if _DURABLE in said else "The transaction that met this is undone"
    return PermanentFailure(
        f"warehouse {path.name}: {_first_line(path, said)}. Expected a file and a folder that this user may write, "
        f"and room on their disk: {path.absolute().parent}. {undone}; readers keep the last publication. Give it "
        "that, then run again."
    )


def damaged(path: Path, what: str, said: str) -> WarehouseDamaged:
    """The file is not what it should be."""
    return WarehouseDamaged(
        f"warehouse {path.absolute()}: {what}. Observed: {_first_line(path, said)}. Expected: a DuckDB database "
        "that this release can read. Nothing was changed, and readers of this file see nothing until it is restored. "
        f"Do not delete it, nor {path.name}.wal. {_way_back(path)}"
    )


def engine_failed(path: Path, said: str) -> EngineFailed:
    """The engine met an error of its own, and refuses every further statement on this instance."""
    return EngineFailed(
        f"warehouse {path.name}: the database engine DuckDB failed inside itself: {_first_line(path, said)}. Expected: "
        "an answer, or an error about the statement. The file is whole: what was committed stands, the transaction "
        "under way is undone, readers keep the last publication (`shelfgate status`). Every connection of this "
        "process was closed. Run again; if it fails at the same place, keep the file and report this text "
        "(docs/runbook.md)."
    )


def is_engine_failure(said: str) -> bool:
    """Whether the instance that gave this error gives no other answer any more."""
    return _OF_THE_ENGINE.search(said) is not None


def _way_back(path: Path) -> str:
    newest = max((path.parent / BACKUPS).glob("*.duckdb"), key=lambda path: path.stat().st_mtime, default=None)
    if newest is None:
        return (
            f"No backup lies in {path.absolute().parent / BACKUPS}. If you have one: `shelfgate restore --from "
            "BACKUP`; else move the file aside and run again, which builds everything from the sources "
            "(docs/runbook.md)."
        )
    return f"Restore the newest backup: `shelfgate restore --from {newest.absolute()}`; it keeps this file aside."


def _first_line(path: Path, said: str) -> str:
    """DuckDB's reason without prefixes, stack trace, what it says of the next statement, and a row's value."""
    original = _ORIGINAL.search(said)
    text = original.group(1) if original else said
    lines = [one.strip() for one in text.splitlines() if one.strip()] or ["an error without a message"]
    # dbt puts the name of its node on a line before.
    line = next((one for one in lines if _PREFIX.match(one)), lines[0])
    reason = withhold_in_failure(_PREFIX.sub("", line).strip('". '), path.name)
    of_the_disk = next((words for words in _OF_THE_DISK if words in line), None)
    return reason if of_the_disk is None or of_the_disk in reason else f"{reason}: {of_the_disk}"
