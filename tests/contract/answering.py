"""A server that gives one scripted answer to whatever it is asked: a proxy's page, a cache, a half answer."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from tests.contract.serving import served

PAGE = "<html><body><h1>Sign in</h1></body></html>"
"""Well-formed XML, as many sign-in pages are: a parser of XML takes it for an answer without a field."""


@dataclass
class Answer:
    """What the server says; `content_type` None for an answer without one."""

    body: str = PAGE
    status: int = 200
    content_type: str | None = "text/html"
    headers: dict[str, str] = field(default_factory=dict)


@dataclass
class Scripted:
    """The server's address, and what it says: the answers in turn, and the last of them from then on."""

    address: str = ""
    answers: list[Answer] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def says(self, *answers: Answer) -> None:
        self.answers, self.asked = list(answers), []


@contextmanager
def answering() -> Iterator[Scripted]:
    """A server; tell it what to say."""
    scripted = Scripted()

    async def app(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "lifespan":
            await _lifespan(receive, send)
            return
        while (await receive()).get("more_body"):
            pass
        scripted.asked.append(f"{scope['method']} {scope['path']}")
        answer = scripted.answers.pop(0) if len(scripted.answers) > 1 else scripted.answers[0]
        silent = scope["method"] == "HEAD" or answer.status == 204
        named = {**answer.headers} | ({"content-type": answer.content_type} if answer.content_type else {})
        raw: Sequence[tuple[bytes, bytes]] = [(name.encode(), value.encode()) for name, value in named.items()]
        await send({"type": "http.response.start", "status": answer.status, "headers": raw})
        await send({"type": "http.response.body", "body": b"" if silent else answer.body.encode()})

    with served(app) as scripted.address:
        yield scripted


async def _lifespan(receive: Any, send: Any) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return
