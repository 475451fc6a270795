"""The daily sweep from the flow's side: what lies in the bucket against what the ledger says, dumps in every order."""

from __future__ import annotations

import gzip
import logging
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import date, timedelta
from itertools import permutations
from pathlib import Path
from typing import Any

import psutil
import pytest
from inventory_loader.events import MOST_OBJECTS
from inventory_loader.handler import handler

from sandbox.aws_lambda.invoke_server import lambda_app
from sandbox.aws_lambda.runtime import LambdaConfig
from sandbox.aws_signature import AwsKeys
from shelfgate.clients.landing_bucket import dropped_objects
from shelfgate.errors import LoadFailed
from shelfgate.ops.ledger import not_yet_judged
from shelfgate.ops.runs import Run
from shelfgate.settings import Settings
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tasks import inventory_load
from tests.contract.inventory.inventory_landing import (
    CORRECTED,
    FIRST,
    ONE,
    OTHER,
    PREFIX,
    SECOND,
    THIRD,
    Context,
    House,
    Week,
    dump,
    furnished,
)
from tests.contract.serving import served

FUNCTION = "inventory-loader"
DUMPS: tuple[tuple[str, Mapping[int, Week]], ...] = (
    ("1998-01-02.csv", {FIRST: ONE}),
    ("1998-01-10-all.csv.gz", {FIRST: CORRECTED, SECOND: OTHER}),
    ("1998-01-11.csv", {SECOND: OTHER}),
    ("1998-01-16-all.csv.gz", {FIRST: ONE, SECOND: CORRECTED, THIRD: {(1, 1): 1}}),
    ("1998-01-17.csv", {THIRD: {(1, 1): 2}}),
)
"""Loaded, corrected, repeated, corrected back, corrected: a week's last word is the newest dump's that has it."""
LAST_WORDS: Mapping[int, Week] = {FIRST: ONE, SECOND: CORRECTED, THIRD: {(1, 1): 2}}


@pytest.fixture
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function called here instead of over HTTP."""
    monkeypatch.setattr(inventory_load.lambda_api, "invoke", lambda _, payload, client: handler(payload, Context()))
    _without_prefect(monkeypatch)


def _without_prefect(monkeypatch: pytest.MonkeyPatch) -> None:
    """The bodies of the tasks, without an engine: what Prefect adds are retries, and they have their own tests."""
    monkeypatch.setattr(inventory_load, "get_run_logger", lambda: logging.getLogger("sweep"))
    for name in ("find_dropped", "load_batch"):
        monkeypatch.setattr(inventory_load, name, getattr(inventory_load, name).fn)


def sweep(house: House) -> Counter[str]:
    settings = Settings(s3_bucket=house.bucket, s3_prefix=PREFIX, lambda_function=FUNCTION)
    run = Run("run-1", date(1998, 1, 20), None)
    return inventory_load.load_dumps(settings, DuckDBWarehouse(house.warehouse), run)


def packed(name: str, content: bytes) -> bytes:
    return gzip.compress(content, mtime=0) if name.endswith(".gz") else content


def listed(house: House) -> set[tuple[str, str]]:
    found = house.s3.list_object_versions(Bucket=house.bucket, Prefix=PREFIX)
    return {(each["Key"], each["VersionId"]) for each in found.get("Versions", [])}


def ledger(house: House) -> list[tuple[str, str, str]]:
    return house.query("select object_key, version_id, status from ops.load_ledger")


def check_all_ended(house: House) -> None:
    """Each version that lies in the bucket is one line of the ledger, and the ledger has no other."""
    lines = ledger(house)
    assert Counter((key, version) for key, version, _ in lines) == Counter(listed(house))
    assert {status for *_, status in lines} <= {"loaded", "superseded", "unchanged", "quarantined"}


def test_dumps_in_any_order_of_arrival_end_in_the_same_rows(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = furnished(endpoint, tmp_path, monkeypatch)
    versions = {name: house.put(name, packed(name, dump(weeks))) for name, weeks in DUMPS}
    empty = house.warehouse.read_bytes()
    orders = list(permutations(DUMPS))

    # Three of the 120 here; all of them in `make proofs`, and
    # with pure rules in tests/unit/inventory_loader/test_snapshot_settling.py.
    for order in orders[::40]:
        house.warehouse.write_bytes(empty)
        for name, _ in order:
            house.load(name, versions[name])
        assert {sk: house.served(sk) for sk in LAST_WORDS} == LAST_WORDS, [name for name, _ in order]
        check_all_ended(house)


@pytest.mark.proofs
def test_dumps_in_every_order_of_arrival_end_in_the_same_rows(
    endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    house = furnished(endpoint, tmp_path, monkeypatch)
    versions = {name: house.put(name, packed(name, dump(weeks))) for name, weeks in DUMPS}
    empty = house.warehouse.read_bytes()
    for order in permutations(DUMPS):
        house.warehouse.write_bytes(empty)
        for name, _ in order:
            house.load(name, versions[name])
        assert {sk: house.served(sk) for sk in LAST_WORDS} == LAST_WORDS, [name for name, _ in order]
        check_all_ended(house)


def test_every_version_ends_as_exactly_one_thing_and_a_second_sweep_finds_nothing(
    house: House, in_process: None
) -> None:
    for name, weeks in reversed(DUMPS):
        house.put(name, packed(name, dump(weeks)))
    house.put("1998-01-17.csv", dump({THIRD: {(1, 1): 2}}))
    house.put("1998-01-18.csv", b"not a dump")
    house.put("notes.csv", b"nor this")

    ended = sweep(house)

    assert ended == {"loaded": 4, "unchanged": 2, "quarantined": 2}
    check_all_ended(house)
    assert {sk: house.served(sk) for sk in LAST_WORDS} == LAST_WORDS
    before = house.all_of_it()
    assert sweep(house) == {}
    assert house.all_of_it() == before


def test_a_history_overwritten_daily_under_one_key_loses_no_version(house: House, in_process: None) -> None:
    """Swept every second day: what was overwritten in between is judged too, for its successor may lack its weeks."""
    name = "1998-01-09-history.csv"
    daily: list[Mapping[int, Week]] = [
        {FIRST: ONE},
        {FIRST: ONE, SECOND: OTHER},
        {FIRST: CORRECTED},
        {FIRST: CORRECTED, SECOND: OTHER},
        {FIRST: CORRECTED, SECOND: ONE},
    ]
    versions: list[str] = []
    ended: Counter[str] = Counter()
    for day, weeks in enumerate(daily):
        versions.append(house.put(name, dump(weeks)))
        house.stamp(name, versions)
        if day % 2:
            ended += sweep(house)
    ended += sweep(house)

    assert ended == {"loaded": 4, "unchanged": 1}
    check_all_ended(house)
    assert (house.served(FIRST), house.served(SECOND)) == (CORRECTED, ONE)


def test_a_deleted_dump_is_not_offered_and_one_that_vanishes_meanwhile_is_counted(
    house: House, in_process: None, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", logger="sweep")
    house.put("1998-01-02.csv", dump({FIRST: OTHER}))
    house.s3.delete_object(Bucket=house.bucket, Key=PREFIX + "1998-01-02.csv")
    house.put("1998-01-03.csv", dump({FIRST: ONE}))
    gone = house.put("1998-01-04.csv", dump({FIRST: ONE}))
    house.put("1998-01-05.csv", dump({FIRST: ONE}))
    invoke = inventory_load.lambda_api.invoke

    def vanishing(function: str, payload: dict[str, Any], client: Any) -> Any:
        house.s3.delete_object(Bucket=house.bucket, Key=PREFIX + "1998-01-04.csv", VersionId=gone)
        return invoke(function, payload, client=client)

    monkeypatch.setattr(inventory_load.lambda_api, "invoke", vanishing)

    assert sweep(house) == {"loaded": 1, "vanished": 1, "unchanged": 1}
    assert sorted(key for key, *_ in ledger(house)) == [f"{PREFIX}1998-01-0{day}.csv" for day in (3, 5)]
    assert [r.levelname for r in caplog.records if r.name == "sweep"] == ["INFO", "WARNING", "INFO"]
    assert "dump 2 of 3: inbound/inventory/1998-01-04.csv vanished" in caplog.text


def test_in_a_bucket_without_versions_what_changed_is_offered_again(
    house: House, in_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket = f"{house.bucket}-plain"
    house.s3.create_bucket(Bucket=bucket)
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", bucket)
    plain = House(house.s3, bucket, house.warehouse)
    steps: list[tuple[int, Week, Counter[str]]] = [
        (1, ONE, Counter(loaded=1)),
        (2, CORRECTED, Counter(loaded=1)),
        (3, CORRECTED, Counter(unchanged=1)),
        (4, ONE, Counter(loaded=1)),
    ]

    for minute, week, wanted in steps:
        plain.put("1998-01-02.csv", dump({FIRST: week}))
        plain.date("1998-01-02.csv", minute)
        assert sweep(plain) == wanted, minute
        assert sweep(plain) == {}, minute
        assert plain.served(FIRST) == week


def test_an_answer_that_does_not_account_for_every_dump_is_a_failed_load(
    house: House, in_process: None, monkeypatch: Any
) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    (one,) = dropped_objects(house.bucket, PREFIX)
    named = {"object_key": one.object_key, "version_id": one.version_id}
    receipt = named | {"status": "loaded"}
    for reply, error in [
        ({"receipts": [receipt | {"status": "fine"}], "vanished": [], "left": 0}, "status 'fine' .* expected one of"),
        ({}, "`vanished` is missing"),
        ({"receipts": [], "vanished": [], "left": 1}, "answered for 0 of 1 dumps"),
        ({"receipts": [receipt], "vanished": [], "left": 1}, "answered for 1 of 1 dumps and for 0"),
        (
            {"receipts": [receipt | {"version_id": "x"}], "vanished": [], "left": 0},
            "for 0 of 1 dumps and for 1 that nobody asked for",
        ),
        ({"receipts": [receipt], "vanished": [named | {"object_key": "x"}], "left": 0}, "for 1 that nobody asked for"),
    ]:
        monkeypatch.setattr(inventory_load.lambda_api, "invoke", lambda *_, reply=reply, **__: reply)
        with pytest.raises(LoadFailed, match=error):
            sweep(house)


def test_what_the_function_had_no_time_for_is_asked_for_again(
    house: House, in_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, sk in enumerate((FIRST, SECOND, THIRD)):
        house.put(f"1998-01-2{number}.csv", dump({sk: {(1, 1): number}}))
    calls: list[int] = []

    def hurried(_: str, payload: dict[str, Any], client: Any) -> Any:
        calls.append(len(payload["objects"]))
        return handler(payload, Context(milliseconds=25_000))

    monkeypatch.setattr(inventory_load.lambda_api, "invoke", hurried)

    assert sweep(house) == {"loaded": 3}
    assert calls == [3, 2, 1]
    check_all_ended(house)


def test_every_attempt_at_an_object_version_bears_the_same_idempotency_key(
    house: House, in_process: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.put("1998-01-02.csv", dump({FIRST: CORRECTED}))
    found = [dropped_objects(house.bucket, PREFIX) for _ in range(2)]

    assert [one.idempotency_key for one in found[0]] == [one.idempotency_key for one in found[1]]
    assert len({one.idempotency_key for one in found[0]}) == 2
    with DuckDBWarehouse(house.warehouse).turn() as session:
        assert not_yet_judged(session, found[0]) == found[0]


def test_the_daily_run_asks_for_no_more_than_the_function_takes() -> None:
    assert inventory_load.DUMPS_AN_INVOCATION <= MOST_OBJECTS


@pytest.fixture
def over_http(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, house: House) -> Iterator[Callable[[], str]]:
    """The function behind the Lambda API, in a process of its own; gives its log."""
    environment = {name: value for name, value in os.environ.items() if name.startswith(("AWS_", "SHELFGATE_"))}
    config = LambdaConfig(FUNCTION, "inventory_loader.handler.handler", environment, tmp_path, memory_mb=512)
    keys = AwsKeys(environment["AWS_ACCESS_KEY_ID"], environment["AWS_SECRET_ACCESS_KEY"])
    with served(lambda_app(config, keys)) as address:
        monkeypatch.setenv("AWS_ENDPOINT_URL_LAMBDA", address)
        yield (tmp_path / f"{FUNCTION}.log").read_text


def put_backlog(house: House, dumps: int, items: int = 2) -> None:
    """One dump a week, each with its own snapshot."""
    for number in range(dumps):
        day = date(1998, 1, 2) + timedelta(weeks=number)
        week = {(item, 1): number + item for item in range(1, items + 1)}
        house.put(f"{day}.csv", dump({FIRST + 7 * number: week}))


@pytest.mark.proofs
def test_a_backlog_of_500_dumps_is_loaded_by_one_sweep(
    house: House, over_http: Callable[[], str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _without_prefect(monkeypatch)
    caplog.set_level("INFO", logger="sweep")
    put_backlog(house, 500, items=2_000)
    assert sweep(house) == {"loaded": 500}

    (function,) = psutil.Process().children()
    spent = function.cpu_times()
    # Start of the process included. One more client, connection or session a dump would show here.
    assert spent.user + spent.system < 60
    check_all_ended(house)
    counted = "select count(*), count(distinct inv_date_sk) from raw_inventory.inventory"
    assert house.query(counted) == [(1_000_000, 500)]
    assert "dump 500 of 500" in caplog.text
    assert over_http().count('"message":"dump judged"') == 500
    assert over_http().count("START RequestId") == 25


def test_a_backlog_is_loaded_by_one_sweep_in_few_invocations_with_its_progress_told(
    house: House, over_http: Callable[[], str], monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    _without_prefect(monkeypatch)
    caplog.set_level("INFO", logger="sweep")
    monkeypatch.setattr(inventory_load, "DUMPS_AN_INVOCATION", 4)
    put_backlog(house, 6)

    assert sweep(house) == {"loaded": 6}

    check_all_ended(house)
    told = [record.message for record in caplog.records if record.name == "sweep"]
    assert told[0] == f"dump 1 of 6: {PREFIX}1998-01-02.csv loaded"
    assert [message.partition(":")[0] for message in told] == [f"dump {number} of 6" for number in range(1, 7)]
    assert over_http().count('"message":"dump judged"') == 6
    assert over_http().count("START RequestId") == 2
