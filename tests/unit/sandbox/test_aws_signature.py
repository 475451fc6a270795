"""The stand-ins of AWS take what AWS's own client has signed with this home's keys, and nothing else."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from botocore.auth import S3SigV4Auth, SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from sandbox.aws_signature import AwsKeys, SignedRequest, refusal

KEYS = AwsKeys("AKIAOFTHEHOME", "secret/of+the=home")
TARGETS = ["/", "/bucket/a%20b%2Bc/%C3%A4.csv?list-type=2&prefix=inbound%2F", "/2015-03-31/functions/arn%3Aaws%3Ax"]


def signed(service: str, target: str, keys: AwsKeys = KEYS, body: bytes = b"{}") -> SignedRequest:
    request = AWSRequest("POST", f"http://127.0.0.1:4566{target}", headers={"Host": "127.0.0.1:4566"}, data=body)
    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(
        Credentials(keys.access_key_id, keys.secret_access_key), service, "us-east-1"
    )
    signer.add_auth(request)
    headers = {name.lower(): value for name, value in request.headers.items()}
    return SignedRequest("POST", target, headers, body)


@pytest.mark.parametrize("service", ["s3", "lambda"])
@pytest.mark.parametrize("target", TARGETS)
def test_what_botocore_signs_is_taken(service: str, target: str) -> None:
    assert refusal(signed(service, target), KEYS, service) is None


def with_header(name: str, value: str) -> Callable[[SignedRequest], SignedRequest]:
    return lambda request: replace(request, headers={**request.headers, name: value})


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (with_header("authorization", ""), "MissingAuthenticationToken"),
        (with_header("authorization", "Basic YTpi"), "MissingAuthenticationToken"),
        (with_header("host", "evil.example:4566"), "SignatureDoesNotMatch"),
        (with_header("x-amz-date", f"{datetime.now(UTC) - timedelta(hours=1):%Y%m%dT%H%M%SZ}"), "RequestTimeTooSkewed"),
        (with_header("x-amz-date", "yesterday"), "RequestTimeTooSkewed"),
        (lambda request: replace(request, target="/other"), "SignatureDoesNotMatch"),
        (lambda request: replace(request, method="DELETE"), "SignatureDoesNotMatch"),
        (lambda request: replace(request, body=b'{"sweep": true}'), "SignatureDoesNotMatch"),
    ],
)
def test_a_request_that_was_changed_is_refused(change: Callable[[SignedRequest], SignedRequest], reason: str) -> None:
    assert refusal(change(signed("lambda", "/one")), KEYS, "lambda") == reason


def test_other_keys_and_another_service_are_refused() -> None:
    other_secret = AwsKeys(KEYS.access_key_id, "guessed")

    assert refusal(signed("s3", "/", AwsKeys("AKIASOMEBODY", "x")), KEYS, "s3") == "InvalidAccessKeyId"
    assert refusal(signed("s3", "/", other_secret), KEYS, "s3") == "SignatureDoesNotMatch"
    assert refusal(signed("lambda", "/"), KEYS, "s3") == "SignatureDoesNotMatch"
