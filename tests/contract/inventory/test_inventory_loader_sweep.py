"""The function's own sweep and its requests for several objects: what no event announced is loaded, one by one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.stub import Stubber
from inventory_loader import handler as edge
from inventory_loader.errors import EventNotUnderstood, StoreRefused, StoreUnavailable, WarehouseNotInstalled
from inventory_loader.events import MOST_OBJECTS
from inventory_loader.handler import handler
from inventory_loader.s3_store import S3Store

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
    dump,
)

SCHEDULED = {"version": "0", "id": "1", "source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}
LITTLE_TIME = Context(milliseconds=25_000)
"""Enough for the first dump, which is always tried, and for no other."""


def ledger(house: House) -> list[tuple[Any, ...]]:
    """Names and statuses in the order in which they were loaded."""
    found = house.query("select object_key, status from ops.load_ledger order by loaded_at")
    return [(key.removeprefix(PREFIX), status) for key, status in found]


def counted(listed: int, waiting: int, **ended: int) -> dict[str, Any]:
    return {"run_id": "request-1", "listed": listed, "waiting": waiting, "vanished": 0, "left": 0} | ended


@pytest.mark.parametrize("event", [SCHEDULED, {"sweep": True}], ids=["schedule", "direct"])
def test_a_dump_whose_event_was_lost_is_loaded_by_the_sweep_and_by_no_second_one(
    house: House, event: dict[str, Any]
) -> None:
    house.drop("1998-01-02.csv", {FIRST: ONE})
    house.put("1998-01-09.csv", dump({SECOND: OTHER}))

    assert handler(event, Context()) == counted(2, 1, loaded=1)

    assert (house.served(FIRST), house.served(SECOND)) == (ONE, OTHER)
    before = house.all_of_it()
    assert handler(event, Context()) == counted(2, 0)
    assert house.all_of_it() == before


def test_the_oldest_dump_is_loaded_first_and_a_poisoned_one_is_quarantined_and_stops_no_other(house: House) -> None:
    house.put("1998-01-16.csv", dump({FIRST: CORRECTED, THIRD: OTHER}))
    house.put("1998-01-09.csv", b"\x00poison")
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.put("notes.txt", b"no dump at all")

    assert handler(SCHEDULED, Context()) == counted(4, 3, loaded=2, quarantined=1)

    assert ledger(house) == [
        ("1998-01-02.csv", "loaded"),
        ("1998-01-09.csv", "quarantined"),
        ("1998-01-16.csv", "loaded"),
    ]
    assert house.served(FIRST) == CORRECTED


def test_a_sweep_that_runs_out_of_time_says_what_is_left_and_the_next_goes_on(
    house: House, caplog: pytest.LogCaptureFixture
) -> None:
    for number, sk in enumerate((FIRST, SECOND, THIRD)):
        house.put(f"1998-01-2{number}.csv", dump({sk: {(1, 1): number}}))

    assert handler(SCHEDULED, LITTLE_TIME) == counted(3, 3, loaded=1, left=2)
    assert ledger(house) == [("1998-01-20.csv", "loaded")]
    (warned,) = [vars(record) for record in caplog.records if record.message.startswith("dumps left")]
    assert (warned["left"], warned["error_type"]) == (2, "TimeIsUp")

    assert handler(SCHEDULED, Context()) == counted(3, 2, loaded=2)
    assert [name for name, _ in ledger(house)] == ["1998-01-20.csv", "1998-01-21.csv", "1998-01-22.csv"]


def test_a_deleted_dump_is_left_alone_and_an_overwritten_version_is_judged(house: House) -> None:
    house.put("1998-01-02.csv", dump({FIRST: OTHER}))
    house.s3.delete_object(Bucket=house.bucket, Key=PREFIX + "1998-01-02.csv")
    versions = [house.put("1998-01-09.csv", dump(weeks)) for weeks in ({FIRST: ONE, SECOND: OTHER}, {FIRST: CORRECTED})]
    house.stamp("1998-01-09.csv", versions)

    assert handler(SCHEDULED, Context()) == counted(2, 2, loaded=2)
    assert (house.served(FIRST), house.served(SECOND)) == (CORRECTED, OTHER)


def test_in_a_bucket_without_versions_a_new_upload_is_swept_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.s3.create_bucket(Bucket=f"{house.bucket}-plain")
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", f"{house.bucket}-plain")
    plain = House(house.s3, f"{house.bucket}-plain", house.warehouse)
    for minute, week in ((1, ONE), (2, CORRECTED)):
        plain.put("1998-01-02.csv", dump({FIRST: week}))
        plain.date("1998-01-02.csv", minute)
        assert handler(SCHEDULED, Context()) == counted(1, 1, loaded=1)
        assert handler(SCHEDULED, Context()) == counted(1, 0)

    assert plain.served(FIRST) == CORRECTED


def test_an_object_that_s3_refuses_is_raised_after_the_others_had_their_try(
    house: House,
) -> None:
    for day in (2, 3, 4):
        house.put(f"1998-01-0{day}.csv", dump({FIRST: ONE}))
    opened = S3Store.opened

    def refusing(store: S3Store, request: Any) -> Any:
        if "01-02" in request.object_key:
            raise StoreRefused("S3 answers 403")
        if "01-03" in request.object_key:
            raise StoreUnavailable("no answer")
        return opened(store, request)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(S3Store, "opened", refusing)
        with pytest.raises(StoreRefused):
            handler(SCHEDULED, Context())
    assert ledger(house) == [("1998-01-04.csv", "loaded")]

    assert handler(SCHEDULED, Context()) == counted(3, 2, unchanged=2)


def test_a_warehouse_that_fails_stops_the_sweep_at_once(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    for day in (2, 3):
        house.put(f"1998-01-0{day}.csv", dump({FIRST: ONE}))
    asked: list[str] = []

    def failing(request: Any, **_: Any) -> Any:
        asked.append(request.object_key)
        raise WarehouseNotInstalled("gone")

    monkeypatch.setattr(edge, "load", failing)
    with pytest.raises(WarehouseNotInstalled):
        handler(SCHEDULED, Context())
    assert asked == [PREFIX + "1998-01-02.csv"]

    house.warehouse.unlink()
    with pytest.raises(WarehouseNotInstalled, match="no file"):
        handler(SCHEDULED, Context())


def test_a_bucket_that_may_not_be_listed_is_no_empty_bucket(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SHELFGATE_S3_BUCKET", "nobodys")

    with pytest.raises(StoreRefused, match=r"NoSuchBucket; wanted .* s3:ListBucketVersions"):
        handler(SCHEDULED, Context())


def test_a_listing_is_read_to_its_last_page_and_a_delete_marker_counts_across_pages() -> None:
    client = boto3.client("s3", region_name="us-east-1", aws_access_key_id="key", aws_secret_access_key="hush")

    def version(key: str, number: str, *, latest: bool) -> dict[str, Any]:
        return {
            "Key": key,
            "VersionId": number,
            "ETag": f'"{number}"',
            "Size": 7,
            "LastModified": datetime(1998, 1, 2, 3, 4, 5, 678),
            "IsLatest": latest,
        }

    asked = {"Bucket": "landing", "Prefix": PREFIX}
    of_this_place = {"Name": "landing", "Prefix": PREFIX}
    first = {
        **of_this_place,
        "IsTruncated": True,
        "NextKeyMarker": "b",
        "NextVersionIdMarker": "2",
        "Versions": [version("a", "1", latest=True)],
        "DeleteMarkers": [{"Key": "b", "VersionId": "2", "IsLatest": True}],
    }
    last = {
        **of_this_place,
        "IsTruncated": False,
        "Versions": [version("b", "1", latest=False), version("c", "1", latest=True)],
        "DeleteMarkers": [{"Key": "c", "VersionId": "0", "IsLatest": False}],
    }
    with Stubber(client) as stub:
        stub.add_response("list_object_versions", first, asked)
        stub.add_response("list_object_versions", last, asked | {"KeyMarker": "b", "VersionIdMarker": "2"})
        listed = S3Store(client, "landing").listed(PREFIX)
        stub.assert_no_pending_responses()

    assert [(one.object_key, one.version_id, one.etag, one.bytes) for one in listed] == [
        ("a", "1", "1", 7),
        ("c", "1", "1", 7),
    ]
    assert listed[0].last_modified == datetime(1998, 1, 2, 3, 4, 5)


def several(*names: str, run_id: object = "run-7") -> dict[str, Any]:
    return {"objects": [{"object_key": PREFIX + name, "version_id": None} for name in names], "run_id": run_id}


def test_several_objects_are_loaded_in_the_order_asked_and_each_has_its_receipt(house: House) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.put("1998-01-09.csv", b"poison")
    house.put("1998-01-16.csv", dump({THIRD: ONE}))

    reply = handler(several("1998-01-16.csv", "1998-01-03.csv", "1998-01-09.csv", "1998-01-02.csv"), Context())

    told = [(each["object_key"].removeprefix(PREFIX), each["status"]) for each in reply["receipts"]]
    assert told == ledger(house)
    assert told == [("1998-01-16.csv", "loaded"), ("1998-01-09.csv", "quarantined"), ("1998-01-02.csv", "quarantined")]
    assert reply["vanished"] == [{"object_key": PREFIX + "1998-01-03.csv", "version_id": None}]
    assert reply["left"] == 0
    assert house.query("select distinct run_id from ops.load_ledger") == [("run-7",)]


def test_of_several_objects_those_without_time_are_left(house: House) -> None:
    names = [f"1998-01-0{day}.csv" for day in (2, 3)]
    for name in names:
        house.put(name, dump({FIRST: ONE}))

    reply = handler(several(*names), LITTLE_TIME)

    assert ([each["status"] for each in reply["receipts"]], reply["left"]) == (["loaded"], 1)


@pytest.mark.parametrize(
    "event",
    [
        {"objects": [], "run_id": "r"},
        {"objects": {}, "run_id": "r"},
        several("1998-01-02.csv", run_id=None),
        {"objects": ["1998-01-02.csv"], "run_id": "r"},
        {"objects": [{"object_key": ""}], "run_id": "r"},
        several(*["1998-01-02.csv"] * (MOST_OBJECTS + 1)),
        {"sweep": "yes"},
        {"sweep": False},
        SCHEDULED | {"source": "somebody.else"},
    ],
    ids=["none", "no list", "no run", "no object", "no key", "too many", "text", "false", "not of EventBridge"],
)
def test_a_request_of_another_form_is_refused(house: House, event: dict[str, Any]) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))

    with pytest.raises(EventNotUnderstood, match="Nothing was loaded"):
        handler(event, Context())
    assert ledger(house) == []
