"""The statements of one transaction on Snowflake; refuses every kind of them but DML, bound."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

from inventory_loader.dump.contract import day_of
from inventory_loader.engines import snowflake_statements as sql
from inventory_loader.errors import WarehouseFailed
from inventory_loader.load import Staged
from inventory_loader.objects import NO_VERSION, Dropped
from inventory_loader.receipt import Receipt, SnapshotOutcome, Status
from inventory_loader.snapshots import Rank, Served, Settled


class SnowflakeTurn:
    """Implements `loading.Turn`."""

    def __init__(self, cursor: Any) -> None:
        self._cursor = cursor

    def recorded(self, dropped: Dropped) -> Receipt | None:
        """Give the recorded receipt; of its snapshots, those that the object still serves."""
        named = (dropped.object_key, dropped.version_id)
        told_apart = (dropped.etag, NO_VERSION, dropped.last_modified)
        line = self._cursor.execute(sql.RECORDED, (*named, *told_apart)).fetchone()
        if line is None:
            return None
        etag, sha256, size, rows, status, reason, dump_date = line
        served = self._cursor.execute(sql.STILL_SERVED, named).fetchall()
        snapshots = tuple(
            SnapshotOutcome(day_of(int(sk)), int(count), Status.UNCHANGED if confirmed else Status.LOADED)
            for sk, count, confirmed in served
        )
        return Receipt(*named, etag, sha256, size, rows, Status(status), reason, dump_date, snapshots)

    def served(self) -> dict[int, Served]:
        found = self._cursor.execute(sql.SERVED).fetchall()
        return {int(sk): Served(Rank(*rank), object_key, digest) for sk, *rank, object_key, digest in found}

    def write(self, settled: Collection[Settled], staged: Staged, dropped: Dropped, rank: Rank, now: datetime) -> None:
        if not settled:
            return
        self._note(settled)
        self._cursor.execute(sql.DELETE_ROWS)
        self._cursor.execute(sql.INSERT_ROWS)
        inserted, wanted = self._cursor.rowcount, sum(each.snapshot.rows for each in settled)
        if inserted != wanted:
            raise WarehouseFailed(f"{inserted:,} rows inserted; wanted {wanted:,}. Nothing was written.")
        self._cursor.execute(sql.DELETE_SNAPSHOTS)
        self._cursor.executemany(sql.INSERT_SNAPSHOT, [_line_of(each, dropped, rank, now) for each in settled])

    def confirm(self, settled: Collection[Settled], dropped: Dropped, rank: Rank) -> None:
        if not settled:
            return
        self._note(settled)
        self._cursor.execute(sql.CONFIRM, (dropped.object_key, dropped.version_id, rank.dump_date, rank.uploaded_at))

    def record(self, receipt: Receipt, dropped: Dropped, run_id: str, now: datetime) -> None:
        named = (receipt.object_key, receipt.version_id)
        self._cursor.execute(sql.FORGET_RECEIPT, named)
        content = (receipt.etag, receipt.sha256, receipt.bytes, receipt.rows, str(receipt.status), receipt.reason)
        dated = (run_id, now, receipt.dump_date, dropped.last_modified)
        self._cursor.execute(sql.INSERT_RECEIPT, (*named, *content, *dated))

    def _note(self, settled: Collection[Settled]) -> None:
        self._cursor.execute(sql.FORGET_SETTLED)
        self._cursor.executemany(sql.NOTE_SETTLED, [(each.snapshot.inv_date_sk,) for each in settled])


def _line_of(settled: Settled, dropped: Dropped, rank: Rank, now: datetime) -> tuple[object, ...]:
    snapshot, replaced = settled.snapshot, settled.replaced_digest
    source = (dropped.object_key, dropped.version_id, rank.dump_date, rank.uploaded_at)
    content = (snapshot.rows, snapshot.content_digest, replaced, now if replaced is not None else None)
    return (snapshot.inv_date_sk, *source, *content)
