"""Loads one dump, whatever the engine: open, judge, settle; refuses to hold the warehouse while it still reads.

Judging a dump takes seconds and needs nothing of the warehouse, where other processes wait for their turn; so it is
done on the function's own scratch disk. Only what was found good is settled, in one transaction.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path
from shutil import rmtree
from tempfile import TemporaryDirectory, gettempdir
from typing import Protocol

from inventory_loader.dump.reader import Reading, Text, read_dump
from inventory_loader.errors import DumpRefused, EventNotUnderstood, ScratchSpaceFailed
from inventory_loader.objects import DUMP_SUFFIXES, Dropped, LoadRequest, check_size, dump_date_of, is_dump_by_name
from inventory_loader.receipt import Receipt, Status
from inventory_loader.s3_store import S3Store
from inventory_loader.snapshots import Rank, Served, Settled, Snapshot, check_snapshots, reason_for, settle, status_of

_OPEN_ENDED = "the last line has no newline: ask the sender whether it is whole"
"""Not refused, for some exports end so; but a cut inside the last quantity shows nowhere else."""


SCRATCH = "inventory-"
# Others name a folder `inventory-...`, too: outside Lambda the folder for temporary files is everybody's.
MARK = ".of-the-inventory-loader"
SCRATCH_LIVES_SECONDS = 3600.0


@dataclass(frozen=True)
class Staged:
    """A dump's rows where the engine can insert them from, and what it weighed there."""

    location: str
    rows: int
    snapshots: tuple[Snapshot, ...]


class Turn(Protocol):
    """One transaction on the warehouse; nothing of it stays unless its block ends well."""

    def recorded(self, dropped: Dropped) -> Receipt | None:
        """Give the receipt of this object version if the ledger has one."""
        ...

    def served(self) -> Mapping[int, Served]:
        """Give what is served, by date key."""
        ...

    def write(self, settled: Collection[Settled], staged: Staged, dropped: Dropped, rank: Rank, now: datetime) -> None:
        """Make the written snapshots' dates hold their rows and no others."""
        ...

    def confirm(self, settled: Collection[Settled], dropped: Dropped, rank: Rank) -> None:
        """Note that this dump, too, has what is served."""
        ...

    def record(self, receipt: Receipt, dropped: Dropped, run_id: str, now: datetime) -> None:
        """Make the receipt the ledger's one line for this object version."""
        ...


Mark = tuple[str | None, datetime | None]
"""ETag and time of upload, as the ledger has them."""


class Engine(Protocol):
    """A warehouse that can load dumps."""

    def judged(self) -> Mapping[tuple[str, str], Mark]:
        """Give what the ledger has a line on, by object key and version."""
        ...

    def stage(self, text: Text, folder: Path, dropped: Dropped) -> Staged:
        """Parse and weigh a text outside the warehouse.

        Raises:
            DumpRefused: a value is not what its column wants.
            LoaderError: the engine has no place for it now.
        """
        ...

    def turn(self) -> AbstractContextManager[Turn]:
        """Wait for the warehouse, then begin a transaction."""
        ...


@dataclass(frozen=True)
class _Sound:
    """A dump with which nothing is wrong as far as it can be told without the warehouse."""

    dump_date: date
    reading: Reading
    staged: Staged


def clear_away_the_dead() -> None:
    """Remove the scratch of loads that were killed: none lives as long as an hour (Lambda ends one at 900 s).

    Only what carries the loader's mark is its scratch.
    """
    for folder in Path(gettempdir()).glob(f"{SCRATCH}*"):
        try:
            dead = (folder / MARK).exists() and time.time() - folder.stat().st_mtime > SCRATCH_LIVES_SECONDS
        except OSError:  # another load, or its end, was quicker
            continue
        if dead:
            rmtree(folder, ignore_errors=True)


def load(
    request: LoadRequest, *, store: S3Store, prefix: str, engine: Engine, clock: Callable[[], datetime]
) -> Receipt:
    """Load the object that the request names, once: a version already judged is answered from the ledger.

    Rows, what is served and the ledger's line change in one transaction, or not at all.

    Raises:
        EventNotUnderstood: the request names an object that is no dump by its name, and the ledger keeps dumps only.
        LoaderError: the outside world failed; there is no receipt, and loading again is safe.
    """
    if not is_dump_by_name(request.object_key):
        raise EventNotUnderstood(
            f"event: {request.object_key} is no dump by its name; expected one that ends in "
            f"{' or '.join(DUMP_SUFFIXES)}. Nothing was loaded."
        )
    clear_away_the_dead()
    with TemporaryDirectory(prefix=SCRATCH) as folder:
        _mark(Path(folder))
        with store.opened(request) as (dropped, chunks):
            judged = _judge(dropped, chunks, prefix, engine, Path(folder))
        uploaded_at = store.uploaded_at(dropped)
        with engine.turn() as turn:
            if recorded := turn.recorded(dropped):
                return recorded
            # Not before the turn: a gate may hold the warehouse for a minute, and what is stamped from before its
            # judgment would be in no later window either.
            now = clock()
            receipt = _settled(judged, dropped, uploaded_at, turn, now) if isinstance(judged, _Sound) else judged
            turn.record(receipt, dropped, request.run_id, now)
    return receipt


def _mark(folder: Path) -> None:
    try:
        (folder / MARK).touch()
    except OSError as error:
        raise ScratchSpaceFailed(f"scratch space: {error}. Nothing was loaded.") from error


def _judge(dropped: Dropped, chunks: Iterable[bytes], prefix: str, engine: Engine, folder: Path) -> _Sound | Receipt:
    dump_date, reading, staged = None, None, None
    try:
        dump_date = dump_date_of(dropped, prefix)
        check_size(dropped)
        reading = read_dump(chunks, gzipped=dropped.gzipped, into=folder / "lines.csv")
        staged = engine.stage(reading.checked(), folder, dropped)
        check_snapshots(staged.snapshots, dump_date)
    except DumpRefused as refused:
        return _receipt(dropped, dump_date, reading, staged, reason=str(refused))
    except OSError as error:
        raise ScratchSpaceFailed(f"scratch space: {error}. Nothing was loaded.") from error
    return _Sound(dump_date, reading, staged)


def _settled(sound: _Sound, dropped: Dropped, uploaded_at: datetime, turn: Turn, now: datetime) -> Receipt:
    rank = Rank(sound.dump_date, uploaded_at)
    try:
        settled = settle(sound.staged.snapshots, rank, dropped.object_key, turn.served())
    except DumpRefused as refused:
        return _receipt(dropped, sound.dump_date, sound.reading, sound.staged, reason=str(refused))
    turn.write([each for each in settled if each.written], sound.staged, dropped, rank, now)
    turn.confirm([each for each in settled if each.confirms], dropped, rank)
    told = [reason_for(settled), _OPEN_ENDED if sound.reading.checked().open_ended else None]
    reason = "; ".join(filter(None, told)) or None
    receipt = _receipt(dropped, sound.dump_date, sound.reading, sound.staged, reason=reason)
    return replace(receipt, status=status_of(settled), snapshots=tuple(each.told() for each in settled))


def _receipt(
    dropped: Dropped, dump_date: date | None, reading: Reading | None, staged: Staged | None, *, reason: str | None
) -> Receipt:
    """Write down what is known of an object, as quarantined until it is settled."""
    return Receipt(
        object_key=dropped.object_key,
        version_id=dropped.version_id,
        etag=dropped.etag,
        sha256=reading and reading.sha256,
        bytes=dropped.bytes,
        rows=staged and staged.rows,
        status=Status.QUARANTINED,
        reason=reason,
        dump_date=dump_date,
    )
