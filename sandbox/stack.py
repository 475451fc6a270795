"""The local estate for the command line: up, down, info, seed, advance, reset; refuses to guess what is running."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Any

from sandbox import home as homes
from sandbox import home_ownership, processes
from sandbox.daemon import TAKEN
from sandbox.home import Home, Running
from sandbox.home_ownership import home_at
from sandbox.sources import seeding, tpcds
from sandbox.sources.dump_bucket import REGION
from sandbox.sources.seeding import Seeded
from shelfgate.environment import given_setting
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure

# First start at home: 3 s on two idle cores, most of it imports; a crash recovery of Postgres comes on top.
UP_SECONDS = 180.0
# The Airbyte stand-in lets a job that writes finish its turn; Postgres is given 30 s.
DOWN_SECONDS = 120.0

DAEMON = "sandbox.daemon"

Told = Callable[[str], None]


@dataclass(frozen=True)
class StackInfo:
    """What a caller needs in order to use a running estate. `warehouse`: the DuckDB file, or the account's address."""

    postgres_dsn: str
    s3_endpoint: str
    bucket: str
    airbyte_url: str
    lambda_url: str
    warehouse: Path | str
    prefect_api_url: str
    scale: float | None
    through: date | None
    pid: int
    home: Path

    def as_dict(self) -> dict[str, Any]:
        """For `--json`: paths and dates as text."""
        texts = {"warehouse": str(self.warehouse), "home": str(self.home)}
        return asdict(self) | texts | {"through": self.through.isoformat() if self.through is not None else None}


def up(home: Path, *, warehouse: str | None = None, with_parent: int | None = None, on_progress: Told) -> StackInfo:
    """Start the estate of this home, or join it if it is up. Prefect's server may still be starting.

    `warehouse` is one of `home.WAREHOUSES`, for a home that has none yet; None: as it was, at first DuckDB.

    Raises:
        ConfigurationError: this home has another warehouse, or is not the sandbox's; or its sandbox is up, and what
            it says of itself cannot be read.
        PermanentFailure: a part ended while starting; the end of the log is in the message.
        ExternalServiceUnavailable: it was not ready in time.
    """
    place = home_at(home)
    home_ownership.refuse_what_is_not_ours(place)
    _refuse_another_warehouse(place, warehouse)
    _forget_a_damaged_state(place)
    if (running := _ready(place)) is not None:
        return _info(place, running)
    deadline = time.monotonic() + UP_SECONDS
    while True:
        if homes.is_taken(place):
            on_progress("waiting for an estate that starts or stops at this home")
            running = _await_ready(place, deadline)
        else:
            on_progress(f"starting the estate at {place.root}")
            running = _start_daemon(place, warehouse, with_parent, deadline)
        if running is not None:
            return _info(place, running)


def down(home: Path) -> bool:
    """Stop the estate and wait until all of it has ended; False if none was up.

    After a killed daemon this ends what it may have left behind.
    """
    place = home_at(home)
    was_up = homes.is_taken(place)
    deadline = time.monotonic() + DOWN_SECONDS
    if was_up:
        _end_daemon(place, deadline)
    if place.sandbox.exists() and (lock := homes.take_lock(place)) is not None:
        with lock:
            homes.clear(place)
    return was_up


def _end_daemon(place: Home, deadline: float) -> None:
    try:
        running = _ready(place) or _await_ready(place, deadline)
    except homes.StateDamaged:
        # No process can be told by it. The daemon of this home, and nobody else, ends when its state file goes.
        daemons = processes.running_module(DAEMON, str(place.root))
        place.state.unlink(missing_ok=True)
        _await_ready(place, deadline)
        for daemon in daemons:
            processes.wait_until_ended(daemon, max(1.0, deadline - time.monotonic()))
        return
    if running is not None:
        processes.end(running.processes()[0], max(1.0, deadline - time.monotonic()), signal.SIGTERM)


def info(home: Path) -> StackInfo:
    """Raises:
    ConfigurationError: the estate is down.
    """
    place = home_at(home)
    return _info(place, _running(place))


def seed(home: Path, scale: float, through: date, on_progress: Told) -> Seeded:
    """Put everything dated up to `through` into the sources of the running estate; see `seeding.seed`."""
    place = home_at(home)
    running = _running(place)
    sources = partial(_sources, place, running, scale, on_progress)
    return seeding.seed(sources, running.postgres_dsn, scale, through, on_progress)


def advance(home: Path, days: int, on_progress: Told) -> Seeded:
    """Let the sources live on for some days.

    Raises:
        ConfigurationError: nothing was seeded yet, or the data set ends before.
    """
    if days < 1:
        raise ConfigurationError(f"advance by {days} days: wanted 1 or more. Nothing was changed.")
    place = home_at(home)
    reached = seeding.progress(_running(place).postgres_dsn)
    if reached is None:
        raise ConfigurationError("the sources are empty: run `shelfgate sandbox seed` first. Nothing was changed.")
    return seed(home, reached.scale, reached.through + timedelta(days=days), on_progress)


def reset(home: Path) -> None:
    """Take the estate down and delete what `ownership.deleted_by_reset` lists, for a new start.

    Raises:
        ConfigurationError: as `ownership.deleted_by_reset`; nothing was ended or deleted.
        WarehouseBusy: another process brings the estate up meanwhile.
    """
    place = home_at(home)
    if home_ownership.deleted_by_reset(place):
        down(home)
        home_ownership.delete(place)


def _sources(place: Home, running: Running, scale: float, told: Told) -> seeding.Sources:
    import boto3

    identity = homes.read_identity(place)
    assert identity is not None, "a running estate has written it"
    client = boto3.client(
        "s3",
        endpoint_url=running.s3_endpoint,
        region_name=REGION,
        aws_access_key_id=identity.aws_access_key_id,
        aws_secret_access_key=identity.aws_secret_access_key,
    )
    # Several homes may share what they generate; a home alone keeps its own.
    cache = given_setting("SHELFGATE_SANDBOX_CACHE")
    generated = tpcds.generated(scale, Path(cache) if cache else place.sandbox, told)
    return seeding.Sources(running.postgres_dsn, client, place.objects, generated)


def _info(place: Home, running: Running) -> StackInfo:
    reached = seeding.progress(running.postgres_dsn)
    return StackInfo(
        postgres_dsn=running.postgres_dsn,
        s3_endpoint=running.s3_endpoint,
        bucket=running.bucket,
        airbyte_url=running.airbyte_url,
        lambda_url=running.lambda_url,
        warehouse=running.snowflake or place.warehouse,
        prefect_api_url=running.prefect_api_url,
        scale=reached.scale if reached is not None else None,
        through=reached.through if reached is not None else None,
        pid=running.pid,
        home=place.root,
    )


def _refuse_another_warehouse(place: Home, asked: str | None) -> None:
    identity = homes.read_identity(place)
    if asked and identity is not None and identity.warehouse != asked:
        raise ConfigurationError(
            f"the estate at {place.root} lands in {identity.warehouse}; {asked} was asked for. Nothing was changed: "
            "choose another SHELFGATE_HOME, or delete this one's data with `shelfgate sandbox reset`."
        )


def _forget_a_damaged_state(place: Home) -> None:
    """Of a daemon that is no more.

    Raises:
        StateDamaged: the daemon is there.
    """
    try:
        homes.read_running(place)
    except homes.StateDamaged:
        if (lock := homes.take_lock(place)) is None:
            raise
        with lock:
            homes.clear(place)


def _ready(place: Home) -> Running | None:
    running = homes.read_running(place)
    return running if running is not None and running.processes()[0].is_running() else None


def _running(place: Home) -> Running:
    running = _ready(place)
    if running is None:
        raise ConfigurationError(f"the estate at {place.root} is down. Start it with `shelfgate sandbox up`.")
    return running


def _await_ready(place: Home, deadline: float) -> Running | None:
    """Wait while a daemon has the home; None when it has let go of it."""
    while homes.is_taken(place):
        if (running := _ready(place)) is not None:
            return running
        if time.monotonic() >= deadline:
            raise ExternalServiceUnavailable(
                f"a daemon has {place.root} but is neither ready nor gone after {UP_SECONDS:.0f} s:\n"
                f"{processes.tail(place.log)}"
            )
        time.sleep(0.05)
    return None


def _start_daemon(place: Home, warehouse: str | None, with_parent: int | None, deadline: float) -> Running | None:
    """Start a daemon and wait until it is ready; None if another one was quicker."""
    place.sandbox.mkdir(parents=True, exist_ok=True)
    since = place.log.stat().st_size if place.log.exists() else 0
    options = [*(["--warehouse", warehouse] if warehouse else [])]
    options += ["--with-parent", str(with_parent)] if with_parent is not None else []
    with place.log.open("ab") as log:
        child = subprocess.Popen(
            [sys.executable, "-m", DAEMON, "--home", str(place.root), *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        running = _await_own(place, child, since, deadline)
    except BaseException:
        # Interrupted or too late: half an estate is left to nobody.
        _give_up(child)
        raise
    if running is None:
        return None
    # A process that brings an estate up and down would otherwise keep it as a zombie.
    threading.Thread(target=child.wait, daemon=True).start()
    return running


def _await_own(place: Home, child: subprocess.Popen[bytes], since: int, deadline: float) -> Running | None:
    while (running := _ready(place)) is None:
        status = child.poll()
        if status == TAKEN:
            return None
        if status is not None:
            raise PermanentFailure(f"the estate did not start (status {status}):\n{processes.tail(place.log, since)}")
        if time.monotonic() >= deadline:
            raise ExternalServiceUnavailable(
                f"the estate was not ready in {UP_SECONDS:.0f} s and was stopped:\n{processes.tail(place.log, since)}"
            )
        time.sleep(0.05)
    return running


def _give_up(child: subprocess.Popen[bytes]) -> None:
    daemon = processes.find(child.pid)
    if daemon is not None:
        processes.end(daemon, DOWN_SECONDS)
    child.wait()
