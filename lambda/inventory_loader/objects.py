"""Names what was asked for and what was found under it; refuses every object key that is not a dump's."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from inventory_loader.dump.contract import MAX_TEXT_BYTES
from inventory_loader.errors import DumpRefused, EventNotUnderstood

NO_VERSION = "null"
"""S3's own word for the version of an object in a bucket that keeps no versions."""

DUMP_SUFFIXES = (".csv", ".csv.gz")
"""As in the bucket's notification filter, case included: what ends otherwise is announced by no event."""

_AFTER_PREFIX = re.compile(r"(\d{4}-\d{2}-\d{2})(?:-[A-Za-z0-9_.-]+)?\.csv(?:\.gz)?", re.ASCII)


@dataclass(frozen=True)
class LoadRequest:
    """Load this object, in this version or else in the one that is current."""

    object_key: str
    version_id: str | None
    run_id: str
    idempotency_key: str | None = None
    """The caller's name for all its attempts at one object version; for the log. The ledger is what loads only once."""
    notified: bool = False
    """An event asks for it, which may come late: the object is loaded only if its key still has one."""
    message_id: str | None = None
    """The SQS message that the event came in."""

    @classmethod
    def from_event(cls, event: object) -> LoadRequest:
        """Read `{"object_key": str, "version_id": str | null, "run_id": str}`, and `idempotency_key` if there is one.

        Raises:
            EventNotUnderstood: a part is missing, empty or of another type.
        """
        parts: Mapping[str, Any] = event if isinstance(event, Mapping) else {}
        key, version, run = parts.get("object_key"), parts.get("version_id"), parts.get("run_id")
        again = parts.get("idempotency_key")
        optional = isinstance(version, str | None) and isinstance(again, str | None)
        if not (optional and isinstance(key, str) and key and isinstance(run, str) and run):
            seen = ", ".join(sorted(map(str, parts))) or f"a {type(event).__name__} that names nothing"
            raise EventNotUnderstood(
                f"event: seen {seen}; wanted object_key and run_id as text, version_id and idempotency_key as text "
                "or null. Nothing was loaded."
            )
        return cls(key, version or None, run, again)


@dataclass(frozen=True)
class Dropped:
    """An object version as S3 described it when it was listed or opened."""

    object_key: str
    version_id: str
    etag: str
    bytes: int
    last_modified: datetime
    """UTC, without a zone, in whole seconds: S3 tells no more."""

    @property
    def gzipped(self) -> bool:
        return self.object_key.endswith(".gz")


def is_dump_by_name(object_key: str) -> bool:
    """Whether the key is one that the bucket announces; a folder's marker, `_SUCCESS` or an upload under way is not.

    A key that is may still be refused by `dump_date_of`.
    """
    return object_key.endswith(DUMP_SUFFIXES)


def dump_date_of(dropped: Dropped, prefix: str) -> date:
    """Tell the day of the dump, `<prefix>YYYY-MM-DD[-anything].csv[.gz]`.

    Raises:
        DumpRefused: the key has another form, or a day that does not exist or has not come.
    """
    wanted = f"wanted {prefix}YYYY-MM-DD[-anything].csv[.gz]: rename or delete the object"
    match = _AFTER_PREFIX.fullmatch(dropped.object_key.removeprefix(prefix))
    if match is None or not dropped.object_key.startswith(prefix):
        raise DumpRefused(f"object key of another form; {wanted}")
    try:
        day = date.fromisoformat(match[1])
    except ValueError:
        raise DumpRefused(f"object key with {match[1]}, which is no day; {wanted}") from None
    # A dump outranks all dumps of earlier days, so a slip of the pen (2103 for 2003) would turn away every correction
    # for a century. One day of slack: S3 tells UTC, the source may already be in tomorrow.
    if day > dropped.last_modified.date() + timedelta(days=1):
        raise DumpRefused(
            f"object key dated {day}, after the object was written ({dropped.last_modified.date()}); {wanted}"
        )
    return day


def check_size(dropped: Dropped) -> None:
    """Turn an object away unread.

    Raises:
        DumpRefused: it has more bytes than its text may have.
    """
    if dropped.bytes > MAX_TEXT_BYTES:
        raise DumpRefused(
            f"an object of {dropped.bytes:,} bytes; wanted at most {MAX_TEXT_BYTES:,}: split it by snapshot date"
        )
