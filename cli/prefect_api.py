"""A Prefect server to run under; refuses to start one where one is configured."""

from __future__ import annotations

import os
import secrets
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from cli.exits import STATUS_HINT, chain_of, notes_of, shelfgate_error_of
from shelfgate import child_processes, prefect_server
from shelfgate.disk_room import refuse_full_disk
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure, ShelfgateError

if TYPE_CHECKING:
    import httpx

# A fresh server migrates its database: 10..37 s on two shared cores.
START_DEADLINE_SECONDS = 180.0
# It takes up to 15 s to stop once its services run. What it knows is in SQLite, which a kill does not hurt.
STOP_SECONDS = 2.0
# A page instead of an answer may be a proxy that is coming up; it is not waited for as long as a server.
PAGE_SECONDS = 10.0

# SQLite takes room a page at a time, its log 32 kB: below this the server's next writes fail.
_FULL_BYTES = 1_000_000

# Of a server that nobody but its command sees.
QUIET = {"PREFECT_LOGGING_LEVEL": "WARNING", "PREFECT_SERVER_UI_ENABLED": "false"}


@contextmanager
def server(home: Path, tell: Callable[[str], None]) -> Iterator[str]:
    """The URL of a healthy Prefect API for the length of the block.

    PREFECT_API_URL, or the active Prefect profile, says which. If neither does, a server is started below `home` and
    stopped at the end.

    Raises:
        ExternalServiceUnavailable: the server does not answer, or stopped answering before the block ended.
        ConfigurationError: at PREFECT_API_URL something else does.
        PermanentFailure: it is ours, and its disk is full.
    """
    configured = configured_api()
    if configured:
        name = f"the Prefect server at {configured}"
        _await_health(configured, tell, name)
        key = os.environ.get("PREFECT_API_AUTH_STRING")
        with _pointing_at(configured, key), _explaining_its_end(configured, name, tell):
            yield configured
        return
    refuse_full_disk(home, "the Prefect server of this command and for what the run writes")
    with _full_disk_is_told(home):
        yield from _own_server(home, tell)


def _own_server(home: Path, tell: Callable[[str], None]) -> Iterator[str]:
    tell("no Prefect server is configured: starting one for this command")
    key = f"shelfgate:{secrets.token_urlsafe(24)}"
    folder = (home / "prefect").absolute()
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # asyncio sets this itself only on sockets of protocol TCP: each answer on a connection would take 44 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        url = f"http://127.0.0.1:{listening.getsockname()[1]}/api"
        process = prefect_server.start(folder, _log_of(home), listening, key, QUIET)
    name = f"the Prefect server of this command (its log: {_log_of(home)})"
    try:
        _await_health(url, tell, name, process)
        with _pointing_at(url, key), _explaining_its_end(url, name, tell):
            try:
                yield url
            finally:
                send_what_waits()
    finally:
        child_processes.stop(process, STOP_SECONDS)


def configured_api() -> str | None:
    """The Prefect API that the environment, or else the active profile, names; None: a server is started."""
    return os.environ.get("PREFECT_API_URL") or _from_profile()


@contextmanager
def _explaining_its_end(url: str, name: str, tell: Callable[[str], None]) -> Iterator[None]:
    """A run whose Prefect server has gone ends in whatever its client makes of that.

    Raises:
        ExternalServiceUnavailable: instead of such an error, if the server does not answer any more.
    """
    try:
        yield
    except ShelfgateError:
        raise
    except Exception as error:
        if not _is_of_prefects_client(error) or _is_healthy(url):
            raise
        gone = f"{name} stopped answering during the run. Expected it to answer until the end."
        if (ours := shelfgate_error_of(error)) is not None:
            tell(f"{gone} Its record of this run is not complete.")
            raise ours from None
        raise ExternalServiceUnavailable(f"{gone} {notes_of(error) or STATUS_HINT} Run again.") from error


@contextmanager
def _full_disk_is_told(home: Path) -> Iterator[None]:
    """A server whose disk is full answers 500, or ends without a word, and its log has no room to say why."""
    try:
        yield
    except Exception as error:
        if isinstance(error, ShelfgateError) and not isinstance(error, ExternalServiceUnavailable):
            raise  # it says what has failed: a gate, a disk, a setting
        try:
            refuse_full_disk(home, "the Prefect server of this command", _FULL_BYTES)
        except PermanentFailure as full:
            raise full from error
        raise


@contextmanager
def _pointing_at(url: str, key: str | None) -> Iterator[None]:
    # Prefect reads its environment once, when it is imported, and that may have been before. A heartbeat tells the
    # server of a run whose process vanished; nobody supervises a run by hand, and its thread costs 1 s a flow.
    from prefect.settings import (
        PREFECT_API_AUTH_STRING,
        PREFECT_API_URL,
        PREFECT_FLOWS_HEARTBEAT_FREQUENCY,
        temporary_settings,
    )

    here = {PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}
    with temporary_settings(here | ({PREFECT_API_AUTH_STRING: key} if key else {})):
        yield


def _is_of_prefects_client(error: BaseException) -> bool:
    """An error of another kind is not explained by a server that answers late."""
    import httpx
    from prefect.exceptions import PrefectException

    return any(isinstance(one, httpx.HTTPError | PrefectException) for one in chain_of(error))


def send_what_waits() -> None:
    """Send what Prefect has not sent yet, and stop its senders. Call it before a server is stopped: what was not sent
    by then would be an error on the screen.

    Nothing else needs it, the end of a process sends as well, and Prefect 3.8.8 never lets go of a sender that was
    stopped: two a call, 3 MB with their TLS contexts and events (measured over 22 runs in one process).
    """
    from prefect.logging.handlers import APILogHandler

    APILogHandler().flush()


def _log_of(home: Path) -> Path:
    return (home / "prefect" / "server.log").absolute()


def _from_profile() -> str | None:
    """What the active profile names. Reading it imports Prefect, so the environment is asked first."""
    from prefect.settings import PREFECT_API_URL

    return PREFECT_API_URL.value()


def _is_of_prefect(answer: httpx.Response) -> bool:
    """Prefect says `true`. Its own pages, and those of a proxy, have status 200, too."""
    try:
        return answer.is_success and answer.json() is not None
    except ValueError:
        return False


def _await_health(
    url: str, tell: Callable[[str], None], name: str, process: subprocess.Popen[bytes] | None = None
) -> None:
    began = time.monotonic()
    told = False

    def tell_once() -> None:
        nonlocal told
        if not told:
            tell(f"waiting for {name} (the first start takes up to half a minute)")
            told = True

    if process is not None:
        tell_once()  # its socket listens: the first question waits until it can answer
    while (page := _page_instead(url)) is not None:
        if page.startswith(("2", "3")) and time.monotonic() - began > PAGE_SECONDS:
            raise ConfigurationError(
                f"{name}: observed {page} for /health; expected JSON. Nothing was run and readers see what they saw. "
                "PREFECT_API_URL ends with /api; without that, or behind a sign-in page, a page answers."
            )
        _refuse_ended(process, name)
        if time.monotonic() - began > START_DEADLINE_SECONDS:
            raise ExternalServiceUnavailable(
                f"{name} did not answer in {START_DEADLINE_SECONDS:.0f} s. Nothing was run."
            )
        tell_once()
        time.sleep(0.25)
    _refuse_ended(process, name)
    if told:
        tell(f"{name} is up after {time.monotonic() - began:.0f} s")


def _refuse_ended(process: subprocess.Popen[bytes] | None, name: str) -> None:
    """Its port may be another's by now, whose answer says nothing.

    Raises:
        ExternalServiceUnavailable: the process has ended.
    """
    if process is not None and process.poll() is not None:
        raise ExternalServiceUnavailable(f"{name} ended with status {process.returncode}. Nothing was run.")


def _is_healthy(url: str) -> bool:
    return _page_instead(url) is None


def _page_instead(url: str) -> str | None:
    """None if Prefect's API is healthy; else status and content type of what answered, empty if nothing did."""
    import httpx

    try:
        answer = httpx.get(f"{url}/health", timeout=5)
    except httpx.HTTPError:
        return ""  # not up yet; the deadline decides
    if _is_of_prefect(answer):
        return None
    return f"{answer.status_code}, {answer.headers.get('content-type', 'no content type')}"
