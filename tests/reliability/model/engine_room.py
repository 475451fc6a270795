"""Runs of the real engine over one warehouse file, one step at a time; refuses to judge what comes of them."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any, cast

import duckdb
from inventory_loader.engines.duckdb import DuckDBEngine
from inventory_loader.load import load
from inventory_loader.objects import LoadRequest
from inventory_loader.receipt import Receipt
from inventory_loader.s3_store import S3Store

from shelfgate.clients.source_postgres import SourceTotal
from shelfgate.warehouse import install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBSession
from tests.reliability.model.reckoning import Inputs
from tests.reliability.model.shop import PREFIX, WEEKS, Bucket, Shop
from tests.reliability.model.small_build import make_candidate_tables, make_raw_tables, sync
from tests.reliability.model.wire import Watch, Wire

EPOCH = datetime(2003, 7, 1)
LAST_DAY = WEEKS[-1] + timedelta(days=6)


def gone_process() -> int:
    """The id of a process that has ended."""
    with subprocess.Popen(["true"]) as process:
        process.wait()
    return process.pid


def make_template(path: Path) -> None:
    """An installed warehouse file in which nothing has landed yet; copied, it saves each example the installation."""
    with duckdb.connect(str(path)) as connection:
        session = DuckDBSession(connection)
        install(session)
        make_raw_tables(session)
        make_candidate_tables(session)


@dataclass
class EngineRoom:
    """A warehouse file, the shop that it is about, and what was judged in which run.

    `pinned` holds, by run, the versions of the sources that its landing gate let through; `tokens` each run's newest.
    """

    path: Path
    shop: Shop
    watch: Watch
    business_date: date = WEEKS[3]
    pinned: dict[str, Inputs] = field(default_factory=dict)
    tokens: dict[str, int] = field(default_factory=dict)
    rolled_back_to: dict[str, str] = field(default_factory=dict)
    broken_gates: set[str] = field(default_factory=set)
    gate_breaks: bool = False
    moments: int = 0

    @classmethod
    def opened(cls, template: Path, folder: Path) -> EngineRoom:
        path = folder / "warehouse.duckdb"
        path.unlink(missing_ok=True)
        path.with_suffix(".duckdb.wal").unlink(missing_ok=True)
        shutil.copy(template, path)
        room = cls(path, Shop(), Watch(lambda _: None))
        room.open()
        return room

    def open(self) -> None:
        self.root = duckdb.connect(str(self.path))
        self.root.execute("set threads = 1")  # ten rows: a second thread only costs
        self.root.execute("pragma disable_checkpoint_on_shutdown")  # nor does a process that dies write one

    def close(self) -> None:
        self.root.close()

    def moment(self) -> datetime:
        self.moments += 1
        return EPOCH + timedelta(seconds=self.moments)

    @contextmanager
    def turn(self) -> Iterator[DuckDBSession]:
        """The engine's connection: every statement passes the watch."""
        wire = Wire(self.root.cursor(), self.watch)
        try:
            yield DuckDBSession(cast("duckdb.DuckDBPyConnection", wire))
        finally:
            wire.close()

    def ask(self, sql: str, parameters: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """The reader's own connection: it sees what has been committed."""
        with self.root.cursor() as cursor:
            return cursor.execute(sql, list(parameters)).fetchall()

    def tell(self, sql: str, parameters: Sequence[Any] = ()) -> None:
        """What happens outside the engine: time passing, somebody else writing."""
        with self.root.cursor() as cursor:
            cursor.execute(sql, list(parameters))

    def let_the_lease_expire(self) -> None:
        self.tell("update ops.lease set expires_at = timestamp '2000-01-01' where owner is not null")

    def the_process_is_gone(self, dead: int) -> None:
        self.tell("update ops.lease set holder = ?", [f"{socket.gethostname()}:{dead}"])

    # The outside world's parts

    def load(self, object_key: str, version_id: str, run_id: str) -> Receipt:
        """The Lambda's part: the real loader over the real file, its connection watched."""
        store = S3Store(Bucket(self.shop), "landing")
        request = LoadRequest(object_key, version_id, run_id)
        return load(request, store=store, prefix=PREFIX, engine=_WatchedEngine(self), clock=self.moment)

    def sync(self) -> None:
        with self.root.cursor() as cursor:
            sync(DuckDBSession(cursor), self.shop.now, len(self.shop.books) - 1)

    def landed(self) -> Inputs:
        ((version,),) = self.ask("select books_version from raw_sales.synced")
        judged = self.ask("select object_key, version_id from ops.load_ledger")
        return Inputs(version, frozenset(judged), self.business_date)

    def totals(self) -> list[SourceTotal]:
        books = self.shop.now
        counts = {"catalog_sales": books.lines, "customer": books.cities, "item": books.descriptions}
        return [SourceTotal(name, None, len(rows)) for name, rows in counts.items()]


class _WatchedEngine(DuckDBEngine):
    """The loader's engine for this file, on a connection that the watch sees."""

    def __init__(self, room: EngineRoom) -> None:
        super().__init__(room.path, ends_at=float("inf"))
        self._room = room

    def _opened(self) -> duckdb.DuckDBPyConnection:
        return cast("duckdb.DuckDBPyConnection", Wire(self._room.root.cursor(), self._room.watch))
