"""Decides what becomes of each snapshot in a dump; refuses snapshots that cannot be what their date says.

Pure rules: what the warehouse serves comes in, what it is to serve goes out.
"""

from __future__ import annotations

import calendar
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date, datetime

from inventory_loader.dump.contract import FIRST_SNAPSHOT, MAX_ROWS_OF_A_SNAPSHOT, SNAPSHOT_WEEKDAY, day_of
from inventory_loader.errors import DumpRefused
from inventory_loader.receipt import SnapshotOutcome, Status


@dataclass(frozen=True)
class Snapshot:
    """All rows of one date in a dump, weighed by the engine."""

    inv_date_sk: int
    rows: int
    repeated: int
    """Rows beyond the first of their (item, warehouse)."""
    content_digest: str
    """Over (item, warehouse, quantity) in any order, without the date. Comparable within one engine only."""

    @property
    def day(self) -> date:
        return day_of(self.inv_date_sk)


@dataclass(frozen=True, order=True)
class Rank:
    """Which of two dumps is the newer: the day of the dump, then the moment of the upload (`S3Store.uploaded_at`)."""

    dump_date: date
    uploaded_at: datetime


@dataclass(frozen=True)
class Served:
    """What the warehouse holds of a date, and the newest dump that said so."""

    rank: Rank
    object_key: str
    content_digest: str


@dataclass(frozen=True)
class Settled:
    """A snapshot and what becomes of it."""

    snapshot: Snapshot
    outcome: Status
    replaced_digest: str | None = None
    """Of the rows that a restatement replaces."""
    confirms: bool = False
    """An unchanged snapshot from a newer dump: from now on no dump between the two may replace it."""

    @property
    def written(self) -> bool:
        return self.outcome is Status.LOADED

    def told(self) -> SnapshotOutcome:
        return SnapshotOutcome(self.snapshot.day, self.snapshot.rows, self.outcome)


def check_snapshots(snapshots: Collection[Snapshot], dump_date: date) -> None:
    """Check what a dump must keep whatever the warehouse serves.

    Raises:
        DumpRefused: a date that no snapshot can have, too many rows, a key twice, or the same content under two dates.
    """
    first_with: dict[str, Snapshot] = {}
    for snapshot in snapshots:
        day = _checked_day(snapshot, dump_date)
        if snapshot.rows > MAX_ROWS_OF_A_SNAPSHOT:
            raise DumpRefused(f"snapshot {day}: {snapshot.rows:,} rows; wanted at most {MAX_ROWS_OF_A_SNAPSHOT:,}")
        if snapshot.repeated:
            raise DumpRefused(
                f"snapshot {day}: {snapshot.repeated:,} of {snapshot.rows:,} rows repeat an item and warehouse; "
                "wanted each once"
            )
        twin = first_with.setdefault(snapshot.content_digest, snapshot)
        if twin is not snapshot:
            raise DumpRefused(f"snapshots {twin.day} and {day} have identical content; wanted two different weeks")


def settle(snapshots: Collection[Snapshot], rank: Rank, object_key: str, served: Mapping[int, Served]) -> list[Settled]:
    """Decide for each snapshot of a dump of this rank and key, given what the warehouse serves by date.

    Raises:
        DumpRefused: the content of a snapshot is, or would be, served for another date; or two keys of the same rank
            disagree.
    """
    settled = [_settled(snapshot, rank, object_key, served.get(snapshot.inv_date_sk)) for snapshot in snapshots]
    after = {sk: each.content_digest for sk, each in served.items()}
    after |= {each.snapshot.inv_date_sk: each.snapshot.content_digest for each in settled if each.written}
    dates_with: dict[str, list[int]] = {}
    for sk, digest in after.items():
        dates_with.setdefault(digest, []).append(sk)
    for snapshot in snapshots:
        for sk in dates_with.get(snapshot.content_digest, ()):
            if sk != snapshot.inv_date_sk:
                raise DumpRefused(
                    f"snapshot {snapshot.day} has the content of {day_of(sk)}, served by {served[sk].object_key}; "
                    "wanted a week of its own"
                )
    return settled


def reason_for(settled: Collection[Settled]) -> str | None:
    """Say what is not plain about a load that was not refused; None if every snapshot was new."""
    groups = {
        "restated": [each for each in settled if each.replaced_digest is not None],
        "unchanged": [each for each in settled if each.outcome is Status.UNCHANGED],
        "superseded by a newer dump": [each for each in settled if each.outcome is Status.SUPERSEDED],
    }
    told = [f"{_span(group)} {words}" for words, group in groups.items() if group]
    return "; ".join(told) or None


def status_of(settled: Collection[Settled]) -> Status:
    outcomes = {each.outcome for each in settled}
    return next(status for status in (Status.LOADED, Status.SUPERSEDED, Status.UNCHANGED) if status in outcomes)


def _checked_day(snapshot: Snapshot, dump_date: date) -> date:
    try:
        day = snapshot.day
    except ValueError:
        raise DumpRefused("a snapshot dated off the calendar; wanted a Julian day number in inv_date_sk") from None
    if not FIRST_SNAPSHOT <= day <= dump_date:
        raise DumpRefused(f"a snapshot dated {day}; wanted {FIRST_SNAPSHOT} or later, up to the dump's {dump_date}")
    if day.weekday() != SNAPSHOT_WEEKDAY:
        raise DumpRefused(f"a snapshot dated {day:%A} {day}; wanted a {calendar.day_name[SNAPSHOT_WEEKDAY]}")
    return day


def _settled(snapshot: Snapshot, rank: Rank, object_key: str, served: Served | None) -> Settled:
    if served is None:
        return Settled(snapshot, Status.LOADED)
    if snapshot.content_digest == served.content_digest:
        return Settled(snapshot, Status.UNCHANGED, confirms=rank > served.rank)
    if rank < served.rank:
        return Settled(snapshot, Status.SUPERSEDED)
    if rank == served.rank and object_key != served.object_key:
        raise DumpRefused(
            f"snapshot {snapshot.day} is another one in {served.object_key}, a dump of the same day uploaded in the "
            "same second; wanted one of them, or a second between them"
        )
    # Of the same key and rank: in a bucket without versions what lies there now is the newer one.
    return Settled(snapshot, Status.LOADED, replaced_digest=served.content_digest)


def _span(settled: Collection[Settled]) -> str:
    days = sorted(each.snapshot.day for each in settled)
    return f"{days[0]}" if len(days) == 1 else f"{len(days)} snapshots {days[0]}..{days[-1]}"
