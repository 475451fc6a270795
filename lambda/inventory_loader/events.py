"""Reads which objects an event of AWS announces; refuses to believe anything else that it says about them.

An event is a hint: it may come twice, late, out of order or never. Size, ETag and time are asked of S3 itself.
Powertools' event classes are imported with the first event, so that a direct invocation does not wait for them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote_plus

from inventory_loader.errors import EventNotUnderstood
from inventory_loader.objects import Request, is_dump_by_name


@dataclass(frozen=True)
class LandingLocation:
    """Where dumps are looked for: what happens elsewhere is none of this function's business."""

    bucket: str
    prefix: str


@dataclass(frozen=True)
class Announced:
    """What an event asks for: objects to load, and for each record that asks for nothing the reason why."""

    requests: tuple[Request, ...]
    ignored: tuple[str, ...]


def announced(event: Mapping[str, Any], landing: LandingLocation, run_id: str) -> Announced:
    """Read an S3 notification, an EventBridge event of S3, S3's own test event, or a direct request.

    Raises:
        EventNotUnderstood: it has none of these forms.
    """
    if event.get("Event") == "s3:TestEvent":
        return Announced((), ("s3:TestEvent",))
    try:
        if "detail-type" in event:
            found = [_of_eventbridge(event, landing, run_id)]
        elif "Records" in event:
            found = _of_s3(event, landing, run_id)
        else:
            found = [Request.from_event(event)]
    except (KeyError, TypeError, AttributeError) as error:
        raise EventNotUnderstood(
            f"event: {type(error).__name__} at {error}; wanted records of S3 or EventBridge. Nothing was loaded."
        ) from error
    return Announced(
        tuple(each for each in found if isinstance(each, Request)),
        tuple(each for each in found if isinstance(each, str)),
    )


def _of_s3(event: Mapping[str, Any], landing: LandingLocation, run_id: str) -> list[Request | str]:
    from aws_lambda_powertools.utilities.data_classes import S3Event

    if not event["Records"]:
        raise EventNotUnderstood("event: no record; wanted at least one. Nothing was loaded.")
    found: list[Request | str] = []
    for record in S3Event(dict(event)).records:
        if record.event_source != "aws:s3":
            raise EventNotUnderstood("event: a record that is not of S3; wanted aws:s3. Nothing was loaded.")
        # S3 encodes keys in notifications as in a form; once decoded, a `%2F` left over belongs to the name.
        key = unquote_plus(record.s3.get_object.key)
        found.append(
            _about(
                record.event_name.startswith("ObjectCreated:"),
                record.event_name,
                landing,
                record.s3.bucket.name,
                Request(key, record.s3.get_object.version_id, run_id),
            )
        )
    return found


def _of_eventbridge(event: Mapping[str, Any], landing: LandingLocation, run_id: str) -> Request | str:
    from aws_lambda_powertools.utilities.data_classes import S3EventBridgeNotificationEvent

    seen = S3EventBridgeNotificationEvent(dict(event))
    if seen.source != "aws.s3":
        raise EventNotUnderstood("event: an EventBridge event that is not of S3; wanted aws.s3. Nothing was loaded.")
    # EventBridge does not encode keys; Powertools' own `key` would decode a plus sign in a name.
    thing = seen.detail.object
    request = Request(thing["key"], thing.get("version-id"), run_id)
    created = seen.detail_type == "Object Created"
    return _about(created, seen.detail_type or "no detail-type", landing, seen.detail.bucket.name, request)


def _about(created: bool, what: str, landing: LandingLocation, bucket: str, request: Request) -> Request | str:
    if not created:
        return f"{what}: not a new object"
    if bucket != landing.bucket:
        return f"{what}: another bucket"
    if not request.object_key.startswith(landing.prefix):
        return f"{what}: another folder of the bucket"
    if not is_dump_by_name(request.object_key):
        return f"{what}: {request.object_key} is no dump by its name"
    return request
