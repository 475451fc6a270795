"""Every form of event is read as what it asks for, and the settings are asked for only by what needs them."""

from __future__ import annotations

import json
from typing import Any, NoReturn

import pytest
from inventory_loader.errors import ConfigurationError, EventNotUnderstood
from inventory_loader.events import Form, LandingLocation, ParsedEvent, parse
from inventory_loader.objects import LoadRequest

KEY = "inbound/inventory/1998-01-02.csv"
RUN = "request-1"
NOTICE = {
    "source": "aws.s3",
    "detail-type": "Object Created",
    "detail": {"bucket": {"name": "landing"}, "object": {"key": KEY, "version-id": "v1"}},
}
RECORD = {
    "eventSource": "aws:s3",
    "eventName": "ObjectCreated:Put",
    "s3": {"bucket": {"name": "landing"}, "object": {"key": KEY, "versionId": "v1"}},
}


def landing() -> LandingLocation:
    return LandingLocation("landing", "inbound/inventory/")


def not_configured() -> NoReturn:
    raise ConfigurationError("SHELFGATE_S3_BUCKET is not set")


def message(message_id: str, body: object) -> dict[str, Any]:
    text = body if isinstance(body, str) else json.dumps(body)
    return {"eventSource": "aws:sqs", "messageId": message_id, "body": text}


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            {"object_key": KEY, "version_id": None, "run_id": "run-7", "idempotency_key": "k"},
            ParsedEvent(Form.OBJECT, (LoadRequest(KEY, None, "run-7", "k"),)),
        ),
        (
            {"objects": [{"object_key": KEY, "version_id": "v1"}], "run_id": "run-7"},
            ParsedEvent(Form.OBJECTS, (LoadRequest(KEY, "v1", "run-7"),)),
        ),
        ({"sweep": True}, ParsedEvent(Form.SWEEP)),
        ({"source": "aws.events", "detail-type": "Scheduled Event", "detail": {}}, ParsedEvent(Form.SWEEP)),
    ],
    ids=["one object", "several", "sweep", "schedule"],
)
def test_a_direct_request_is_read_without_the_landing_location(event: object, expected: ParsedEvent) -> None:
    assert parse(event, RUN, not_configured) == expected


@pytest.mark.parametrize("event", [{"Records": [RECORD]}, NOTICE], ids=["S3", "EventBridge"])
def test_an_object_of_an_event_is_notified_and_of_this_run(event: object) -> None:
    request = LoadRequest(KEY, "v1", RUN, notified=True)

    assert parse(event, RUN, landing) == ParsedEvent(Form.NOTIFICATION, (request,))
    with pytest.raises(ConfigurationError):
        parse(event, RUN, not_configured)


def test_a_record_that_asks_for_nothing_says_why() -> None:
    removed = RECORD | {"eventName": "ObjectRemoved:Delete"}

    parsed = parse({"Records": [removed, RECORD]}, RUN, landing)

    assert parsed.ignored == ("ObjectRemoved:Delete: not a new object",)
    assert [request.object_key for request in parsed.requests] == [KEY]
    assert parse({"Event": "s3:TestEvent"}, RUN, landing).ignored == ("s3:TestEvent",)


def test_only_the_message_that_is_not_understood_is_refused() -> None:
    direct = {"object_key": KEY, "version_id": None, "run_id": "run-7"}
    bodies = {"a": NOTICE, "b": "{", "c": direct, "d": {"Event": "s3:TestEvent"}, "e": {"sweep": True}, "f": "[]"}

    parsed = parse({"Records": [message(*each) for each in bodies.items()]}, RUN, landing)

    assert parsed.form is Form.MESSAGES
    assert parsed.requests == (
        LoadRequest(KEY, "v1", f"{RUN}/a", notified=True, message_id="a"),
        LoadRequest(KEY, None, "run-7", notified=True, message_id="c"),
    )
    assert parsed.ignored == ("s3:TestEvent",)
    assert parsed.message_ids == tuple(bodies)
    assert {name: type(fault) for name, fault in parsed.refused.items()} == dict.fromkeys("bef", EventNotUnderstood)


@pytest.mark.parametrize("body", ["[" * 200_000, None, 7], ids=["deep", "none", "number"])
def test_a_body_that_is_no_json_is_refused(body: object) -> None:
    event = {"Records": [{"eventSource": "aws:sqs", "messageId": "a", "body": body}]}

    assert isinstance(parse(event, RUN, landing).refused["a"], EventNotUnderstood)


def test_a_missing_setting_refuses_messages_one_by_one() -> None:
    parsed = parse({"Records": [message("a", NOTICE), message("b", "{")]}, RUN, not_configured)

    assert [type(parsed.refused[name]) for name in "ab"] == [ConfigurationError, EventNotUnderstood]


@pytest.mark.parametrize("event", [None, [], "text", {}, {"sweep": "yes"}, {"Records": []}, {"objects": []}], ids=str)
def test_an_event_of_another_form_is_not_understood(event: object) -> None:
    with pytest.raises(EventNotUnderstood, match="Nothing was loaded"):
        parse(event, RUN, landing)
