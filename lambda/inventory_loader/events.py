"""Reads every form of event that the function is invoked with; the one way in.

An event of AWS is a hint: it may come twice, late, out of order or never. Size, ETag and time are asked of S3 itself.
Powertools' event classes are imported with the first event of S3, so that a direct invocation does not wait for them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum
from typing import Any
from urllib.parse import unquote_plus

from inventory_loader.errors import EventNotUnderstood, LoaderError
from inventory_loader.objects import LoadRequest, is_dump_by_name

MOST_OBJECTS = 20
"""In one request: with 2,000 snapshots each, the receipts are 4 MB, and Lambda replies with 6 MB at most."""


class Form(Enum):
    """The form of an event, which decides the form of the reply."""

    OBJECT = "a request for one object"
    OBJECTS = "a request for several objects"
    SWEEP = "a sweep: what it loads is known only once the bucket is listed"
    NOTIFICATION = "an event of S3"
    MESSAGES = "a batch of SQS messages"


@dataclass(frozen=True)
class LandingLocation:
    """Where dumps are looked for: what happens elsewhere is none of this function's business."""

    bucket: str
    prefix: str


@dataclass(frozen=True)
class ParsedEvent:
    """What an event asks for: requests in the order in which they are loaded; none if it is a sweep."""

    form: Form
    requests: tuple[LoadRequest, ...] = ()
    ignored: tuple[str, ...] = ()
    """For each record that asks for nothing the reason why."""
    message_ids: tuple[str, ...] = ()
    """All messages of a batch."""
    refused: Mapping[str, LoaderError] = field(default_factory=dict)
    """By message id, why a message was not understood: SQS delivers only this one again."""


def parse(event: object, run_id: str, landing: Callable[[], LandingLocation]) -> ParsedEvent:
    """Read an event; `run_id` names the run of what has no run of its own. `landing` is called for events of S3 only.

    Raises:
        EventNotUnderstood: it has none of the forms. A message of a batch that has none is `refused` instead.
    """
    if not isinstance(event, Mapping):
        raise EventNotUnderstood(f"event: a {type(event).__name__}; wanted an object. Nothing was loaded.")
    if "object_key" in event:
        return ParsedEvent(Form.OBJECT, (LoadRequest.from_event(event),))
    if "objects" in event:
        return ParsedEvent(Form.OBJECTS, _objects(event))
    if _is_sweep(event):
        return ParsedEvent(Form.SWEEP)
    if _is_batch_of_messages(event):
        return _messages(event["Records"], run_id, landing)
    requests, ignored = _notification(event, run_id, landing())
    return ParsedEvent(Form.NOTIFICATION, requests, ignored)


def _objects(event: Mapping[str, Any]) -> tuple[LoadRequest, ...]:
    """Read `{"objects": [{"object_key", "version_id", "idempotency_key"}, ...], "run_id": str}`."""
    found = event["objects"]
    if not isinstance(found, list) or not 1 <= len(found) <= MOST_OBJECTS:
        seen = f"{len(found)} objects" if isinstance(found, list) else f"objects as a {type(found).__name__}"
        raise EventNotUnderstood(f"event: seen {seen}; wanted a list of 1 to {MOST_OBJECTS}. Nothing was loaded.")
    run_id = event.get("run_id")
    return tuple(
        LoadRequest.from_event({**each, "run_id": run_id} if isinstance(each, Mapping) else each) for each in found
    )


def _is_sweep(event: Mapping[str, Any]) -> bool:
    scheduled = (event.get("source"), event.get("detail-type")) == ("aws.events", "Scheduled Event")
    return scheduled or event.get("sweep") is True


def _is_batch_of_messages(event: Mapping[str, Any]) -> bool:
    records = event.get("Records")
    return (
        isinstance(records, list)
        and bool(records)
        and all(isinstance(record, Mapping) and record.get("eventSource") == "aws:sqs" for record in records)
    )


def _messages(records: list[Mapping[str, Any]], run_id: str, landing: Callable[[], LandingLocation]) -> ParsedEvent:
    requests: list[LoadRequest] = []
    ignored: list[str] = []
    refused: dict[str, LoaderError] = {}
    for record in records:
        message_id = record["messageId"]
        try:
            asked, reasons = _notification(_body(record), f"{run_id}/{message_id}", landing())
        except LoaderError as error:
            refused[message_id] = error
        else:
            requests += [replace(request, message_id=message_id) for request in asked]
            ignored += reasons
    ids = tuple(record["messageId"] for record in records)
    return ParsedEvent(Form.MESSAGES, tuple(requests), tuple(ignored), ids, refused)


def _body(record: Mapping[str, Any]) -> Mapping[str, Any]:
    try:
        body = json.loads(record["body"])
    except (KeyError, TypeError, ValueError, RecursionError):
        raise EventNotUnderstood("message: its body is not JSON; wanted an event of S3. Nothing was loaded.") from None
    if not isinstance(body, Mapping):
        raise EventNotUnderstood("message: its body is no object; wanted an event of S3. Nothing was loaded.")
    return body


def _notification(
    event: Mapping[str, Any], run_id: str, landing: LandingLocation
) -> tuple[tuple[LoadRequest, ...], tuple[str, ...]]:
    """Read an event of S3 or EventBridge, S3's own test event, or a message's request for one object."""
    if event.get("Event") == "s3:TestEvent":
        return (), ("s3:TestEvent",)
    try:
        if "detail-type" in event:
            found = [_of_eventbridge(event, landing, run_id)]
        elif "Records" in event:
            found = _of_s3(event, landing, run_id)
        else:
            found = [LoadRequest.from_event(event)]
    except (KeyError, TypeError, AttributeError) as error:
        raise EventNotUnderstood(
            f"event: {type(error).__name__} at {error}; wanted records of S3 or EventBridge. Nothing was loaded."
        ) from error
    return (
        tuple(replace(each, notified=True) for each in found if isinstance(each, LoadRequest)),
        tuple(each for each in found if isinstance(each, str)),
    )


def _of_s3(event: Mapping[str, Any], landing: LandingLocation, run_id: str) -> list[LoadRequest | str]:
    from aws_lambda_powertools.utilities.data_classes import S3Event

    if not event["Records"]:
        raise EventNotUnderstood("event: no record; wanted at least one. Nothing was loaded.")
    found: list[LoadRequest | str] = []
    for record in S3Event(dict(event)).records:
        if record.event_source != "aws:s3":
            raise EventNotUnderstood("event: a record that is not of S3; wanted aws:s3. Nothing was loaded.")
        # S3 encodes keys in notifications as in a form; once decoded, a `%2F` left over belongs to the name.
        key = unquote_plus(record.s3.get_object.key)
        found.append(
            _new_dump_or_reason(
                record.event_name.startswith("ObjectCreated:"),
                record.event_name,
                landing,
                record.s3.bucket.name,
                LoadRequest(key, record.s3.get_object.version_id, run_id),
            )
        )
    return found


def _of_eventbridge(event: Mapping[str, Any], landing: LandingLocation, run_id: str) -> LoadRequest | str:
    from aws_lambda_powertools.utilities.data_classes import S3EventBridgeNotificationEvent

    notice = S3EventBridgeNotificationEvent(dict(event))
    if notice.source != "aws.s3":
        raise EventNotUnderstood("event: an EventBridge event that is not of S3; wanted aws.s3. Nothing was loaded.")
    # EventBridge does not encode keys; Powertools' own `key` would decode a plus sign in a name.
    s3_object = notice.detail.object
    request = LoadRequest(s3_object["key"], s3_object.get("version-id"), run_id)
    created = notice.detail_type == "Object Created"
    return _new_dump_or_reason(
        created, notice.detail_type or "no detail-type", landing, notice.detail.bucket.name, request
    )


def _new_dump_or_reason(
    created: bool, what: str, landing: LandingLocation, bucket: str, request: LoadRequest
) -> LoadRequest | str:
    if not created:
        return f"{what}: not a new object"
    if bucket != landing.bucket:
        return f"{what}: another bucket"
    if not request.object_key.startswith(landing.prefix):
        return f"{what}: another folder of the bucket"
    if not is_dump_by_name(request.object_key):
        return f"{what}: {request.object_key} is no dump by its name"
    return request
