"""Serves one function process its events over AWS's Runtime API; refuses to serve a second process.

The request for the next event that a killed process left behind would swallow the event of its successor, so each
process gets a server, a port and a queue of its own. Protocol: AWS Lambda developer guide, "Using the Lambda runtime
API for custom runtimes".
"""

from __future__ import annotations

import json
import queue
import sys
import threading
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

# AWS: 6 MB and 100 bytes.
RESPONSE_LIMIT_BYTES = 6 * 1024 * 1024 + 100
_PREFIX = "/2018-06-01/runtime"


@dataclass(frozen=True)
class Event:
    request_id: str
    payload: bytes
    deadline_ms: int
    function_arn: str


@dataclass(frozen=True)
class FunctionResponse:
    """What came of an event. An answer that is `final` is the process's last: it ends itself, or has to be ended.

    `request_id` is None when no event was the cause: the handler could not be loaded.
    """

    request_id: str | None
    payload: bytes
    failed: bool
    final: bool = False


class RuntimeApi:
    """Its address goes to the process as AWS_LAMBDA_RUNTIME_API."""

    def __init__(self) -> None:
        self.answers: queue.Queue[FunctionResponse] = queue.Queue()
        self._events: queue.Queue[Event | None] = queue.Queue()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.api = self
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self._server.server_port}"

    def put(self, event: Event) -> None:
        self._events.put(event)

    def next(self) -> Event | None:
        """The next event; None once the server is closed."""
        return self._events.get()

    def close(self) -> None:
        self._events.put(None)
        self._server.shutdown()
        self._server.server_close()


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    api: RuntimeApi

    def handle_error(self, request: Any, client_address: Any) -> None:
        # A killed process resets its connection; what became of it is told by its exit.
        if not isinstance(sys.exception(), ConnectionError):
            super().handle_error(request, client_address)


class _Handler(BaseHTTPRequestHandler):
    server: _Server  # pyright: ignore[reportIncompatibleVariableOverride]
    protocol_version = "HTTP/1.1"
    # Without both, an answer goes out in two packets and waits 40 ms for an acknowledgement (88 ms a warm call).
    disable_nagle_algorithm = True
    wbufsize = -1

    def do_GET(self) -> None:
        if self.path != f"{_PREFIX}/invocation/next":
            self._reply(404, b"{}")
            return
        event = self.server.api.next()
        if event is None:
            self.close_connection = True
            return
        self._reply(
            200,
            event.payload,
            {
                "Lambda-Runtime-Aws-Request-Id": event.request_id,
                "Lambda-Runtime-Deadline-Ms": str(event.deadline_ms),
                "Lambda-Runtime-Invoked-Function-Arn": event.function_arn,
            },
        )

    def do_POST(self) -> None:
        payload = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        answers = self.server.api.answers
        if self.path == f"{_PREFIX}/init/error":
            answers.put(FunctionResponse(None, payload, failed=True, final=True))
            self._reply(202, b'{"status":"OK"}')
            return
        request_id, _, end = self.path.removeprefix(f"{_PREFIX}/invocation/").partition("/")
        if end not in ("response", "error"):
            self._reply(404, b"{}")
        elif end == "response" and len(payload) > RESPONSE_LIMIT_BYTES:
            answers.put(FunctionResponse(request_id, _too_large(), failed=True, final=True))
            self._reply(413, b'{"errorType":"RequestEntityTooLarge"}')
        else:
            answers.put(FunctionResponse(request_id, payload, failed=end == "error"))
            self._reply(202, b'{"status":"OK"}')

    def _reply(self, status: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", **(headers or {})}.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the base class names it so)
        """Say nothing: the function's own log is the record."""


def _too_large() -> bytes:
    message = f"Response payload size exceeded maximum allowed payload size ({RESPONSE_LIMIT_BYTES} bytes)."
    return json.dumps({"errorType": "Function.ResponseSizeTooLarge", "errorMessage": message}).encode()
