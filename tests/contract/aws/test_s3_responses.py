"""No refusal, proxy's page or half answer of S3 counts as a listing, an upload or a deletion."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
from boto3.session import Session
from botocore.config import Config

from shelfgate.clients.docs_bucket import sync_pages
from shelfgate.clients.landing_bucket import DroppedObject, dropped_objects
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable
from tests.contract.answering import PAGE, Answer, Scripted, answering

Listed = Callable[..., list[DroppedObject]]
BUCKET, PREFIX = "landing", "inbound/inventory/"
HEAD = f"<Name>{BUCKET}</Name><Prefix>{PREFIX}</Prefix>"
VERSION = (
    "<Version><Key>inbound/inventory/2001-12-30.csv</Key><VersionId>v1</VersionId><IsLatest>true</IsLatest>"
    '<LastModified>2002-01-03T00:00:00.000Z</LastModified><ETag>"e1"</ETag><Size>17</Size></Version>'
)
MARKER = (
    "<DeleteMarker><Key>inbound/inventory/x.csv</Key><VersionId>v2</VersionId><IsLatest>true</IsLatest></DeleteMarker>"
)


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with answering() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def client(server: Scripted) -> Any:
    return boto3.client(
        "s3",
        endpoint_url=server.address,
        region_name="us-east-1",
        aws_access_key_id="t",
        aws_secret_access_key="t",
        config=Config(retries={"total_max_attempts": 1}),
    )


@pytest.fixture
def listed(server: Scripted, client: Any) -> Listed:
    def ask(*answers: Answer) -> list[DroppedObject]:
        server.says(*answers)
        return dropped_objects(BUCKET, PREFIX, client)

    return ask


def versions(inside: str = VERSION, *, truncated: str = "false", more: str = "", content_type: str = "") -> Answer:
    body = f"<ListVersionsResult>{HEAD}<IsTruncated>{truncated}</IsTruncated>{more}{inside}</ListVersionsResult>"
    return Answer(f"<?xml version='1.0'?>{body}", content_type=content_type or "application/xml")


def test_a_listing_that_is_one_is_read(listed: Listed) -> None:
    page_two = VERSION.replace("v1", "v0").replace("2001-12-30", "2002-01-06")
    following = (
        "<NextKeyMarker>inbound/inventory/2001-12-30.csv</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>"
    )

    found = listed(versions(truncated="true", more=following), versions(page_two + MARKER))

    assert [(one.version_id, one.bytes, one.etag) for one in found] == [("v1", 17, "e1"), ("v0", 17, "e1")]
    assert listed(versions("")) == []


NO_LISTING = {
    "a page": Answer(PAGE),
    "a page called XML": Answer(PAGE, content_type="application/xml"),
    "nothing": Answer("", content_type=None),
    "no content": Answer("", status=204, content_type=None),
    "JSON": Answer("{}", content_type="application/json"),
    "another operation's": Answer(f"<ListBucketResult>{HEAD}</ListBucketResult>", content_type="application/xml"),
    "no end named": Answer(f"<ListVersionsResult>{HEAD}{VERSION}</ListVersionsResult>", content_type="text/xml"),
    "no XML by its type": versions(content_type="text/html"),
    "torn": versions(VERSION[:40]),
    "a version twice": versions(VERSION + VERSION),
    "truncated without a next page": versions(truncated="true"),
    "no version id": versions(VERSION.replace("<VersionId>v1</VersionId>", "")),
    "an empty version id": versions(VERSION.replace("<VersionId>v1</VersionId>", "<VersionId/>")),
    "no time": versions(VERSION.replace("2002-01-03T00:00:00.000Z", "yesterday")),
    "no ETag": versions(VERSION.replace('<ETag>"e1"</ETag>', "")),
    "no size": versions(VERSION.replace(">17<", ">many<")),
    "a negative size": versions(VERSION.replace(">17<", ">-1<")),
    "a key elsewhere": versions(VERSION.replace("inbound/inventory", "elsewhere")),
    "half a delete marker": versions(MARKER.replace("<IsLatest>true</IsLatest>", "")),
    "another prefix": Answer(versions().body.replace(f"<Prefix>{PREFIX}", "<Prefix>other/"), content_type="text/xml"),
    "a redirection": Answer(PAGE, status=302, headers={"location": "/sign-in"}),
    "a page with 403": Answer(PAGE, status=403),
    "a page with 407": Answer(PAGE, status=407),
    "a page with 503": Answer(PAGE, status=503),
}


@pytest.mark.parametrize("answer", NO_LISTING.values(), ids=NO_LISTING.keys())
def test_what_is_no_listing_is_no_empty_bucket(listed: Listed, answer: Answer) -> None:
    with pytest.raises(ExternalServiceUnavailable, match=rf"S3: .*listing {BUCKET}/{PREFIX}") as raised:
        listed(answer)

    assert "Sign in" not in str(raised.value)


def test_a_page_told_twice_by_a_cache_is_no_listing(listed: Listed) -> None:
    def page(following: str) -> Answer:
        more = f"<NextKeyMarker>{following}</NextKeyMarker><NextVersionIdMarker>v1</NextVersionIdMarker>"
        return versions(truncated="true", more=more)

    with pytest.raises(ExternalServiceUnavailable, match="twice"):
        listed(page("a"), page("b"), versions(""))


@pytest.mark.parametrize("code", ["AccessDenied", "NoSuchBucket", "InvalidAccessKeyId", "PermanentRedirect"])
def test_a_refusal_of_s3_itself_names_what_to_set(listed: Listed, code: str) -> None:
    answer = Answer(f"<Error><Code>{code}</Code><Message>m</Message></Error>", 403, "application/xml")

    with pytest.raises(ConfigurationError, match=f"{code} .*SHELFGATE_S3_BUCKET"):
        listed(answer)


def test_missing_credentials_are_no_outage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    without = Session().client("s3", region_name="us-east-1", endpoint_url="http://127.0.0.1:1")

    with pytest.raises(ConfigurationError, match="NoCredentialsError"):
        dropped_objects(BUCKET, PREFIX, without)


def test_pages_are_not_called_uploaded_on_a_proxys_word(docs_bucket: Any, tmp_path: Path) -> None:
    (tmp_path / "index.html").write_text("index")

    for operation in ("put_object", "list_objects_v2"):
        with pytest.raises(ExternalServiceUnavailable, match="syncing pages"):
            sync_pages(tmp_path, "docs", "data-docs/", 30, _Half(docs_bucket, operation, lambda _: {}))


def test_pages_are_not_called_deleted_when_s3_refuses_some(docs_bucket: Any, tmp_path: Path) -> None:
    for day in (1, 2):
        page = tmp_path / f"validations/landing/inventory/run-{day}/2002120{day}T060000.000000Z/page.html"
        page.parent.mkdir(parents=True)
        page.write_text("page")
    sync_pages(tmp_path, "docs", "data-docs/", 30, docs_bucket)
    (tmp_path / "validations/landing/inventory/run-1").rename(tmp_path / ".pruned")

    def refused(asked: Any) -> Any:
        keys = [one["Key"] for one in asked["Delete"]["Objects"]]
        return {"Errors": [{"Key": key, "Code": "AccessDenied", "Message": "m"} for key in keys]}

    with pytest.raises(ConfigurationError, match="AccessDenied"):
        sync_pages(tmp_path, "docs", "data-docs/", 1, _Half(docs_bucket, "delete_objects", refused))
    with pytest.raises(ExternalServiceUnavailable, match="syncing pages"):
        sync_pages(tmp_path, "docs", "data-docs/", 1, _Half(docs_bucket, "delete_objects", lambda _: {}))


class _Half:
    """A real client, one operation of which answers otherwise: moto refuses no single key."""

    def __init__(self, client: Any, operation: str, answer: Callable[[Any], Any]) -> None:
        self._client, self._operation, self._answer = client, operation, answer

    def __getattr__(self, name: str) -> Any:
        if name == self._operation:
            return lambda **asked: self._answer(asked)
        if name == "get_paginator" and self._operation == "list_objects_v2":
            return lambda _: self
        return getattr(self._client, name)

    def paginate(self, **asked: Any) -> list[Any]:
        return [self._answer(asked)]
