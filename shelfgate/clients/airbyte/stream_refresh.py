"""Has Airbyte read streams anew, so that rows deleted at the source go: the public API cannot, the Config API can.

Airbyte's public API refuses a refresh (422). Its interface asks the Config API, which a server of one's own offers to
its applications as well; Airbyte Cloud does not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

from shelfgate.clients.airbyte.http_session import AirbyteSession, Conflict, Unanswered
from shelfgate.clients.airbyte.responses import TERMINAL
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure, SyncFailed
from shelfgate.progress import Step, report

PUBLIC_PATH, CONFIG_PATH = "/api/public/v1", "/api/v1"
FIRST_POLL_SECONDS, LONGEST_PAUSE_SECONDS = 0.25, 30.0


class StreamRefresh:
    """A refresh of streams of one connection; rows that the source no longer has are removed (mode Truncate)."""

    def __init__(
        self,
        session: AirbyteSession,
        base_url: str,
        connection_id: str,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """`base_url`: the public API's, as in SHELFGATE_AIRBYTE_URL.

        Raises:
            ConfigurationError: Airbyte there offers no refresh to an application.
        """
        path = urlsplit(base_url).path.rstrip("/")
        if not path.endswith(PUBLIC_PATH):
            raise ConfigurationError(
                f"{session.name}: observed the path {path or '/'} in SHELFGATE_AIRBYTE_URL, expected {PUBLIC_PATH} of "
                "a server of your own. Airbyte Cloud offers a refresh in its interface only. Nothing was started: open "
                f"{session.web}, the connection, Status, and choose Refresh stream in the stream's menu."
            )
        self._session = session
        self._url = base_url.rstrip("/").removesuffix(PUBLIC_PATH) + CONFIG_PATH + "/connections/refresh"
        self._connection_id = connection_id
        self._sleep, self._clock = sleep, clock

    def start(self, streams: Sequence[str]) -> int:
        """Ask for the refresh; the job's number.

        Raises:
            ConfigurationError: the connection has no such stream.
            ExternalServiceUnavailable: a job runs, or Airbyte does not answer: then the refresh may have been started.
            PermanentFailure: Airbyte started none.
        """
        what = f"connection {self._connection_id}"
        wanted = {"connectionId": self._connection_id, "refreshMode": "Truncate", "streams": self._named(what, streams)}
        try:
            answer = self._session.send("POST", self._url, what, json=wanted)
        except Conflict as conflict:
            raise ExternalServiceUnavailable(
                f"{conflict}. No refresh was started: a job of this connection runs, or it is not active. Wait for the "
                "job's end, then ask again."
            ) from None
        except Unanswered as unanswered:
            raise ExternalServiceUnavailable(
                f"{self._session.name}, {what}: no usable answer to a refresh ({unanswered}). It may have been "
                f"started: look at {self._session.web} before you ask again."
            ) from None
        job = answer.get("job") if isinstance(answer, dict) else None
        if not isinstance(job, dict) or not isinstance(job.get("id"), int) or job.get("configType") != "refresh":
            raise PermanentFailure(
                f"{self._session.name}, {what}: observed an answer without a refresh job, expected one. Either a job "
                f"runs and the refresh comes with the next, or the destination knows none: look at {self._session.web}."
            )
        return job["id"]

    def streams(self) -> list[str]:
        """The names of the connection's streams.

        Raises:
            ExternalServiceUnavailable: Airbyte does not tell.
        """
        return sorted(self._spaces())

    def await_end(self, job_id: int, deadline_seconds: float) -> int | None:
        """Wait until the job has succeeded; how many rows it moved, if Airbyte tells. Reports each look at it.

        Raises:
            SyncFailed: it failed or was cancelled.
            ExternalServiceUnavailable: it had not ended, or could not be observed, at the deadline. It is left running.
        """
        deadline, pause, observed = self._clock() + deadline_seconds, FIRST_POLL_SECONDS, "nothing"
        while True:
            try:
                answer = self._session.send("GET", f"jobs/{job_id}", f"job {job_id}")
                observed = str(answer["status"])
                rows = answer.get("rowsSynced")
                if observed in TERMINAL:
                    break
            except Unanswered as unanswered:
                observed = str(unanswered)
            except (AttributeError, KeyError, TypeError):
                observed = "an answer that is no job"
            if (left := deadline - self._clock()) <= 0:
                raise ExternalServiceUnavailable(
                    f"{self._session.name}, refresh job {job_id}: not ended after {deadline_seconds:.0f} s (last "
                    f"observed: {observed}). It was left running; readers keep what they have. {self._session.web}"
                )
            report(Step(now=f"Airbyte refresh job {job_id} is {observed}"))
            self._sleep(min(left, pause))
            pause = min(pause * 1.5, LONGEST_PAUSE_SECONDS)
        if observed != "succeeded":
            raise SyncFailed(
                f"{self._session.name}: refresh job {job_id} {observed}. Its API tells no reason: see "
                f"{self._session.web}. What had landed before stays; readers keep what they have."
            )
        return rows if isinstance(rows, int) else None

    def _named(self, what: str, streams: Sequence[str]) -> list[dict[str, str]]:
        """The streams in the words of the Config API."""
        spaces = self._spaces()
        if unknown := [name for name in streams if name not in spaces]:
            raise ConfigurationError(
                f"{self._session.name}, {what}: observed no stream {', '.join(unknown)}, expected of: "
                f"{', '.join(sorted(spaces))}. Nothing was started."
            )
        return [
            {"streamName": name} | ({"streamNamespace": space} if (space := spaces[name]) else {}) for name in streams
        ]

    def _spaces(self) -> dict[str, str | None]:
        """The connection's streams, each with its namespace."""
        what = f"connection {self._connection_id}"
        try:
            found = self._session.send("GET", f"connections/{self._connection_id}", what)
            return {one["name"]: one.get("namespace") for one in found["configurations"]["streams"]}
        except (Unanswered, KeyError, TypeError, AttributeError) as error:
            raise ExternalServiceUnavailable(
                f"{self._session.name}, {what}: no usable answer about its streams ({error}). Nothing was started."
            ) from None
