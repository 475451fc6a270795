"""One authenticated conversation with Airbyte's public API; refuses to say what it cannot know: whether a request that
got no answer was carried out.

Access tokens live 15 minutes or less, a sync may take longer: the session gets new ones as it goes.
"""

from __future__ import annotations

import time
import weakref
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from shelfgate.clients.addresses import of_url
from shelfgate.errors import ConfigurationError, PermanentFailure
from shelfgate.failpoints import outside_call

if TYPE_CHECKING:
    import httpx

# The server itself waits up to 60 s for the id of a new job, and for the end of a cancelled one.
SLOW_CALL_SECONDS = 90.0
TOKEN_MARGIN_SECONDS = 60.0
CLOUD_API, CLOUD_WEB = "api.airbyte.com", "https://cloud.airbyte.com"


class Unanswered(Exception):
    """No answer, or one that does not say whether the request was carried out."""

    def __init__(self, seen: str, pause_seconds: float = 0.0) -> None:
        super().__init__(seen)
        self.pause_seconds = pause_seconds


class Conflict(PermanentFailure):
    """409: not in the present state of the resource."""


class AirbyteSession:
    """Holds the credentials; no message of its errors does."""

    def __init__(
        self,
        base_url: str,
        client_id: str,
        client_secret: str,
        *,
        timeout_seconds: float = 30.0,
        slow_call_seconds: float = SLOW_CALL_SECONDS,
        clock: Callable[[], float] = time.monotonic,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        import httpx

        parts = urlsplit(base_url)
        if not parts.hostname or parts.scheme not in ("http", "https"):
            raise ConfigurationError("SHELFGATE_AIRBYTE_URL is not of the form http(s)://HOST/PATH.")
        self.name = f"Airbyte at {of_url(base_url)}"
        # Where people look at it: on a server of one's own the interface has the API's own address.
        self.web = CLOUD_WEB if parts.hostname == CLOUD_API else f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        self._credentials = {"client_id": client_id, "client_secret": client_secret, "grant-type": "client_credentials"}
        self._http = httpx.Client(base_url=base_url, timeout=timeout_seconds, transport=transport)
        weakref.finalize(self, self._http.close)
        self._timeout_seconds = timeout_seconds
        self._slow_call_seconds = slow_call_seconds
        self._clock = clock
        self._token = ""
        self._token_good_until = float("-inf")

    def send(self, method: str, path: str, what: str, *, until: float = float("inf"), **request: Any) -> Any:
        """One request, and one more with a new token if the first is not accepted; the JSON of the answer.

        Neither waits beyond `until`, a time of the session's clock.

        Raises:
            Unanswered: no connection, a time-out, 408, 429, 5xx, or something that is not JSON.
            Conflict: 409.
            ConfigurationError: credentials, id or path are not accepted, or the address only leads to another.
            PermanentFailure: refused for another reason.
        """
        longest = self._timeout_seconds if method == "GET" else self._slow_call_seconds
        for fresh in (False, True):
            headers = {"Authorization": f"Bearer {self._bearer(fresh, until)}"}
            response = self._call(method, path, longest, until, headers=headers, **request)
            if response.status_code != 401:
                return self._judged(response, what)
        raise ConfigurationError(f"{self.name}, {what}: a new access token was not accepted (401).")

    def _bearer(self, fresh: bool, until: float) -> str:
        if fresh or self._clock() >= self._token_good_until:
            response = self._call("POST", "applications/token", self._timeout_seconds, until, json=self._credentials)
            if response.status_code in (400, 401, 403):
                raise ConfigurationError(
                    f"{self.name} does not accept the client id and secret ({response.status_code}). Check "
                    "SHELFGATE_AIRBYTE_CLIENT_ID and SHELFGATE_AIRBYTE_CLIENT_SECRET."
                )
            self._token, life = _token_and_life(self._judged(response, "access token"))
            # A server may be set to tokens that live a minute: use those for half of it.
            self._token_good_until = self._clock() + max(life - TOKEN_MARGIN_SECONDS, life / 2)
        return self._token

    @outside_call("airbyte")
    def _call(self, method: str, path: str, longest: float, until: float, **request: Any) -> httpx.Response:
        import httpx

        timeout = min(longest, until - self._clock())
        if timeout <= 0:
            raise Unanswered("no time left to ask")
        try:
            return self._http.request(method, path, timeout=timeout, **request)
        except httpx.TransportError as error:
            raise Unanswered(type(error).__name__) from None

    def _judged(self, response: httpx.Response, what: str) -> Any:
        status = response.status_code
        if response.is_success:
            return _json_of(response)
        if response.is_redirect:
            raise ConfigurationError(
                f"{self.name}, {what}: observed {status}, which leads to {_host_of(response)}; expected an answer. A "
                "redirection is not followed, it would carry the credentials elsewhere: set SHELFGATE_AIRBYTE_URL to "
                "the address that answers itself (http or https, no sign-in page before it)."
            )
        seen = f"{status} {_told(response)}"
        if status == 409:
            raise Conflict(f"{self.name}, {what}: {seen}")
        if status in (408, 429) or status >= 500:
            raise Unanswered(seen, _retry_after(response))
        if status in (403, 404):
            raise ConfigurationError(
                f"{self.name}, {what}: {seen}. Either there is none, or this application may not see it, or "
                "SHELFGATE_AIRBYTE_URL lacks its path (/v1, /api/public/v1)."
            )
        raise PermanentFailure(f"{self.name}, {what}: {seen}.")


def _json_of(response: httpx.Response) -> Any:
    kind = response.headers.get("content-type", "")
    if kind and "json" not in kind:
        raise Unanswered(f"{response.status_code} with {kind.partition(';')[0]} instead of JSON")
    try:
        return response.json()
    except ValueError:
        raise Unanswered(f"{response.status_code} without JSON") from None


def _token_and_life(answer: Any) -> tuple[str, float]:
    token, life = (answer.get("access_token"), answer.get("expires_in")) if isinstance(answer, dict) else (None, None)
    if not isinstance(token, str) or not token:
        raise Unanswered("a token answer without access_token")
    if isinstance(life, bool) or not isinstance(life, int | float) or not 0 < life < float("inf"):
        raise Unanswered("a token answer without the seconds in expires_in")
    return token, float(life)


def _host_of(response: httpx.Response) -> str:
    """Where a redirection leads, without its path and query: those may carry a session."""
    return urlsplit(response.headers.get("location", "")).hostname or "another path"


def _told(response: httpx.Response) -> str:
    """What a problem answer says, in at most 200 characters; of any other, such as a proxy's page, its reason."""
    try:
        problem = response.json()
        return str((problem.get("data") or {}).get("message") or problem.get("title") or problem["message"])[:200]
    except (AttributeError, KeyError, TypeError, ValueError):
        return response.reason_phrase


def _retry_after(response: httpx.Response) -> float:
    """In seconds; 0 if the server does not say. It may say a number of seconds or a date, by its own clock."""
    told = response.headers.get("retry-after", "").strip()
    if told.isascii() and told.isdigit():
        return float(told)
    try:
        now = parsedate_to_datetime(response.headers.get("date") or format_datetime(datetime.now(UTC)))
        return max(0.0, (parsedate_to_datetime(told) - now).total_seconds())
    except (TypeError, ValueError):
        return 0.0
