"""Calls a Lambda function and waits for its reply; refuses to call it twice.

boto3's defaults (60 s read timeout, five attempts) run a function that takes longer five times, and its client does not
raise when the function fails.
"""

from __future__ import annotations

import json
from typing import Any

from shelfgate.clients.addresses import of_aws_error
from shelfgate.clients.aws_session import aws_session
from shelfgate.errors import (
    ConfigurationError,
    DumpVanished,
    ExternalServiceUnavailable,
    LoadFailed,
    LoadInterrupted,
    ShelfgateError,
)
from shelfgate.failpoints import outside_call

# Lambda ends a function after 900 s at most.
READ_TIMEOUT_SECONDS = 910
_OUR_MISTAKES = frozenset(
    {
        "AccessDeniedException",
        "ExpiredTokenException",
        "InvalidSignatureException",
        "ResourceNotFoundException",
        "UnrecognizedClientException",
    }
)

# The classes of inventory_loader/errors.py, which Lambda reports as `errorType`. Any other is the end of this load.
_BY_ERROR_TYPE: dict[str, type[ShelfgateError]] = {
    "WarehouseBusy": LoadInterrupted,
    "WarehouseFailed": LoadInterrupted,
    "StoreUnavailable": LoadInterrupted,
    "ScratchSpaceFailed": LoadInterrupted,
    "StoreRefused": ConfigurationError,
    "ConfigurationError": ConfigurationError,
    "WarehouseNotInstalled": ConfigurationError,
    "ObjectVanished": DumpVanished,
}
_BETWEEN = (
    "Look for a proxy or a sign-in page between here and the endpoint (AWS_ENDPOINT_URL_LAMBDA). The function may be "
    "running; it was not called again, and calling it again later is safe."
)


@outside_call("lambda")
def invoke(
    function: str,
    payload: dict[str, Any],
    *,
    read_timeout_seconds: float = READ_TIMEOUT_SECONDS,
    client: Any | None = None,
) -> dict[str, Any]:
    """The function's reply. Endpoint, region and credentials are those that boto3 finds (AWS_ENDPOINT_URL_LAMBDA, ...),
    or those of `client`, which must be as patient as `patience` says.

    Raises:
        LoadInterrupted: the function failed by something that passes; calling it again is safe.
        DumpVanished: the object is not there (any more).
        LoadFailed: the function failed for good, was ended by Lambda, or replied with what is no JSON object.
        ConfigurationError: there is no such function, we may not call it, region or credentials are missing, or the
            function says that its own settings, rights or tables are.
        ExternalServiceUnavailable: Lambda did not answer, or something between did; the function may be running.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        response = (client or _client(read_timeout_seconds)).invoke(
            FunctionName=function, Payload=json.dumps(payload).encode()
        )
        reply = response["Payload"].read()
    except ClientError as error:
        raise _as_ours(function, error.response) from None
    except BotoCoreError as error:
        raise _as_unanswered(function, error) from None
    _check_of_lambda(function, response)
    if "FunctionError" in response:
        raise _as_reported(function, _parsed(reply))
    found = _parsed(reply)
    if not isinstance(found, dict):
        raise LoadFailed(f"function {function}: replied with {_shape(found)}; wanted a JSON object.")
    return found


def patience(read_timeout_seconds: float = READ_TIMEOUT_SECONDS) -> Any:
    """The configuration of a client that calls once and waits for the answer."""
    from botocore.config import Config

    return Config(
        connect_timeout=5, read_timeout=read_timeout_seconds, retries={"total_max_attempts": 1}, tcp_keepalive=True
    )


def _client(read_timeout_seconds: float) -> Any:
    return aws_session().client("lambda", config=patience(read_timeout_seconds))


def _check_of_lambda(function: str, response: Any) -> None:
    """A proxy's page has status 200, too; an invocation that was accepted and not awaited has 202."""
    status = response.get("StatusCode")
    kind = response["ResponseMetadata"]["HTTPHeaders"].get("content-type", "no content type")
    if status != 200 or "ExecutedVersion" not in response or "json" not in kind:
        raise ExternalServiceUnavailable(
            f"function {function}: observed HTTP {status}, {kind}; expected 200, JSON and the version that Lambda ran. "
            f"{_BETWEEN}"
        )


def _as_ours(function: str, response: Any) -> ShelfgateError:
    error = response.get("Error", {})
    status = response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0)
    if str(error.get("Code") or "0").isdigit():
        # botocore puts the status there when the body names no error of Lambda's.
        return ExternalServiceUnavailable(
            f"function {function}: HTTP {status} without an error of Lambda's. {_BETWEEN}"
        )
    seen = f"function {function}: {error.get('Code')}: {error.get('Message')}"
    if error.get("Code") in _OUR_MISTAKES:
        return ConfigurationError(f"{seen}. Check SHELFGATE_LAMBDA_FUNCTION, the region and the role.")
    if status == 429 or status >= 500:
        return ExternalServiceUnavailable(f"{seen}. It was not called again; run again later.")
    return LoadFailed(f"{seen}. It was not called again.")


def _as_unanswered(function: str, error: Exception) -> ShelfgateError:
    from botocore import exceptions

    if isinstance(error, exceptions.ConnectionError | exceptions.HTTPClientError):
        return ExternalServiceUnavailable(
            f"function {function}{of_aws_error(error)}: no answer ({type(error).__name__}). It may be running; it was "
            "not called again, and calling it again later is safe."
        )
    return ConfigurationError(f"function {function}: {error}.")


def _as_reported(function: str, found: Any) -> ShelfgateError:
    if not isinstance(found, dict):
        return LoadFailed(f"function {function}: failed without saying why. It was not called again.")
    kind = str(found.get("errorType", "error"))
    told = str(found.get("errorMessage", "no message")).removesuffix(".")
    return _BY_ERROR_TYPE.get(kind, LoadFailed)(f"function {function}: {kind}: {told}. It was not called again.")


def _parsed(reply: bytes) -> Any:
    try:
        return json.loads(reply)
    except ValueError:
        return None


def _shape(found: Any) -> str:
    return "something that is not JSON" if found is None else f"a JSON {type(found).__name__}"
