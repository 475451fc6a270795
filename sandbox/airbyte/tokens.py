"""The stand-in's access tokens; refuses a wrong secret without telling how wrong it is."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable

from starlette.requests import Request

from sandbox.airbyte.response_shapes import Problem


class Tokens:
    """Access tokens, in memory: after a restart every client has to ask again, as after an expiry."""

    def __init__(self, client_id: str, client_secret: str, ttl_seconds: int, clock: Callable[[], float]) -> None:
        self._client_id, self._client_secret = client_id.encode(), client_secret.encode()
        self._ttl_seconds = ttl_seconds
        self._clock = clock
        self._valid_until: dict[str, float] = {}

    def issue(self, client_id: str, client_secret: str) -> str | None:
        """A new token; None for somebody unknown."""
        known = hmac.compare_digest(client_id.encode(), self._client_id)
        proven = hmac.compare_digest(client_secret.encode(), self._client_secret)
        if not (known and proven):
            return None
        now = self._clock()
        self._valid_until = {token: until for token, until in self._valid_until.items() if until > now}
        token = secrets.token_urlsafe(32)
        self._valid_until[token] = now + self._ttl_seconds
        return token

    def check(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or self._valid_until.get(token, 0.0) <= self._clock():
            raise Problem("invalid-api-key", "Ask for an access token at /applications/token.")
