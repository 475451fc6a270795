"""AWS Lambda's invoke call over HTTP, in front of a function that really runs; refuses what AWS would refuse.

Shapes are those that botocore reads (service model lambda/2015-03-31). Left out: an `Event` is tried once (AWS: again
after one and two minutes), and every version but `$LATEST`.
"""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.aws_lambda.runtime import LambdaConfig, LambdaRuntime
from sandbox.aws_signature import AwsKeys, SignedRequest, refusal
from sandbox.loopback import FOR_THIS_MACHINE

__all__ = ["LambdaConfig", "lambda_app"]

log = logging.getLogger(__name__)

_LIMIT_BYTES = {"RequestResponse": 6 * 1024 * 1024, "Event": 1024 * 1024}
_FUNCTION = "/2015-03-31/functions/{name:path}"


class InvokeRefused(Exception):
    """An answer in the form of an AWS error."""

    def __init__(self, status: HTTPStatus, error_type: str, message: str) -> None:
        self.status = status
        self.error_type = error_type
        self.message = message


def lambda_app(config: LambdaConfig, keys: AwsKeys) -> Starlette:
    """The stand-in as an application; its lifespan ends the function's process. `keys`: what callers sign with."""
    api = _LambdaServer(config, keys)

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        await run_in_threadpool(api.close)

    return Starlette(
        routes=[
            Route(f"{_FUNCTION}/invocations", api.invoke, methods=["POST"]),
            Route(_FUNCTION, api.describe, methods=["GET"]),
        ],
        lifespan=lifespan,
        middleware=[FOR_THIS_MACHINE],
        exception_handlers={InvokeRefused: _as_aws_error},
    )


class _LambdaServer:
    def __init__(self, config: LambdaConfig, keys: AwsKeys) -> None:
        self._config = config
        self._keys = keys
        self._runtime = LambdaRuntime(config)
        self._later = ThreadPoolExecutor(max_workers=1)

    async def invoke(self, request: Request) -> Response:
        await self._check_signature(request)
        self._check_name(request.path_params["name"])
        kind = request.headers.get("x-amz-invocation-type", "RequestResponse")
        if kind == "DryRun":
            return Response(status_code=HTTPStatus.NO_CONTENT)
        if kind not in _LIMIT_BYTES:
            raise InvokeRefused(
                HTTPStatus.BAD_REQUEST, "InvalidParameterValueException", f"Unknown invocation type {kind}."
            )
        payload = _checked(await request.body(), _LIMIT_BYTES[kind])
        if kind == "Event":
            self._later.submit(self._run_alone, payload)
            return Response(status_code=HTTPStatus.ACCEPTED)
        outcome = await run_in_threadpool(self._runtime.invoke, payload)
        headers = {"X-Amz-Executed-Version": "$LATEST", "X-Amzn-RequestId": outcome.request_id}
        if outcome.failed:
            headers["X-Amz-Function-Error"] = "Unhandled"
        if request.headers.get("x-amz-log-type") == "Tail":
            headers["X-Amz-Log-Result"] = base64.b64encode(outcome.log_tail).decode()
        return Response(outcome.payload, headers=headers, media_type="application/json")

    async def describe(self, request: Request) -> Response:
        await self._check_signature(request)
        self._check_name(request.path_params["name"])
        configuration = {
            "FunctionName": self._config.function_name,
            "FunctionArn": self._config.arn,
            "Handler": self._config.handler,
            "Timeout": int(self._config.timeout_seconds),
            "MemorySize": self._config.memory_mb,
            "Version": "$LATEST",
            "State": "Active",
            "LastUpdateStatus": "Successful",
            "PackageType": "Zip",
        }
        return JSONResponse({"Configuration": configuration, "Code": {}, "Tags": {}})

    def close(self) -> None:
        self._later.shutdown(wait=False, cancel_futures=True)
        self._runtime.close()

    async def _check_signature(self, request: Request) -> None:
        raw = request.scope["raw_path"] + (b"?" + query if (query := request.scope["query_string"]) else b"")
        signed = SignedRequest(request.method, raw.decode("latin-1"), request.headers, await request.body())
        if (reason := refusal(signed, self._keys, service="lambda")) is not None:
            raise InvokeRefused(HTTPStatus.FORBIDDEN, reason, "Sign the request with this home's keys (settings.env).")

    def _check_name(self, name: str) -> None:
        """A function is called by its name or its ARN, with or without the one version that there is."""
        known = (self._config.function_name, self._config.arn)
        if name.removesuffix(":$LATEST") not in known:
            raise InvokeRefused(
                HTTPStatus.NOT_FOUND,
                "ResourceNotFoundException",
                f"Function not found: {self._config.arn.rpartition(':')[0]}:{name}",
            )

    def _run_alone(self, payload: bytes) -> None:
        outcome = self._runtime.invoke(payload)
        if outcome.failed:
            log.error("event %s failed: %s", outcome.request_id, outcome.payload.decode(errors="replace"))


def _checked(body: bytes, limit: int) -> bytes:
    if len(body) > limit:
        message = f"Request must be smaller than {limit} bytes for the InvokeFunction operation"
        raise InvokeRefused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "RequestTooLargeException", message)
    try:
        json.loads(body or b"{}")
    except ValueError as error:
        message = f"Could not parse request body into json: {error}"
        raise InvokeRefused(HTTPStatus.BAD_REQUEST, "InvalidRequestContentException", message) from None
    return body or b"{}"


async def _as_aws_error(_: Request, refused: Exception) -> Response:
    if not isinstance(refused, InvokeRefused):
        raise refused
    return JSONResponse(
        {"Type": "User", "Message": refused.message}, refused.status, {"X-Amzn-ErrorType": refused.error_type}
    )
