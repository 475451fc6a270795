"""What AWS sends, as it sends it: each object is loaded once, whatever comes twice, late, wrong or never."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from itertools import permutations
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import inventory_loader
import pytest
from inventory_loader.errors import EventNotUnderstood, StoreRefused, WarehouseNotInstalled
from inventory_loader.handler import handler

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
    furnished,
)


def s3_record(house: House, name: str, version: str | None, **changed: Any) -> dict[str, Any]:
    """One record as S3 sends it (event structure 2.2), its key encoded as in a form."""
    key = changed.get("key", quote_plus(PREFIX + name, safe="/"))
    thing = {"key": key, "size": 1, "eTag": "x", "sequencer": "0A"} | ({"versionId": version} if version else {})
    return {
        "eventVersion": "2.2",
        "eventSource": "aws:s3",
        "awsRegion": "us-east-1",
        "eventTime": "1998-01-02T00:00:00.000Z",
        "eventName": changed.get("what", "ObjectCreated:Put"),
        "s3": {"s3SchemaVersion": "1.0", "bucket": {"name": changed.get("bucket", house.bucket)}, "object": thing},
    }


def notification(*records: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def eventbridge(house: House, key: str, version: str | None, kind: str = "Object Created") -> dict[str, Any]:
    thing = {"key": key, "size": 1, "etag": "x", "sequencer": "0A"} | ({"version-id": version} if version else {})
    detail = {"version": "0", "bucket": {"name": house.bucket}, "object": thing, "reason": "PutObject"}
    return {"version": "0", "id": "1", "detail-type": kind, "source": "aws.s3", "account": "1", "detail": detail}


def batch(*bodies: object) -> dict[str, Any]:
    """Messages as SQS hands them to a function; a body that is text already is sent as it is."""
    texts = [body if isinstance(body, str) else json.dumps(body) for body in bodies]
    return {
        "Records": [
            {
                "messageId": f"m{number}",
                "receiptHandle": "r",
                "body": text,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:us-east-1:000000000000:dumps",
                "awsRegion": "us-east-1",
            }
            for number, text in enumerate(texts)
        ]
    }


def failed(reply: dict[str, Any]) -> list[str]:
    return [item["itemIdentifier"] for item in reply["batchItemFailures"]]


def ledger(house: House) -> list[tuple[Any, ...]]:
    return house.query("select object_key, version_id, status from ops.load_ledger order by loaded_at, version_id")


@pytest.mark.parametrize("form", ["S3", "EventBridge", "SQS of S3", "SQS of EventBridge"])
def test_an_announced_object_is_loaded_in_the_version_announced(house: House, form: str) -> None:
    version = house.put("1998-01-02.csv", dump({FIRST: ONE}))
    event = (
        notification(s3_record(house, "1998-01-02.csv", version))
        if form.endswith("S3")
        else eventbridge(house, PREFIX + "1998-01-02.csv", version)
    )

    reply = handler(batch(event) if form.startswith("SQS") else event, Context())

    if form.startswith("SQS"):
        assert reply == {"batchItemFailures": []}
    else:
        assert [receipt["status"] for receipt in reply["receipts"]] == ["loaded"]
    assert ledger(house) == [(PREFIX + "1998-01-02.csv", version, "loaded")]
    assert house.query("select run_id like 'request-1%' from ops.load_ledger") == [(True,)]


def test_an_event_without_a_version_means_the_current_one_and_pins_it(house: House) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    current = house.put("1998-01-02.csv", dump({FIRST: CORRECTED}))

    handler(notification(s3_record(house, "1998-01-02.csv", None)), Context())

    assert ledger(house) == [(PREFIX + "1998-01-02.csv", current, "loaded")]


@pytest.mark.parametrize(
    "name", ["1998-01-02-a+b c.csv", "1998-01-02-%2F.csv", "1998-01-02-it's.csv", "1998-01-02-é.csv"]
)
def test_a_key_is_decoded_exactly_once(house: House, name: str) -> None:
    """None of these names is a dump's: the ledger must name the object that is there."""
    house.put(name, dump({FIRST: ONE}))

    handler(notification(s3_record(house, name, None)), Context())
    handler(eventbridge(house, PREFIX + name, None), Context())

    assert [(key, status) for key, _, status in ledger(house)] == [(PREFIX + name, "quarantined")]


def test_what_is_no_news_of_a_dump_is_ignored_and_said_so(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO", logger="inventory_loader")
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    test_event = {"Service": "Amazon S3", "Event": "s3:TestEvent", "Bucket": house.bucket, "RequestId": "1"}
    name = "1998-01-02.csv"
    ignored = [
        test_event,
        notification(s3_record(house, name, None, what="ObjectRemoved:DeleteMarkerCreated")),
        notification(s3_record(house, name, None, what="LifecycleExpiration:Delete")),
        notification(s3_record(house, name, None, bucket="another")),
        notification(s3_record(house, name, None, key="outbound/1998-01-02.csv")),
        eventbridge(house, PREFIX + name, None, "Object Deleted"),
    ]

    for event in ignored:
        assert handler(event, Context()) == {"receipts": []}
    assert handler(batch(*ignored), Context()) == {"batchItemFailures": []}

    assert ledger(house) == []
    assert [record.message for record in caplog.records].count("event ignored") == 2 * len(ignored)


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"Records": []},
        {"Records": [{}]},
        {"Records": "x"},
        {"Records": [{"eventSource": "aws:sns", "Sns": {}}]},
        {"Records": [{"eventSource": "aws:s3"}]},
        {"Records": [{"eventSource": "aws:s3", "eventName": "ObjectCreated:Put", "s3": {"bucket": {}}}]},
        {"detail-type": "Object Created", "source": "aws.s3"},
        {"detail-type": "Scheduled Event", "source": "aws.s3", "detail": {}},
        [],
        "text",
    ],
    ids=str,
)
def test_an_event_of_another_form_is_refused_and_its_message_goes_back_to_the_queue(house: House, event: Any) -> None:
    with pytest.raises(EventNotUnderstood, match="Nothing was loaded"):
        handler(event, Context())
    assert failed(handler(batch(event), Context())) == ["m0"]
    assert ledger(house) == []


def test_a_sweep_is_asked_for_by_the_schedule_and_not_through_the_queue(house: House) -> None:
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    scheduled = {"detail-type": "Scheduled Event", "source": "aws.events", "detail": {}}

    assert failed(handler(batch(scheduled, {"sweep": True}), Context())) == ["m0", "m1"]
    assert ledger(house) == []


def test_of_a_batch_only_what_failed_is_delivered_again(house: House) -> None:
    versions = [house.put(f"1998-01-0{day}.csv", dump({FIRST: ONE})) for day in (2, 3)]
    bad = house.put("1998-01-04.csv", b"no dump")
    gone = house.put("1998-01-05.csv", dump({FIRST: OTHER}))
    house.s3.delete_object(Bucket=house.bucket, Key=PREFIX + "1998-01-05.csv")
    names = ["1998-01-02.csv", "1998-01-03.csv", "1998-01-04.csv", "1998-01-05.csv"]
    messages = [notification(s3_record(house, n, v)) for n, v in zip(names, [*versions, bad, gone], strict=True)]

    reply = handler(batch(messages[0], "{poison", *messages[1:]), Context())

    assert failed(reply) == ["m1"]
    assert [status for *_, status in ledger(house)] == ["loaded", "unchanged", "quarantined"]


def test_a_fault_of_the_world_fails_its_messages_and_every_one_of_them_is_loaded_later(house: House) -> None:
    versions = {name: house.put(name, dump({FIRST: ONE})) for name in ("1998-01-02.csv", "1998-01-03.csv")}
    event = batch(*(notification(s3_record(house, name, version)) for name, version in versions.items()))
    whole = house.warehouse.read_bytes()
    house.warehouse.unlink()

    assert failed(handler(event, Context())) == ["m0", "m1"]
    house.warehouse.write_bytes(whole)
    assert failed(handler(event, Context())) == []
    assert [status for *_, status in ledger(house)] == ["loaded", "unchanged"]


def test_a_batch_that_runs_out_of_time_leaves_the_rest_to_the_next(house: House) -> None:
    versions = {f"1998-01-0{day}.csv": house.put(f"1998-01-0{day}.csv", dump({FIRST: ONE})) for day in (2, 3, 4)}
    event = batch(*(notification(s3_record(house, name, version)) for name, version in versions.items()))

    assert failed(handler(event, Context(milliseconds=21_000))) == ["m1", "m2"]
    assert len(ledger(house)) == 1


def test_the_other_records_of_an_event_are_loaded_before_a_fault_is_raised(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = house.put("1998-01-03.csv", dump({FIRST: ONE}))
    house.put("1998-01-02.csv", dump({FIRST: ONE}))
    event = notification(
        s3_record(house, "1998-01-02.csv", "no-version"),
        s3_record(house, "1998-01-03.csv", good),
    )
    opened = "inventory_loader.s3_store.S3Store.check_current"

    def refused(_: object, key: str) -> None:
        if key.endswith("1998-01-02.csv"):
            raise StoreRefused("no right to it")

    monkeypatch.setattr(opened, refused)
    with pytest.raises(StoreRefused):
        handler(event, Context())
    assert [status for *_, status in ledger(house)] == ["loaded"]


def test_a_warehouse_that_is_not_there_fails_a_notification_as_a_whole(house: House) -> None:
    version = house.put("1998-01-02.csv", dump({FIRST: ONE}))
    house.warehouse.unlink()

    with pytest.raises(WarehouseNotInstalled):
        handler(notification(s3_record(house, "1998-01-02.csv", version)), Context())


def test_events_in_any_order_and_any_number_leave_one_load_a_version_and_the_newest_rows(
    house: House, endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number, order in enumerate(permutations(range(3))):
        (tmp_path / str(number)).mkdir()
        other = furnished(endpoint, tmp_path / str(number), monkeypatch)
        weeks = [{FIRST: ONE, SECOND: OTHER}, {FIRST: CORRECTED}, {FIRST: OTHER, SECOND: ONE}]
        versions = [other.put("1998-01-09.csv", dump(week)) for week in weeks]
        other.stamp("1998-01-09.csv", versions)
        events = [notification(s3_record(other, "1998-01-09.csv", versions[which])) for which in order]

        for event in [*events, events[0]]:
            handler(event, Context())

        assert sorted(version for _, version, _ in ledger(other)) == sorted(versions), order
        assert (other.served(FIRST), other.served(SECOND)) == (OTHER, ONE), order


def test_the_same_event_in_several_processes_at_once_is_one_load(house: House) -> None:
    version = house.put("1998-01-02.csv", dump({FIRST: ONE}))
    event = notification(s3_record(house, "1998-01-02.csv", version))
    program = f"""
import json
from inventory_loader.handler import handler
class Context:
    aws_request_id = "r"
    def get_remaining_time_in_millis(self): return 60_000
print("REPLY", json.dumps(handler({event!r}, Context())))
"""
    path = str(Path(inventory_loader.__file__).parents[1])
    command = [sys.executable, "-c", program]
    environment = os.environ | {"PYTHONPATH": path}
    several = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) for _ in range(2)]
    replies = [one.communicate()[0].rpartition("REPLY ")[2] for one in several]

    assert len(set(replies)) == 1
    assert json.loads(replies[0])["receipts"][0]["status"] == "loaded"
    assert house.served(FIRST) == ONE
    assert len(ledger(house)) == 1
