"""What is no answer of S3, whatever its status, is no dump and no empty listing: the loader says so and asks again."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any, ClassVar

import pytest
from inventory_loader.errors import StoreUnavailable
from inventory_loader.handler import handler

from tests.contract.inventory.inventory_landing import PREFIX, Context, House

NAMESPACE = 'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
OPEN = f"<ListVersionsResult {NAMESPACE}>"
LISTING = f"<Name>landing</Name><Prefix>{PREFIX}</Prefix><MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>"
ANSWERS = {
    "HTML that is XML, too": "<html><body><h1>Sign in, Zoe</h1></body></html>",
    "HTML that is none": "<!DOCTYPE html><html><body><br>Sign in, Zoe</body>",
    "JSON": '{"message": "Sign in, Zoe"}',
    "nothing": "",
    "a listing of another kind": f"{OPEN}</ListVersionsResult>",
    "a listing of another prefix": f"{OPEN}{LISTING.replace(PREFIX, 'x/')}</ListVersionsResult>",
    "a version without a time": f"{OPEN}{LISTING}<Version><Key>{PREFIX}1998-01-02.csv</Key>"
    "<VersionId>v</VersionId><Size>1</Size><ETag>e</ETag></Version></ListVersionsResult>",
    "a version without a key": f"{OPEN}{LISTING}<Version><VersionId>v</VersionId><Size>1</Size>"
    "<ETag>e</ETag><LastModified>2026-01-01T00:00:00Z</LastModified></Version></ListVersionsResult>",
    "a marker without a key": f"{OPEN}{LISTING}<DeleteMarker><IsLatest>true</IsLatest>"
    "</DeleteMarker></ListVersionsResult>",
}


class Proxy(BaseHTTPRequestHandler):
    """Answers with 200 and the same body, whatever is asked."""

    body: ClassVar[bytes] = b""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(self.body)))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(self.body)

    do_HEAD = do_GET  # noqa: N815  (the name that http.server calls)

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  (the name that http.server gives it)
        """Say nothing."""


@pytest.fixture
def behind(house: House, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Puts the proxy between the loader and S3, with a body to answer with."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Proxy)
    Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", f"http://127.0.0.1:{server.server_port}")
    yield lambda body: monkeypatch.setattr(Proxy, "body", body.encode())
    server.shutdown()
    server.server_close()


def announcement(house: House) -> dict[str, Any]:
    detail = {"bucket": {"name": house.bucket}, "object": {"key": f"{PREFIX}1998-01-02.csv"}}
    return {"detail-type": "Object Created", "source": "aws.s3", "detail": detail}


@pytest.mark.parametrize("body", ANSWERS.values(), ids=ANSWERS)
def test_what_is_no_answer_of_s3_is_an_error_to_try_again(
    house: House, behind: Callable[[str], None], body: str
) -> None:
    behind(body)
    asked: list[Callable[[], Any]] = [
        lambda: handler({"sweep": True}, Context()),
        lambda: house.load("1998-01-02.csv"),
        lambda: house.load("1998-01-02.csv", "v1"),
        lambda: handler(announcement(house), Context()),
    ]
    for ask in asked:
        with pytest.raises(StoreUnavailable, match="Nothing was loaded; invoke again") as told:
            ask()
        assert "Zoe" not in str(told.value)
    assert house.all_of_it() == [[], [], []]


def test_an_empty_folder_is_an_answer(house: House) -> None:
    assert handler({"sweep": True}, Context())["listed"] == 0
