"""A Prefect server to run under; refuses to start one where one is configured."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from shelfgate.errors import ConfigurationError, OutsideWorldGaveUp

if TYPE_CHECKING:
    import httpx

# A fresh server migrates its database: 10..37 s on two shared cores.
START_DEADLINE_SECONDS = 180.0
# A page instead of an answer may be a proxy that is coming up; it is not waited for as long as a server.
PAGE_SECONDS = 10.0


@contextmanager
def server(home: Path, tell: Callable[[str], None]) -> Iterator[str]:
    """The URL of a healthy Prefect API for the length of the block.

    PREFECT_API_URL, or the active Prefect profile, says which. If neither does, a server is started below `home` and
    stopped at the end.

    Raises:
        OutsideWorldGaveUp: the server does not answer.
        ConfigurationError: at PREFECT_API_URL something else does.
    """
    configured = os.environ.get("PREFECT_API_URL") or _from_profile()
    if configured:
        _await_health(configured, tell, f"the Prefect server at {configured}")
        with _pointing_at(configured):
            yield configured
        return
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    url = f"http://127.0.0.1:{port}/api"
    tell("no Prefect server is configured: starting one for this command")
    process = _start(home, port)
    try:
        _await_health(url, tell, "the Prefect server of this command", process)
        with _pointing_at(url):
            try:
                yield url
            finally:
                send_what_waits()
    finally:
        process.terminate()
        try:
            process.wait(timeout=20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _pointing_at(url: str) -> Iterator[None]:
    # Prefect reads its environment once, when it is imported, and that may have been before. A heartbeat tells the
    # server of a run whose process vanished; nobody supervises a run by hand, and its thread costs 1 s a flow.
    from prefect.settings import PREFECT_API_URL, PREFECT_FLOWS_HEARTBEAT_FREQUENCY, temporary_settings

    with temporary_settings({PREFECT_API_URL: url, PREFECT_FLOWS_HEARTBEAT_FREQUENCY: None}):
        yield


def send_what_waits() -> None:
    """Send what Prefect has not sent yet, and stop its senders. Call it before a server is stopped: what was not sent
    by then would be an error on the screen.

    Nothing else needs it, the end of a process sends as well, and Prefect 3.8.8 never lets go of a sender that was
    stopped: two a call, 3 MB with their TLS contexts and events (measured over 22 runs in one process).
    """
    from prefect.logging.handlers import APILogHandler

    APILogHandler().flush()


def _start(home: Path, port: int) -> subprocess.Popen[bytes]:
    folder = (home / "prefect").absolute()
    folder.mkdir(parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "PREFECT_HOME": str(folder),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_LOGGING_LEVEL": "WARNING",
    }
    command = [
        sys.executable,
        "-m",
        "prefect",
        "server",
        "start",
        "--host",
        "127.0.0.1",
        "--port",
        str(port),
        "--no-ui",
    ]
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log, stdin=subprocess.DEVNULL)


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
    import httpx

    began = time.monotonic()
    told, page = False, ""
    while True:
        try:
            answer = httpx.get(f"{url}/health", timeout=5)
            if _is_of_prefect(answer):
                if told:
                    tell(f"{name} is up after {time.monotonic() - began:.0f} s")
                return
            page = f"{answer.status_code}, {answer.headers.get('content-type', 'no content type')}"
        except httpx.HTTPError:
            page = ""  # not up yet; the deadline decides
        if page.startswith(("2", "3")) and time.monotonic() - began > PAGE_SECONDS:
            raise ConfigurationError(
                f"{name}: observed {page} for /health; expected JSON. Nothing was run and readers see what they saw. "
                "PREFECT_API_URL ends with /api; without that, or behind a sign-in page, a page answers."
            )
        if process is not None and process.poll() is not None:
            raise OutsideWorldGaveUp(f"{name} ended with status {process.returncode}; its log is prefect/server.log.")
        if time.monotonic() - began > START_DEADLINE_SECONDS:
            raise OutsideWorldGaveUp(f"{name} did not answer in {START_DEADLINE_SECONDS:.0f} s. Nothing was run.")
        if not told:
            tell(f"waiting for {name} (the first start takes up to half a minute)")
            told = True
        time.sleep(0.25)
