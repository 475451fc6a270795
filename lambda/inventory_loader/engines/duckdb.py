"""Settles dumps in the warehouse's one DuckDB file; refuses to hold that file longer than one transaction.

Another process may have the file: it is opened late, exactly as everybody opens it, and closed at once.
"""

from __future__ import annotations

import random
import time
from collections.abc import Collection, Iterator
from contextlib import closing, contextmanager
from datetime import datetime
from pathlib import Path

import duckdb

from inventory_loader.dump.contract import day_of
from inventory_loader.dump.reader import Text
from inventory_loader.engines.duckdb_staging import MEMORY_LIMIT, stage
from inventory_loader.errors import WarehouseBusy, WarehouseFailed, WarehouseNotInstalled
from inventory_loader.load import Mark, Staged
from inventory_loader.objects import NO_VERSION, Dropped
from inventory_loader.receipt import Receipt, SnapshotOutcome, Status
from inventory_loader.snapshots import Rank, Served, Settled

_INSERT_ROWS = """
    insert into raw_inventory.inventory
        (inv_date_sk, inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand)
    select inv_date_sk, inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand
    from read_parquet($staged)
    where inv_date_sk in (select unnest($dates::bigint[]))
"""

_INSERT_SNAPSHOT = """
    insert into ops.inventory_snapshot
        (inv_date_sk, object_key, version_id, dump_date, last_modified, row_count, content_digest, replaced_digest,
         restated_at, is_confirmed)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, false)
"""

_INSERT_RECEIPT = """
    insert into ops.load_ledger
        (object_key, version_id, etag, sha256, bytes, row_count, status, reason, run_id, loaded_at, dump_date,
            last_modified)
    values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)
"""

# What an answered load still serves: the dates whose rows it wrote, and those whose rows it found unchanged.
_STILL_SERVED = """
    select inv_date_sk, row_count, not coalesce(is_confirmed, false)
    from ops.inventory_snapshot
    where object_key = $1 and version_id = $2
    order by inv_date_sk
"""

_WRITE_SECONDS = 20.0
"""Kept free for the transaction: SF1's whole history takes 4 s of processor time, 8 s on two busy cores."""


class DuckDBEngine:
    """The warehouse file at `path`, for an invocation that ends at `ends_at` (in `time.monotonic` seconds)."""

    def __init__(self, path: Path, *, ends_at: float) -> None:
        self._path = path
        self._give_up_at = ends_at - _WRITE_SECONDS

    def stage(self, text: Text, folder: Path, dropped: Dropped) -> Staged:
        return stage(text, folder)

    def judged(self) -> dict[tuple[str, str], Mark]:
        with self._held() as connection:
            found = connection.execute(
                "select object_key, version_id, etag, last_modified from ops.load_ledger"
            ).fetchall()
        return {(key, version): (etag, modified) for key, version, etag, modified in found}

    @contextmanager
    def turn(self) -> Iterator[DuckDBTurn]:
        """Wait for the file, then hold it for one transaction.

        Raises:
            WarehouseBusy, WarehouseNotInstalled: nothing was written.
            WarehouseFailed: all was written or nothing, if it was the commit that gave no answer.
        """
        with self._held() as connection:
            # Of this process, not of the file: without them SF1's 11.7 million rows take 490 MB instead of 250.
            connection.execute(f"set memory_limit = '{MEMORY_LIMIT}'")
            connection.execute("set preserve_insertion_order = false")
            connection.begin()
            yield DuckDBTurn(connection)
            connection.commit()

    @contextmanager
    def _held(self) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            with closing(self._opened()) as connection:
                yield connection
        except (duckdb.CatalogException, duckdb.BinderException) as error:
            raise WarehouseNotInstalled(
                f"warehouse {self._path.name}: {_first_line(error)}; wanted the ops and raw_inventory tables of the "
                "installation. Nothing was written."
            ) from error
        except duckdb.Error as error:
            raise WarehouseFailed(
                f"warehouse {self._path.name}: {_first_line(error)}. All was written or nothing; invoke again."
            ) from error

    def _opened(self) -> duckdb.DuckDBPyConnection:
        if not self._path.is_file():
            # DuckDB would make a new, empty file here.
            raise WarehouseNotInstalled(f"no file {self._path}; wanted an installed warehouse. Nothing was written.")
        pause = 0.02
        while True:
            try:
                return duckdb.connect(str(self._path))
            except duckdb.IOException as error:
                if "Could not set lock" not in str(error):
                    raise
                if time.monotonic() + pause > self._give_up_at:
                    raise WarehouseBusy(
                        f"warehouse {self._path.name}: another process holds the file, and this invocation has to end. "
                        "Nothing was written; invoke again."
                    ) from error
            time.sleep(pause * random.uniform(0.5, 1.5))
            pause = min(pause * 1.5, 0.5)


class DuckDBTurn:
    """The statements of one transaction."""

    def __init__(self, connection: duckdb.DuckDBPyConnection) -> None:
        self._connection = connection

    def recorded(self, dropped: Dropped) -> Receipt | None:
        """Give the recorded receipt; of its snapshots, those that the object still serves."""
        # Without versions, new uploads come under the old (key, "null"): ETag and time tell them apart. The time, too,
        # for bytes that come back after others under another key have replaced them are to replace those in turn.
        line = self._connection.execute(
            "select etag, sha256, bytes, row_count, status, reason, dump_date from ops.load_ledger "
            "where object_key = $1 and version_id = $2 and etag = $3 and ($2 <> $4 or last_modified = $5)",
            [dropped.object_key, dropped.version_id, dropped.etag, NO_VERSION, dropped.last_modified],
        ).fetchone()
        if line is None:
            return None
        etag, sha256, size, rows, status, reason, dump_date = line
        served = self._connection.execute(_STILL_SERVED, [dropped.object_key, dropped.version_id]).fetchall()
        snapshots = tuple(
            SnapshotOutcome(day_of(sk), count, Status.LOADED if written else Status.UNCHANGED)
            for sk, count, written in served
        )
        key, version = dropped.object_key, dropped.version_id
        return Receipt(key, version, etag, sha256, size, rows, Status(status), reason, dump_date, snapshots)

    def served(self) -> dict[int, Served]:
        found = self._connection.execute(
            "select inv_date_sk, dump_date, last_modified, object_key, content_digest from ops.inventory_snapshot"
        ).fetchall()
        return {sk: Served(Rank(*rank), object_key, digest) for sk, *rank, object_key, digest in found}

    def write(self, settled: Collection[Settled], staged: Staged, dropped: Dropped, rank: Rank, now: datetime) -> None:
        dates = [each.snapshot.inv_date_sk for each in settled]
        if not dates:
            return
        self._connection.execute(
            "delete from raw_inventory.inventory where inv_date_sk in (select unnest($1::bigint[]))", [dates]
        )
        source = {"staged": staged.location, "dates": dates}
        ((inserted,),) = self._connection.execute(_INSERT_ROWS, source).fetchall()
        wanted = sum(each.snapshot.rows for each in settled)
        if inserted != wanted:
            raise WarehouseFailed(f"{inserted:,} rows inserted; wanted {wanted:,}. Nothing was written.")
        self._connection.execute(
            "delete from ops.inventory_snapshot where inv_date_sk in (select unnest($1::bigint[]))", [dates]
        )
        self._connection.executemany(_INSERT_SNAPSHOT, [_line_of(each, dropped, rank, now) for each in settled])

    def confirm(self, settled: Collection[Settled], dropped: Dropped, rank: Rank) -> None:
        dates = [each.snapshot.inv_date_sk for each in settled]
        self._connection.execute(
            "update ops.inventory_snapshot set object_key = $1, version_id = $2, dump_date = $3, last_modified = $4, "
            "is_confirmed = true where inv_date_sk in (select unnest($5::bigint[]))",
            [dropped.object_key, dropped.version_id, rank.dump_date, rank.uploaded_at, dates],
        )

    def record(self, receipt: Receipt, dropped: Dropped, run_id: str, now: datetime) -> None:
        named = [receipt.object_key, receipt.version_id]
        self._connection.execute("delete from ops.load_ledger where object_key = $1 and version_id = $2", named)
        content = [receipt.etag, receipt.sha256, receipt.bytes, receipt.rows, str(receipt.status), receipt.reason]
        dated = [run_id, now, receipt.dump_date, dropped.last_modified]
        self._connection.execute(_INSERT_RECEIPT, [*named, *content, *dated])


def _line_of(settled: Settled, dropped: Dropped, rank: Rank, now: datetime) -> list[object]:
    snapshot, replaced = settled.snapshot, settled.replaced_digest
    source = [dropped.object_key, dropped.version_id, rank.dump_date, rank.uploaded_at]
    content = [snapshot.rows, snapshot.content_digest, replaced, now if replaced is not None else None]
    return [snapshot.inv_date_sk, *source, *content]


def _first_line(error: duckdb.Error) -> str:
    """Leave out what DuckDB adds: the statement, and guesses at what was meant."""
    return str(error).partition("\n")[0].rstrip(".")
