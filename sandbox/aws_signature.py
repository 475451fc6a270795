"""Whether a request to a stand-in of AWS was signed with the keys of this home (Signature Version 4, in its header).

As AWS does, and by botocore's own rules of signing. Left out: signatures in the query (presigned URLs), and whether a
body is the one whose digest was signed.
"""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

# AWS refuses a request whose clock is off by more.
MOST_SKEW = timedelta(minutes=15)
_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 Credential=(?P<key>[^/,]+)/(?P<day>\d{8})/(?P<region>[^/,]+)/(?P<service>[^/,]+)/aws4_request, ?"
    r"SignedHeaders=(?P<signed>[^,]+), ?Signature=(?P<signature>[0-9a-f]{64})"
)


@dataclass(frozen=True)
class AwsKeys:
    """What callers sign with."""

    access_key_id: str
    secret_access_key: str


@dataclass(frozen=True)
class SignedRequest:
    """A request as it came: `target` is path and query, undecoded; the names of `headers` are in lower case.

    `body` is looked at only where no header tells its digest.
    """

    method: str
    target: str
    headers: Mapping[str, str]
    body: bytes = b""


def refusal(request: SignedRequest, keys: AwsKeys, service: str) -> str | None:
    """Why the request is refused, in AWS's words; None if it is signed with these keys."""
    given = _AUTHORIZATION.fullmatch(request.headers.get("authorization", ""))
    if given is None:
        return "MissingAuthenticationToken"
    if not hmac.compare_digest(given["key"].encode(), keys.access_key_id.encode()):
        return "InvalidAccessKeyId"
    if not _is_fresh(request.headers.get("x-amz-date", "")):
        return "RequestTimeTooSkewed"
    names = given["signed"].split(";")
    if given["service"] != service or "host" not in names or any(name not in request.headers for name in names):
        return "SignatureDoesNotMatch"
    expected = _signature(request, names, keys, service, given["region"])
    return None if hmac.compare_digest(given["signature"], expected) else "SignatureDoesNotMatch"


def _signature(request: SignedRequest, names: list[str], keys: AwsKeys, service: str, region: str) -> str:
    from botocore.auth import S3SigV4Auth, SigV4Auth
    from botocore.awsrequest import AWSRequest
    from botocore.credentials import Credentials

    signer = (S3SigV4Auth if service == "s3" else SigV4Auth)(
        Credentials(keys.access_key_id, keys.secret_access_key), service, region
    )
    again = AWSRequest(
        request.method,
        f"http://{request.headers['host']}{request.target}",
        headers={name: request.headers[name] for name in names},
        data=request.body,
    )
    again.context["timestamp"] = request.headers["x-amz-date"]
    return str(signer.signature(signer.string_to_sign(again, signer.canonical_request(again)), again))


def _is_fresh(moment: str) -> bool:
    try:
        sent = datetime.strptime(moment, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)
    except ValueError:
        return False
    return abs(datetime.now(UTC) - sent) <= MOST_SKEW
