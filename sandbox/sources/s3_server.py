"""Moto's S3 over HTTP for callers of this machine that hold this home's keys; moto's own server lets anybody in."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from sandbox.aws_signature import AwsKeys, SignedRequest, refusal
from sandbox.loopback import LOCAL_NAMES

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment


class S3Server:
    """Serves from a thread of this process, at a socket that listens already."""

    def __init__(self, listening: socket.socket, keys: AwsKeys) -> None:
        from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
        from werkzeug.serving import make_server

        host, port = listening.getsockname()
        app = Guarded(DomainDispatcherApplication(create_backend_app), keys)
        with listening:
            self._server = make_server(
                host, port, app, threaded=True, request_handler=MotoRequestHandler, fd=listening.fileno()
            )
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class Guarded:
    """A WSGI application behind AWS's signature; nothing of it is for web pages, whatever name they call it by."""

    def __init__(self, app: WSGIApplication, keys: AwsKeys) -> None:
        self._app = app
        self._keys = keys

    def __call__(self, environ: WSGIEnvironment, start_response: StartResponse) -> Iterable[bytes]:
        if (reason := self._refusal(environ)) is not None:
            body = f'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>{reason}</Code></Error>'.encode()
            start_response("403 Forbidden", [("Content-Type", "application/xml"), ("Content-Length", str(len(body)))])
            return [body]
        return self._app(environ, _without_cors(start_response))

    def _refusal(self, environ: WSGIEnvironment) -> str | None:
        # DNS rebinding: a page of some name that now leads to 127.0.0.1 sends that name.
        if environ.get("HTTP_HOST", "").rpartition(":")[0] not in LOCAL_NAMES:
            return "AccessDenied"
        headers = {
            name.removeprefix("HTTP_").replace("_", "-").lower(): value
            for name, value in environ.items()
            if name.startswith("HTTP_") or name in ("CONTENT_TYPE", "CONTENT_LENGTH")
        }
        # S3 wants the body's digest in a header; without it the body would have to be read here.
        if "x-amz-content-sha256" not in headers and "authorization" in headers:
            return "SignatureDoesNotMatch"
        return refusal(
            SignedRequest(environ["REQUEST_METHOD"], environ["REQUEST_URI"], headers), self._keys, service="s3"
        )


def _without_cors(start_response: StartResponse) -> Callable[..., Any]:
    """Moto tells browsers that every origin may read its answers."""

    def start(status: str, headers: list[tuple[str, str]], *more: Any) -> Any:
        kept = [(name, value) for name, value in headers if not name.lower().startswith("access-control-")]
        return start_response(status, kept, *more)

    return start
