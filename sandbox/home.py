"""Where the estate keeps its things below SHELFGATE_HOME, and who it is; refuses to let others read its secrets."""

from __future__ import annotations

import fcntl
import json
import secrets
import signal
import tempfile
import time
import uuid
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO

from sandbox import processes
from sandbox.processes import Process
from shelfgate.environment import UNFINISHED
from shelfgate.errors import ConfigurationError

WAREHOUSES = ("duckdb", "snowflake")


@dataclass(frozen=True)
class Home:
    """The layout; nothing is created by asking."""

    root: Path

    @property
    def warehouse(self) -> Path:
        return self.root / "warehouse.duckdb"

    @property
    def settings(self) -> Path:
        return self.root / "settings.env"

    @property
    def prefect(self) -> Path:
        return self.root / "prefect"

    @property
    def sandbox(self) -> Path:
        return self.root / "sandbox"

    @property
    def state(self) -> Path:
        return self.sandbox / "state.json"

    @property
    def identity(self) -> Path:
        return self.sandbox / "identity.json"

    @property
    def lock(self) -> Path:
        return self.sandbox / "daemon.lock"

    @property
    def log(self) -> Path:
        return self.sandbox / "sandbox.log"

    @property
    def objects(self) -> Path:
        return self.sandbox / "s3"

    @property
    def snowflake(self) -> Path:
        return self.sandbox / "snowflake"


@dataclass(frozen=True)
class HomeIdentity:
    """What outlives `down`: the kind of warehouse, and secrets and ports, so that whoever read them stays right."""

    postgres_password: str = field(default_factory=lambda: secrets.token_hex(16))
    airbyte_client_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    airbyte_client_secret: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    warehouse: str = "duckdb"
    snowflake_passphrase: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    airbyte_connection_id: str = field(default_factory=lambda: str(uuid.uuid4()))
    aws_access_key_id: str = field(default_factory=lambda: "AKIA" + secrets.token_hex(8).upper())
    aws_secret_access_key: str = field(default_factory=lambda: secrets.token_urlsafe(30))
    prefect_auth_string: str = field(default_factory=lambda: f"sandbox:{secrets.token_urlsafe(24)}")
    ports: dict[str, int] = field(default_factory=dict)


class StateDamaged(ConfigurationError):
    """What a running estate said of itself cannot be read."""


@dataclass(frozen=True)
class Running:
    """What a running estate says about itself: one file, there only while it is ready."""

    pid: int
    started: str
    postgres_dsn: str
    s3_endpoint: str
    bucket: str
    airbyte_url: str
    lambda_url: str
    prefect_api_url: str
    children: list[tuple[int, str]]
    snowflake: str | None = None
    """Where the account answers, with its database; None on DuckDB."""

    def processes(self) -> list[Process]:
        return [Process(self.pid, self.started), *(Process(pid, started) for pid, started in self.children)]


def read_identity(home: Home) -> HomeIdentity | None:
    """None: no sandbox has made this home.

    Raises:
        ConfigurationError: the file is there, and is no identity of this release.
    """
    try:
        return HomeIdentity(**json.loads(home.identity.read_text(encoding="utf-8")))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (ValueError, TypeError) as error:
        # Neither its text nor the error's: they may quote a secret.
        raise ConfigurationError(
            f"{home.identity}: observed a file that is no sandbox's identity ({type(error).__name__}), expected what "
            "this release writes. Nothing was changed; choose another SHELFGATE_HOME, or delete this one by hand."
        ) from None


def write_identity(home: Home, identity: HomeIdentity) -> None:
    write_whole(home.identity, json.dumps(asdict(identity), indent=1).encode())


def read_running(home: Home) -> Running | None:
    """The last state written; whether its processes still run is another question.

    Raises:
        StateDamaged: the file is there, and is not what a sandbox of this release writes.
    """
    try:
        found = Running(**json.loads(home.state.read_text(encoding="utf-8")))
    except FileNotFoundError:
        return None
    except (ValueError, TypeError) as error:
        # Neither its text nor the error's: it holds the password of Postgres.
        raise StateDamaged(
            f"{home.state}: observed a file of {home.state.stat().st_size} bytes that is not whole "
            f"({type(error).__name__}), expected what a running sandbox says of itself. Nothing was changed. "
            "`shelfgate sandbox down` ends this home's sandbox and removes the file; then `shelfgate sandbox up`. "
            "Its data is kept."
        ) from None
    return found


def write_running(home: Home, running: Running) -> None:
    write_whole(home.state, json.dumps(asdict(running), indent=1).encode())


def write_settings(home: Home, settings: dict[str, str]) -> None:
    write_whole(home.settings, "".join(f"{key}={value}\n" for key, value in settings.items()).encode())


def forget_endpoints(home: Home) -> None:
    """Leave in the settings file only which warehouse this is: `status` reads that also while the estate is down."""
    identity = read_identity(home)
    if home.settings.exists() and identity is not None:
        write_settings(home, {"SHELFGATE_TARGET": identity.warehouse})


def write_whole(path: Path, content: bytes) -> None:
    """Write so that a reader, or the next start after a kill, sees the old content or all of the new.

    The file is its owner's alone: a temporary file is 0600.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=UNFINISHED, delete=False) as unfinished:
        unfinished.write(content)
    Path(unfinished.name).replace(path)


def take_lock(home: Home, seconds: float = 2.0) -> IO[bytes] | None:
    """Take the estate of this home for the life of this process; None if another has it.

    The system gives the lock back when the process ends, however it ends. A short wait: whoever asks `is_taken` has the
    lock for a moment.
    """
    home.sandbox.mkdir(parents=True, exist_ok=True)
    file = home.lock.open("ab")
    deadline = time.monotonic() + seconds
    while not _locked(file, fcntl.LOCK_EX):
        if time.monotonic() >= deadline:
            file.close()
            return None
        time.sleep(0.05)
    return file


def clear(home: Home) -> None:
    """End what a killed daemon left behind and remove what it said about itself; only with the lock.

    Where that cannot be read no process is known to be ours: the children of a daemon end with it by themselves.
    """
    try:
        running = read_running(home)
    except StateDamaged:
        running = None
    for process in running.processes() if running is not None else []:
        # Postgres understands SIGINT as `now`, SIGTERM as `when everybody has left`; Prefect takes both alike.
        processes.end(process, 30.0, signal.SIGINT)
    home.state.unlink(missing_ok=True)
    forget_endpoints(home)


def is_taken(home: Home) -> bool:
    """Whether a daemon has this home: one that starts, is ready, or stops."""
    if not home.lock.exists():
        return False
    with home.lock.open("rb") as file:
        return not _locked(file, fcntl.LOCK_SH)


def _locked(file: IO[bytes], kind: int) -> bool:
    try:
        fcntl.flock(file, kind | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
