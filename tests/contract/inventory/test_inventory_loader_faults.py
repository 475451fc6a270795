"""What the loader does when the world around it fails: no verdict, nothing half written, and a next time."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import duckdb
import inventory_loader
import pytest
from botocore.response import StreamingBody
from botocore.stub import Stubber
from inventory_loader.engines import duckdb_staging
from inventory_loader.errors import (
    ConfigurationError,
    EventNotUnderstood,
    ObjectVanished,
    ScratchSpaceFailed,
    StoreRefused,
    StoreUnavailable,
    WarehouseBusy,
    WarehouseFailed,
    WarehouseNotInstalled,
)
from inventory_loader.handler import handler
from inventory_loader.objects import LoadRequest
from inventory_loader.s3_store import S3Store

from tests.contract.inventory.inventory_landing import (
    CORRECTED,
    FIRST,
    ONE,
    OTHER,
    PREFIX,
    SECOND,
    Context,
    House,
    dump,
)


def test_an_event_or_environment_that_does_not_say_enough_is_an_error(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(EventNotUnderstood):
        handler({"Records": []}, Context())
    for name, value in [
        ("SHELFGATE_TARGET", "oracle"),
        ("SHELFGATE_TARGET", ""),
        ("SHELFGATE_DUCKDB_PATH", ""),
        ("SHELFGATE_S3_BUCKET", ""),
        ("SHELFGATE_S3_PREFIX", "inbound/inventory"),
    ]:
        with monkeypatch.context() as changed:
            changed.setenv(name, value)
            with pytest.raises(ConfigurationError, match=f"{name} is .*; wanted"):
                house.load("1998-01-02.csv")


def test_an_object_that_is_gone_is_an_error_and_no_verdict(house: House) -> None:
    version = house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.s3.delete_object(Bucket=house.bucket, Key=PREFIX + "1998-01-02.csv", VersionId=version)

    for name, pinned in [("1998-01-02.csv", version), ("1998-01-02.csv", None), ("1998-01-03.csv", None)]:
        with pytest.raises(ObjectVanished, match="NoSuch"):
            house.load(name, pinned)
    assert house.all_of_it() == [[], [], []]


def test_a_bucket_that_cannot_exist_is_an_error(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", "not a bucket")

    with pytest.raises(StoreRefused, match='Invalid bucket name "not a bucket"'):
        house.load("1998-01-02.csv")


def test_a_bucket_that_does_not_exist_or_answer_is_an_error(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", "nowhere")
    with pytest.raises(StoreRefused, match="404 NoSuchBucket"):
        house.load("1998-01-02.csv")

    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", "http://127.0.0.1:9")
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9"):
        house.load("1998-01-02.csv")


@pytest.mark.parametrize(
    ("code", "status", "error"),
    [
        ("SlowDown", 503, StoreUnavailable),
        ("InternalError", 500, StoreUnavailable),
        ("RequestTimeout", 400, StoreUnavailable),
        ("AccessDenied", 403, StoreRefused),
        ("PermanentRedirect", 301, StoreRefused),
        ("MethodNotAllowed", 405, ObjectVanished),
        ("NoSuchVersion", 404, ObjectVanished),
    ],
)
def test_what_s3_answers_says_what_to_do_next(house: House, code: str, status: int, error: type) -> None:
    with Stubber(house.s3) as stub:
        stub.add_client_error("get_object", code, http_status_code=status)
        with pytest.raises(error, match=f"S3 answers {status} {code}"):
            read_all(house)


def test_what_s3_answers_to_a_first_look_says_what_to_do_next(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    store = S3Store(house.s3, house.bucket)
    for status, error in [(404, ObjectVanished), (403, StoreRefused), (503, StoreUnavailable)]:
        with Stubber(house.s3) as stub:
            stub.add_client_error("head_object", str(status), http_status_code=status)
            with pytest.raises(error, match=f"S3 answers {status}"):
                store.check_current(PREFIX + "1998-01-02.csv")
    with pytest.raises(StoreRefused, match="Invalid bucket name"):
        S3Store(house.s3, "not a bucket").check_current(PREFIX + "1998-01-02.csv")


def test_a_stream_that_breaks_off_is_an_error_and_no_verdict(house: House) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    answer = house.s3.get_object(Bucket=house.bucket, Key=PREFIX + "1998-01-02.csv")
    answer["Body"] = StreamingBody(io.BytesIO(dump({FIRST: ONE})[:-9]), answer["ContentLength"])
    with Stubber(house.s3) as stub:
        stub.add_response("get_object", answer)
        with pytest.raises(StoreUnavailable, match="total bytes expected is"):
            read_all(house)


def read_all(house: House) -> bytes:
    with S3Store(house.s3, house.bucket).opened(LoadRequest(PREFIX + "1998-01-02.csv", None, "run-1")) as (_, chunks):
        return b"".join(chunks)


def test_a_scratch_disk_that_is_full_is_an_error_and_no_verdict(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("inventory_loader.load.read_dump", full)
    with pytest.raises(ScratchSpaceFailed, match="No space left on device"):
        house.drop("1998-01-02.csv", {FIRST: ONE})
    assert house.all_of_it() == [[], [], []]


def test_a_warehouse_that_is_not_installed_is_an_error_and_stays_as_it_is(house: House) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.warehouse.unlink()
    with pytest.raises(WarehouseNotInstalled, match="no file"):
        house.load("1998-01-02.csv")
    assert not house.warehouse.exists()

    duckdb.connect(str(house.warehouse)).close()
    with pytest.raises(WarehouseNotInstalled, match=r'"ops\.load_ledger" does not exist'):
        house.load("1998-01-02.csv")


def test_a_file_that_is_no_warehouse_is_an_error_and_stays_as_it_is(house: House) -> None:
    house.warehouse.write_bytes(b"no database" * 1_000)

    with pytest.raises(WarehouseFailed, match="not a valid DuckDB database"):
        house.drop("1998-01-02.csv", {FIRST: ONE})
    assert house.warehouse.read_bytes() == b"no database" * 1_000


def test_fewer_rows_inserted_than_weighed_are_not_committed(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    weigh = duckdb_staging._weighed

    def one_more(*arguments: Any) -> Any:
        return tuple(replace(snapshot, rows=snapshot.rows + 1) for snapshot in weigh(*arguments))

    monkeypatch.setattr(duckdb_staging, "_weighed", one_more)
    with pytest.raises(WarehouseFailed, match="3 rows inserted; wanted 4"):
        house.drop("1998-01-02.csv", {FIRST: ONE})
    assert house.all_of_it() == [[], [], []]


@contextmanager
def held(warehouse: Path) -> Iterator[Callable[[], None]]:
    """Have another process hold the warehouse file; gives what makes it let go."""
    program = f"import duckdb, sys; c = duckdb.connect({str(warehouse)!r}); print(flush=True); sys.stdin.read()"
    holder = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert holder.stdin is not None
    assert holder.stdout is not None
    with holder:
        holder.stdout.readline()
        try:
            yield holder.stdin.close
        finally:
            holder.stdin.close()


def test_a_load_waits_for_its_turn_at_the_warehouse(house: House) -> None:
    with held(house.warehouse) as let_go:
        timer = threading.Timer(0.3, let_go)
        timer.start()
        reply = house.drop("1998-01-02.csv", {FIRST: ONE})
        timer.join()

    assert reply["status"] == "loaded"


def test_a_load_gives_up_before_its_time_is_over(house: House) -> None:
    version = house.put("1998-01-02.csv", dump({FIRST: ONE}))
    with held(house.warehouse):
        started = time.monotonic()
        for milliseconds in (1_000, 20_300):
            with pytest.raises(WarehouseBusy, match="another process holds the file"):
                house.load("1998-01-02.csv", version, milliseconds=milliseconds)
        assert time.monotonic() - started < 15

    assert house.all_of_it() == [[], [], []]
    assert house.load("1998-01-02.csv", version)["status"] == "loaded"


class Failing:
    """A connection on which the statement of a given number fails, instead of running or after it has run."""

    def __init__(self, connection: Any, fails_at: int, *, after: bool) -> None:
        self._connection, self._left, self._after = connection, fails_at, after

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._connection, name)
        return self._counted(found) if name in {"begin", "execute", "executemany", "commit"} else found

    def _counted(self, method: Callable[..., Any]) -> Callable[..., Any]:
        def run(*arguments: Any) -> Any:
            self._left -= 1
            if self._left == 0 and not self._after:
                raise duckdb.IOException("the disk is gone")
            answer = method(*arguments)
            if self._left == 0:
                raise duckdb.IOException("the disk is gone")
            return answer

        return run


def fail_at(number: int, monkeypatch: pytest.MonkeyPatch, *, after: bool) -> None:
    connect = duckdb.connect

    def failing(database: str = ":memory:", **settings: Any) -> Any:
        connection = connect(database, **settings)
        return connection if settings else Failing(connection, number, after=after)

    monkeypatch.setattr("inventory_loader.engines.duckdb.duckdb.connect", failing)


@pytest.mark.parametrize("after", [False, True], ids=["instead of", "after"])
def test_whichever_statement_fails_all_of_the_load_is_there_or_nothing(
    house: House, monkeypatch: pytest.MonkeyPatch, after: bool
) -> None:
    house.drop("1998-01-09.csv", {FIRST: ONE, SECOND: OTHER})
    version = house.put("1998-01-10.csv", dump({FIRST: CORRECTED, SECOND: OTHER}))
    before = house.all_of_it()
    failed = 0

    for number in count(1):
        with monkeypatch.context() as patched:
            fail_at(number, patched, after=after)
            try:
                house.load("1998-01-10.csv", version)
            except WarehouseFailed:
                failed = number
            else:
                break
        if after and house.all_of_it() != before:
            break  # the commit was done, and only its answer lost
        assert house.all_of_it() == before, number

    assert failed >= 11  # two settings, begin, two questions, five changes, commit
    reply = house.load("1998-01-10.csv", version)
    assert (reply["status"], reply["reason"]) == ("loaded", "1998-01-01 restated; 1998-01-08 unchanged")
    assert house.served(FIRST) == CORRECTED
    assert house.query("select count(*) from ops.load_ledger") == [(2,)]


def test_a_load_killed_before_its_commit_leaves_nothing_and_nothing_in_its_way(house: House) -> None:
    version = house.put("1998-01-02.csv", dump({FIRST: ONE}))
    program = f"""
import os
from inventory_loader import handler
from inventory_loader.engines import duckdb
duckdb.DuckDBTurn.record = lambda *_: os.kill(os.getpid(), {int(signal.SIGKILL)})
class Context:
    aws_request_id = "r"
    def get_remaining_time_in_millis(self): return 60_000
handler.handler({{"object_key": {PREFIX + "1998-01-02.csv"!r}, "version_id": {version!r}, "run_id": "r"}}, Context())
"""
    path = str(Path(inventory_loader.__file__).parents[1])
    killed = subprocess.run([sys.executable, "-c", program], env=os.environ | {"PYTHONPATH": path})

    assert killed.returncode == -signal.SIGKILL
    assert house.all_of_it() == [[], [], []]
    assert house.load("1998-01-02.csv", version)["status"] == "loaded"
