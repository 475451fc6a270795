"""The answer to one load: what became of the object and of each snapshot in it; refuses any fifth status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any


class Status(StrEnum):
    LOADED = "loaded"
    SUPERSEDED = "superseded"
    UNCHANGED = "unchanged"
    QUARANTINED = "quarantined"


@dataclass(frozen=True)
class SnapshotOutcome:
    """What became of one snapshot of an object: any status but quarantined, which befalls objects as a whole."""

    snapshot_date: date
    rows: int
    outcome: Status


@dataclass(frozen=True)
class Receipt:
    """What the ledger keeps of one object version, and the caller is told.

    `sha256` and `rows` are None if the object was refused before it was read, or before its rows were.
    """

    object_key: str
    version_id: str
    etag: str | None
    sha256: str | None
    bytes: int | None
    rows: int | None
    status: Status
    reason: str | None
    dump_date: date | None
    snapshots: Sequence[SnapshotOutcome] = ()

    def as_reply(self) -> dict[str, Any]:
        """Give the receipt as JSON can carry it: dates as `YYYY-MM-DD`."""
        return {
            "object_key": self.object_key,
            "version_id": self.version_id,
            "etag": self.etag,
            "sha256": self.sha256,
            "bytes": self.bytes,
            "rows": self.rows,
            "status": str(self.status),
            "reason": self.reason,
            "dump_date": None if self.dump_date is None else self.dump_date.isoformat(),
            "snapshots": [
                {"snapshot_date": each.snapshot_date.isoformat(), "rows": each.rows, "outcome": str(each.outcome)}
                for each in self.snapshots
            ],
        }
