"""The sandbox's Postgres keeps what it is given and lets nobody in without the password."""

import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import psycopg
import pytest

from sandbox import processes
from sandbox.processes import UnixAccount
from sandbox.sources import postgres_server
from sandbox.sources.postgres_server import PostgresServer
from shelfgate.errors import PermanentFailure

PASSWORD = "correct-horse"
AS_ROOT = os.geteuid() == 0


def started(folder: Path, password: str = PASSWORD) -> PostgresServer:
    return postgres_server.start(folder, password=password)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "postgres"
    note = tmp_path / "postgres" / "data" / "postmaster.pid"
    if note.exists():
        process = processes.find(int(note.read_text().splitlines()[0]))
        if process is not None:
            processes.end(process, 10, signal.SIGINT)


def remember(server: PostgresServer, word: str) -> None:
    with psycopg.connect(server.dsn) as connection:
        connection.execute("create table if not exists remembered (word text)")
        connection.execute("insert into remembered values (%s)", [word])


def remembered(server: PostgresServer) -> list[str]:
    with psycopg.connect(server.dsn) as connection:
        return [row[0] for row in connection.execute("select word from remembered order by 1")]


def test_a_port_that_somebody_takes_first_is_left_to_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with processes.listening() as somebody:
        taken, free = processes.port_of(somebody), processes.free_port()
        found_free = iter([taken, taken, free])
        monkeypatch.setattr(processes, "free_port", lambda _=None: next(found_free))

        server = postgres_server.start(tmp_path / "postgres", password="p")
        try:
            assert urlsplit(server.dsn).port == free
            with psycopg.connect(server.dsn) as connection:
                assert connection.execute("select 1").fetchone() == (1,)
        finally:
            server.stop()


def test_no_port_found_free_is_an_error_that_names_those_tried(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with processes.listening() as somebody:
        monkeypatch.setattr(processes, "free_port", lambda _=None: processes.port_of(somebody))

        with pytest.raises(PermanentFailure, match=r"none of the ports \[\d+(, \d+){4}\] free"):
            postgres_server.start(tmp_path / "postgres", password="p")


def test_a_socket_is_handed_over_at_the_preferred_port_if_it_is_free() -> None:
    with processes.listening() as first:
        port = processes.port_of(first)
        with processes.listening(port) as second:
            assert processes.port_of(second) != port
    with processes.listening(port) as again:
        assert processes.port_of(again) == port


def test_what_was_committed_survives_a_stop_and_a_sigkill(folder: Path) -> None:
    first = started(folder)
    remember(first, "stopped")
    first.stop()
    second = started(folder)
    remember(second, "killed")
    os.kill(second.process.pid, signal.SIGKILL)

    third = started(folder)

    assert remembered(third) == ["killed", "stopped"]
    third.stop()
    assert not third.process.is_running()


def test_a_server_left_behind_is_ended_before_the_next_starts(folder: Path) -> None:
    left_behind = started(folder)
    remember(left_behind, "kept")

    server = started(folder)

    assert not left_behind.process.is_running()
    assert remembered(server) == ["kept"]
    server.stop()


def test_nobody_enters_without_the_password_nor_from_another_address(folder: Path) -> None:
    server = started(folder)

    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(server.dsn.replace(PASSWORD, "wrong"), connect_timeout=5)
    port = urlsplit(server.dsn).port
    listening = [found.laddr for found in psutil.net_connections() if found.laddr and found.status == "LISTEN"]
    assert {address.ip for address in listening if address.port == port} == {"127.0.0.1"}
    with psycopg.connect(server.dsn) as connection:
        stored = connection.execute("select rolpassword from pg_authid where rolname = 'retail'").fetchone()
        assert stored is not None
        assert stored[0].startswith("SCRAM-SHA-256$")
        assert connection.execute("show unix_socket_directories").fetchone() == ("",)
    assert not list(folder.glob("password*")), "the password was left in a file"
    server.stop()


def test_a_server_that_cannot_start_shows_its_log(folder: Path) -> None:
    started(folder).stop()
    (folder / "data" / "PG_VERSION").write_text("9\n")

    with pytest.raises(PermanentFailure, match="initialized by PostgreSQL version 9"):
        started(folder)


def test_an_unfinished_database_is_made_anew(folder: Path) -> None:
    (folder / "data.unfinished").mkdir(parents=True)
    (folder / "data.unfinished" / "half").touch()

    server = started(folder)

    assert not (folder / "data.unfinished").exists()
    server.stop()


@pytest.mark.skipif(not AS_ROOT, reason="only root changes accounts")
def test_as_root_the_server_runs_as_nobody_also_below_a_closed_folder(folder: Path) -> None:
    folder.parent.chmod(0o700)

    server = started(folder)

    assert psutil.Process(server.process.pid).uids().effective == pwd.getpwnam("nobody").pw_uid
    assert (folder / "data").stat().st_uid == pwd.getpwnam("nobody").pw_uid
    server.stop()


@pytest.mark.skipif(not (AS_ROOT and processes.ON_LINUX), reason="only root has capabilities to lose")
@pytest.mark.parametrize(("kept", "expected"), [([], "root without CAP_CHOWN, CAP_SETGID"), ([0, 6, 7], "DAC_READ_SE")])
def test_root_without_capabilities_is_told_what_can_be_done(folder: Path, kept: list[int], expected: str) -> None:
    folder.parent.chmod(0o700)
    script = (
        "import ctypes, sys; from pathlib import Path; from sandbox import processes as p\n"
        "from sandbox.sources import postgres_server\n"
        "kept = sum(1 << int(one) for one in sys.argv[2:])\n"
        "header = (ctypes.c_uint32 * 2)(p.CAPABILITY_VERSION_3, 0)\n"
        "assert ctypes.CDLL(None).capset(header, (ctypes.c_uint32 * 6)(kept, kept, 0, 0, 0, 0)) == 0\n"
        "postgres_server.start(Path(sys.argv[1]), password='p')"
    )

    ended = subprocess.run(
        [sys.executable, "-c", script, str(folder), *map(str, kept)], capture_output=True, text=True, check=False
    )

    assert "ConfigurationError: Postgres refuses to run as root" in ended.stderr
    assert expected in ended.stderr
    assert "as an ordinary user" in ended.stderr
    assert not (folder / "data").exists()


@pytest.mark.skipif(not AS_ROOT, reason="wants an account to change to")
def test_an_ordinary_account_needs_nothing_special() -> None:
    nobody = pwd.getpwnam("nobody")
    home = Path(tempfile.mkdtemp())
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    script = (
        "import os, sys; from pathlib import Path; from sandbox.sources import postgres_server\n"
        "server = postgres_server.start(Path(sys.argv[1]), password='p')\n"
        "print(os.geteuid(), os.stat(sys.argv[1]).st_uid); server.stop()"
    )
    try:
        # It keeps the right to enter folders, for this interpreter may lie below one that is closed.
        answer = subprocess.run(
            [sys.executable, "-c", script, str(home / "postgres")],
            preexec_fn=processes.preparation(UnixAccount(nobody.pw_uid, nobody.pw_gid, True), None),
            capture_output=True,
            text=True,
            check=False,
        )
        assert answer.stdout.split() == [str(nobody.pw_uid)] * 2, answer.stderr
    finally:
        shutil.rmtree(home)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ties a child to its parent")
def test_the_server_ends_with_the_process_that_started_it(folder: Path) -> None:
    script = (
        "import os, sys; from pathlib import Path; from sandbox.sources import postgres_server\n"
        "server = postgres_server.start(Path(sys.argv[1]), password='p')\n"
        "print(server.process.pid, flush=True); sys.stdin.read()"
    )
    parent = subprocess.Popen(
        [sys.executable, "-c", script, str(folder)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert parent.stdout is not None
    server = processes.find(int(parent.stdout.readline()))
    assert server is not None
    parent.kill()
    parent.communicate()

    assert processes.wait_until_ended(server, 10)
