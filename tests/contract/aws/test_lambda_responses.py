"""No refusal, proxy's page or half answer counts as the loader's reply, and no reply of another form as receipts."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import boto3
import pytest
from botocore.config import Config

from shelfgate.clients import lambda_api
from shelfgate.clients.lambda_response import ended
from shelfgate.clients.landing_bucket import DroppedObject
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, LoadFailed
from tests.contract.answering import PAGE, Answer, Scripted, answering

OF_LAMBDA = {"X-Amz-Executed-Version": "$LATEST"}


@pytest.fixture(scope="module")
def server() -> Iterator[Scripted]:
    with answering() as scripted:
        yield scripted


@pytest.fixture(scope="module")
def client(server: Scripted) -> Any:
    keys = {"aws_access_key_id": "t", "aws_secret_access_key": "t", "region_name": "us-east-1"}
    return boto3.client("lambda", endpoint_url=server.address, config=Config(retries={"total_max_attempts": 1}), **keys)


def reply(body: str = "{}", status: int = 200, content_type: str | None = "application/json", **named: str) -> Answer:
    return Answer(body, status, content_type, OF_LAMBDA | named)


NOT_OF_LAMBDA = {
    "a page": Answer(PAGE),
    "JSON of somebody else": Answer("{}", content_type="application/json"),
    "nothing": Answer("", content_type=None),
    "accepted, not run": reply("", 202, None),
    "a dry run": reply("", 204, None),
    "another status": reply("{}", 201),
    "no JSON by its type": reply("{}", 200, "text/html"),
    "a redirection": Answer(PAGE, 302, headers={"location": "/sign-in"}),
    "a page with 403": Answer(PAGE, 403),
    "a page with 407": Answer(PAGE, 407),
    "a page with 502": Answer(PAGE, 502),
}


@pytest.mark.parametrize("answer", NOT_OF_LAMBDA.values(), ids=NOT_OF_LAMBDA.keys())
def test_what_lambda_did_not_say_is_no_reply(server: Scripted, client: Any, answer: Answer) -> None:
    server.says(answer)

    with pytest.raises(ExternalServiceUnavailable, match=r"function loader: .*not called again") as raised:
        lambda_api.invoke("loader", {}, client=client)

    assert "Sign in" not in str(raised.value)
    assert [one for one in server.asked if one.startswith("POST")] == ["POST /2015-03-31/functions/loader/invocations"]


def test_a_torn_reply_of_lambda_is_a_failed_load(server: Scripted, client: Any) -> None:
    server.says(reply('{"receipts": ['))

    with pytest.raises(LoadFailed, match="not JSON"):
        lambda_api.invoke("loader", {}, client=client)


def test_a_refusal_of_lambda_itself_is_configuration(server: Scripted, client: Any) -> None:
    body = json.dumps({"Type": "User", "Message": "no"})
    server.says(Answer(body, 403, "application/json", {"x-amzn-ErrorType": "AccessDeniedException"}))

    with pytest.raises(ConfigurationError, match="AccessDeniedException"):
        lambda_api.invoke("loader", {}, client=client)


ONE = DroppedObject("inbound/inventory/a.csv", "v1", datetime(2002, 1, 3), 17, "e1")
TWO = DroppedObject("inbound/inventory/b.csv", "v2", datetime(2002, 1, 3), 17, "e2")


def receipt(**changed: Any) -> dict[str, Any]:
    return {"object_key": ONE.object_key, "version_id": "v1", "status": "loaded", "reason": None} | changed


def told(*receipts: Any, vanished: Any = (), left: Any = 0) -> dict[str, Any]:
    return {"receipts": list(receipts), "vanished": list(vanished), "left": left}


def test_receipts_are_given_back_in_the_order_of_the_dumps() -> None:
    gone = {"object_key": ONE.object_key, "version_id": "v1"}
    quarantined = receipt(object_key=TWO.object_key, version_id="v2", status="quarantined", reason="no rows")

    found = ended(told(quarantined, vanished=[gone]), [ONE, TWO])

    assert [(one.dropped, one.status, one.reason) for one in found] == [
        (ONE, "vanished", "gone since it was found"),
        (TWO, "quarantined", "no rows"),
    ]
    assert [one.dropped for one in ended(told(receipt(), left=1), [ONE, TWO])] == [ONE]


@pytest.mark.parametrize(
    "answer",
    [
        {},
        {"receipts": [receipt()]},
        {"receipts": {}, "vanished": [], "left": 0},
        told("loaded"),
        told(receipt(version_id=None)),
        told(receipt(object_key=7)),
        told({key: value for key, value in receipt().items() if key != "status"}),
        told(receipt(status="perhaps")),
        told(receipt(reason=["no"])),
        told(receipt(), receipt(status="quarantined")),
        told(receipt(), vanished=[{"object_key": ONE.object_key, "version_id": "v1"}]),
        told(vanished=[{"object_key": ONE.object_key}]),
        told(receipt(), left="0"),
        told(receipt(), left=True),
        told(receipt(), left=-1),
        told(receipt(), left=1),
        told(left=1),
        told(receipt(), receipt(object_key="inbound/inventory/other.csv")),
    ],
    ids=str,
)
def test_a_reply_that_does_not_account_for_the_dump_is_a_failed_load(answer: dict[str, Any]) -> None:
    with pytest.raises(LoadFailed, match=r"inventory load: .*expected"):
        ended(answer, [ONE])
