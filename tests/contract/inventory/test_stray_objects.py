"""Objects that are no dumps, and dumps under a name that is refused: which of them stop the day, and the way out."""

from __future__ import annotations

import logging
from datetime import date, datetime
from pathlib import Path

import inventory_loader
import pytest
import yaml
from inventory_loader import objects as in_loader
from inventory_loader.errors import EventNotUnderstood
from inventory_loader.handler import handler

from expectations.validation.gate import Judge, Window
from shelfgate.clients import landing_bucket
from shelfgate.model import Gate, Verdict
from shelfgate.ops.runs import Run
from shelfgate.settings import Settings
from shelfgate.warehouse import install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tasks import inventory_load
from tests.contract.inventory.inventory_landing import FIRST, ONE, OTHER, PREFIX, SECOND, Context, House, dump

STRAYS = ["", "_SUCCESS", "1998-01-02.CSV", "1998-01-02.csv.tmp", "notes.txt", "archive/"]
"""The console's *Create folder* writes the first; S3 announces none of them, for the template's filter has suffixes."""
REFUSED = "1998-01-02 (1).csv"
"""What a browser calls the second download of a file."""

UNRESOLVED = "no_unresolved_quarantine"
FORGOTTEN = "no_quarantine_is_forgotten"
IGNORED = "no_dump_is_ignored"


@pytest.fixture(autouse=True)
def in_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """The function called here instead of over HTTP, the tasks without Prefect."""
    monkeypatch.setattr(inventory_load.lambda_api, "invoke", lambda _, payload, client: handler(payload, Context()))
    monkeypatch.setattr(inventory_load, "get_run_logger", lambda: logging.getLogger("sweep"))
    for name in ("find_dropped", "load_batch"):
        monkeypatch.setattr(inventory_load, name, getattr(inventory_load, name).fn)


def run_of(house: House, run_id: str = "run-1", prefix: str = PREFIX) -> Verdict:
    """Load what lies in the bucket, as a daily run does, and hold the file gate."""
    warehouse = DuckDBWarehouse(house.warehouse)
    with warehouse.turn() as session:
        install(session)
    settings = Settings(s3_bucket=house.bucket, s3_prefix=prefix, lambda_function="inventory-loader")
    inventory_load.load_dumps(settings, warehouse, Run(run_id, date(1998, 1, 20), None))
    with warehouse.turn():
        judge = Judge(warehouse, house.warehouse.parent / "docs")
        return judge.verdict(Gate.FILE, Window(run_id, date(1998, 1, 20), datetime(2026, 12, 1)))


def failed(verdict: Verdict) -> dict[str, str]:
    return {check.check_id: check.seen for suite in verdict.suites for check in suite.checks if not check.passed}


def deleted(house: House, name: str) -> None:
    house.s3.delete_object(Bucket=house.bucket, Key=PREFIX + name)


def test_strays_are_ignored_with_a_log_line(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="sweep")
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    for name in STRAYS:
        house.put(name, b"" if name.endswith("/") or not name else b"stray")

    assert run_of(house).open

    assert house.query("select object_key, status from ops.load_ledger") == [(PREFIX + "1998-01-02.csv", "loaded")]
    told = [record.getMessage() for record in caplog.records if "ignored" in record.getMessage()]
    assert all(any(f"{PREFIX}{name} ignored" in line for line in told) for name in STRAYS)


def test_an_ignored_dump_warns_until_it_is_renamed(house: House) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.put("_SUCCESS", b"")
    assert failed(run_of(house)) == {}
    house.put("1998-01-09.CSV", dump({SECOND: OTHER}))

    verdict = run_of(house)
    assert verdict.open
    assert list(failed(verdict)) == [IGNORED]
    assert f"{PREFIX}1998-01-09.CSV" in failed(verdict)[IGNORED]

    house.put("1998-01-09.csv", dump({SECOND: OTHER}))
    deleted(house, "1998-01-09.CSV")
    assert failed(run_of(house)) == {}
    assert house.served(SECOND) == OTHER


@pytest.mark.parametrize("mended_by", ["rename", "delete"])
def test_a_refused_name_stops_until_it_is_renamed_or_deleted(house: House, mended_by: str) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.put(REFUSED, dump({FIRST: OTHER}))
    house.date("1998-01-02.csv", 0)
    house.date(REFUSED, 1)

    verdict = run_of(house)
    assert not verdict.open
    assert "rename or delete" in failed(verdict)[UNRESOLVED]
    house.put(REFUSED, dump({FIRST: OTHER}))  # the same bytes again, which cannot help
    assert UNRESOLVED in failed(run_of(house))

    if mended_by == "rename":
        house.put("1998-01-03.csv", dump({FIRST: OTHER}))
        house.date("1998-01-03.csv", 2)
    deleted(house, REFUSED)
    assert failed(run_of(house)) == {}
    assert house.served(FIRST) == (OTHER if mended_by == "rename" else ONE)


def test_a_refused_name_stops_in_whatever_order_dumps_are_judged(house: House) -> None:
    for name in ("0 before.csv", "zz after.csv"):
        house.put(name, dump({FIRST: OTHER}))
        house.date(name, 1)
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.date("1998-01-02.csv", 0)

    assert "2 offending rows" in failed(run_of(house))[UNRESOLVED]


def test_a_restatement_under_a_refused_name_is_kept_in_mind(house: House) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.put(REFUSED, dump({FIRST: OTHER}))
    house.put("1998-01-09.csv", dump({SECOND: {**OTHER, (8, 8): 8}}))
    for minute, name in enumerate(("1998-01-02.csv", REFUSED, "1998-01-09.csv")):
        house.date(name, minute)

    verdict = run_of(house)
    assert verdict.open, "the next good dump lets the day go on"
    assert list(failed(verdict)) == [FORGOTTEN]
    assert list(failed(run_of(house))) == [FORGOTTEN], "every day, until it is renamed or deleted"

    deleted(house, REFUSED)
    assert failed(run_of(house)) == {}


def test_a_dump_that_is_gone_is_no_longer_unresolved(house: House) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    version = house.put("1998-01-09.csv", b"no dump")
    assert UNRESOLVED in failed(run_of(house))

    house.s3.delete_object(Bucket=house.bucket, Key=PREFIX + "1998-01-09.csv", VersionId=version)

    assert failed(run_of(house)) == {}
    house.put("1998-01-09.csv", b"no dump")
    assert UNRESOLVED in failed(run_of(house)), "another upload is another object"


def test_a_listing_without_any_object_resolves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.put("1998-01-09.csv", b"no dump")
    run_of(house)
    house.s3.create_bucket(Bucket=f"{house.bucket}-other")
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", f"{house.bucket}-other")

    elsewhere = House(house.s3, f"{house.bucket}-other", house.warehouse)

    assert UNRESOLVED in failed(run_of(elsewhere))


@pytest.fixture
def moved(house: House, monkeypatch: pytest.MonkeyPatch) -> House:
    """Another bucket, with a dump of its own, after the first one had a restatement refused."""
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.put(REFUSED, dump({FIRST: OTHER}))
    run_of(house)
    house.s3.create_bucket(Bucket=f"{house.bucket}-other")
    elsewhere = House(house.s3, f"{house.bucket}-other", house.warehouse)
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", elsewhere.bucket)
    elsewhere.put("1998-01-09.csv", dump({SECOND: {**OTHER, (8, 8): 8}}))
    return elsewhere


def test_a_listing_of_another_bucket_resolves_nothing(moved: House) -> None:
    assert FORGOTTEN in failed(run_of(moved, "run-2"))
    assert FORGOTTEN in failed(run_of(moved, "run-3")), "nor once the new bucket's dumps are in the ledger"

    moved.put("zz.csv", dump({SECOND: OTHER}))
    assert FORGOTTEN in failed(run_of(moved, "run-4"))
    deleted(moved, "zz.csv")
    assert "1 offending row" in failed(run_of(moved, "run-5"))[FORGOTTEN], "what was deleted there is resolved"


def test_what_was_deleted_before_a_move_stays_resolved(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.put(REFUSED, dump({FIRST: OTHER}))
    run_of(house)
    deleted(house, REFUSED)
    assert failed(run_of(house)) == {}

    house.s3.create_bucket(Bucket=f"{house.bucket}-other")
    elsewhere = House(house.s3, f"{house.bucket}-other", house.warehouse)
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", elsewhere.bucket)
    elsewhere.put("1998-01-09.csv", dump({SECOND: {**OTHER, (8, 8): 8}}))
    assert failed(run_of(elsewhere, "run-2")) == {}


def test_a_listing_of_another_folder_resolves_nothing(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.put(REFUSED, dump({FIRST: OTHER}))
    run_of(house)
    monkeypatch.setenv("SHELFGATE_S3_PREFIX", "elsewhere/")
    body = dump({SECOND: {**OTHER, (8, 8): 8}})
    house.s3.put_object(Bucket=house.bucket, Key="elsewhere/1998-01-09.csv", Body=body)

    assert FORGOTTEN in failed(run_of(house, "run-2", "elsewhere/"))


@pytest.mark.parametrize("name", STRAYS)
def test_the_function_writes_no_line_for_a_stray(house: House, name: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="inventory_loader")
    house.put(name, b"")
    announced = {
        "detail-type": "Object Created",
        "source": "aws.s3",
        "detail": {"bucket": {"name": house.bucket}, "object": {"key": PREFIX + name}},
    }

    assert handler(announced, Context()) == {"receipts": []}
    assert handler({"sweep": True}, Context())["waiting"] == 0
    with pytest.raises(EventNotUnderstood, match="no dump by its name"):
        house.load(name)

    assert house.query("select * from ops.load_ledger") == []
    reasons = [vars(record).get("reason", "") for record in caplog.records]
    assert sum("no dump by its name" in reason for reason in reasons) == 2


def test_loader_run_and_template_agree_on_dump_names() -> None:
    template = Path(inventory_loader.__file__).parents[1] / "template.yaml"

    class Loader(yaml.SafeLoader):
        """SAM's own tags are of no interest here."""

    Loader.add_multi_constructor("!", lambda loader, suffix, node: None)
    resources = yaml.load(template.read_text(encoding="utf-8"), Loader)["Resources"]  # noqa: S506  (a SafeLoader)
    asked = resources["LandingBucket"]["Properties"]["NotificationConfiguration"]["QueueConfigurations"]
    rules = [{rule["Name"]: rule["Value"] for rule in one["Filter"]["S3Key"]["Rules"]} for one in asked]

    assert {rule["prefix"] for rule in rules} == {PREFIX}
    assert {rule["suffix"] for rule in rules} == set(in_loader.DUMP_SUFFIXES)
    assert landing_bucket.DUMP_SUFFIXES == in_loader.DUMP_SUFFIXES
