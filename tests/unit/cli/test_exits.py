"""Each way out of a command: its status, what it says, and what it does not say."""

from __future__ import annotations

import errno
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from cli import exits
from cli.exits import status_of
from cli.main import cli
from shelfgate.errors import ConfigurationError, GateClosed
from shelfgate.interruption import Interrupted
from tests.reliability.processes.losing import lose
from tests.support.terminal import SHELFGATE, run

CUSTOMER = "Javier Lewis"
OBEYING_MODES = """
import os
from tests.reliability.processes.small_run import give_up_passing_over_modes
if os.geteuid() == 0:
    give_up_passing_over_modes()
from cli.main import main
main()
"""


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path))
    monkeypatch.setattr(exits, "_leave_at_the_next_signal", lambda: None)
    monkeypatch.setattr(sys, "unraisablehook", sys.unraisablehook)
    return tmp_path


def raising(error: BaseException) -> Callable[[], object]:
    def command() -> object:
        raise error

    return command


@pytest.mark.parametrize(
    ("command", "status"),
    [
        (lambda: None, 0),
        (lambda: 0, 0),
        (raising(SystemExit(3)), 3),
        (raising(SystemExit(7)), 7),
        (raising(SystemExit(1)), 4),
        (raising(SystemExit("no number")), 2),
        (raising(click.UsageError("no such option")), 2),
        (raising(click.ClickException("broken")), 2),
        (raising(click.exceptions.Abort()), 130),
        (raising(GateClosed("closed")), 3),
        (raising(KeyError(CUSTOMER)), 4),
        (raising(MemoryError()), 4),
        (raising(GeneratorExit()), 4),
        (raising(OSError(errno.ENOSPC, "No space left on device", "/a/file")), 4),
        (raising(PermissionError(errno.EACCES, "Permission denied", "/nobody/elses")), 4),
    ],
)
def test_every_way_out_has_a_status_of_the_table(home: Path, command: Callable[[], object], status: int) -> None:
    assert status_of(command, as_json=False) == status


def test_help_and_architecture_list_the_same_statuses() -> None:
    page = Path(__file__).parents[3] / "docs" / "architecture.md"
    table = page.read_text(encoding="utf-8").partition("## Exit statuses")[2].partition("\n\n")[0]
    rows = re.findall(r"^\| ([\d, ]+) \|", table, re.MULTILINE)

    helped = (cli.help or "").partition("Exit status: ")[2]

    assert rows
    assert set(re.findall(r"\b\d+\b", helped)) == {status for row in rows for status in row.split(", ")}


def test_unforeseen_error_leaves_its_traceback_in_the_home(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert status_of(raising(KeyError(CUSTOMER)), as_json=True) == 4

    out, err = capsys.readouterr()
    log = home / "shelfgate-errors.log"
    assert json.loads(out)["exit_status"] == 4
    assert "Unexpected KeyError at test_exits.py" in err
    assert str(log) in err
    assert "Traceback" not in err + out
    assert CUSTOMER not in err + out
    assert CUSTOMER in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600


def test_traceback_finds_a_place_without_a_home(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    (home / "a file").write_text("")
    monkeypatch.setenv("SHELFGATE_HOME", str(home / "a file"))

    assert status_of(raising(ValueError(CUSTOMER)), as_json=False) == 4

    (log,) = tmp_path.glob("shelfgate-errors-*.log")
    assert CUSTOMER in log.read_text()
    assert log.stat().st_mode & 0o777 == 0o600
    assert str(log) in capsys.readouterr().err


def test_traceback_is_not_written_into_a_file_of_somebody_else(
    home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    theirs = home / "shelfgate-errors.log"
    theirs.write_text("")
    nobody = os.geteuid() + 1
    monkeypatch.setattr(os, "geteuid", lambda: nobody)

    assert status_of(raising(ValueError(CUSTOMER)), as_json=False) == 4

    assert theirs.read_text() == ""
    assert len(list(tmp_path.glob("shelfgate-errors-*.log"))) == 1


def test_connection_that_click_lets_end_the_command_is_told(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    @click.command()
    def command() -> None:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")

    assert status_of(lambda: command([], standalone_mode=False), as_json=False) == 4

    assert "another program closes a connection" in capsys.readouterr().err


def test_file_of_the_home_that_cannot_be_read_is_configuration(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    refused = PermissionError(errno.EACCES, "Permission denied", str(home / "settings.env"))

    assert status_of(raising(refused), as_json=False) == ConfigurationError.exit_status

    assert f"Permission denied: {home / 'settings.env'}" in capsys.readouterr().err


def test_interrupt_says_what_the_run_noted_about_readers(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    broken_off = RuntimeError("Query interrupted")
    broken_off.add_note("Nothing was published; readers keep pub-000003.")

    def command() -> None:
        lose(2)
        raise KeyError("what a library made of it") from broken_off

    assert status_of(command, as_json=True) == 130

    out, err = capsys.readouterr()
    assert "Ended by Ctrl-C. Nothing was published; readers keep pub-000003." in err
    assert json.loads(out)["exit_status"] == 130
    assert not (home / "shelfgate-errors.log").exists()


def test_interrupt_that_got_lost_in_a_command_that_ended_well_is_said(home: Path) -> None:
    assert status_of(lambda: lose(15), as_json=False) == 143


def test_second_signal_while_the_first_is_reported_still_has_its_status(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(exits, "_say", lambda _: raising(Interrupted(2))())

    def command() -> None:
        lose(2)

    assert status_of(command, as_json=False) == 130


@pytest.mark.parametrize("command", [["status"], ["refresh"], ["rollback", "--to", "pub-000001"], ["vacuum"]])
def test_home_that_is_a_file_is_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str]
) -> None:
    (tmp_path / "taken").write_text("")
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path / "taken"))

    status, _, err = run(*command)

    assert status == 2, err
    assert "Expected a folder" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(("command", "mode"), [("status", 0o000), ("refresh", 0o500), ("sandbox up", 0o500)])
def test_home_that_may_not_be_used_is_configuration(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: str, mode: int
) -> None:
    home = tmp_path / "home"
    home.mkdir()
    home.chmod(mode)
    monkeypatch.setenv("SHELFGATE_HOME", str(home))
    monkeypatch.setenv("SHELFGATE_TARGET", "duckdb")
    try:
        ended = subprocess.run(
            [sys.executable, "-c", OBEYING_MODES, *command.split()], capture_output=True, text=True, timeout=120
        )
    finally:
        home.chmod(0o700)

    assert ended.returncode == 2, ended.stderr
    assert str(home) in ended.stderr
    assert "Expected a folder" in ended.stderr
    assert "Traceback" not in ended.stderr


@pytest.mark.parametrize(
    "held", ["atexit.register(time.sleep, 600)", "threading.Thread(target=time.sleep, args=(600,)).start()"]
)
def test_library_that_does_not_end_does_not_hold_a_command(held: str) -> None:
    program = (
        f"import atexit, threading, time; from cli import exits; exits.FAREWELL_SECONDS = 0.1; {held}; exits.leave(5)"
    )

    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 5


FULL = "/dev/full"
GONE = "a pipe that nobody reads"
CLOSED = "no file at all"


def ended(program: list[str], out: str | None, err: str | None) -> tuple[int, str, str]:
    """Exit status, and what was written to those of both streams that can be read."""
    reader, writer = os.pipe()
    os.close(reader)
    full = os.open(FULL, os.O_WRONLY)
    place = {None: subprocess.PIPE, FULL: full, GONE: writer, CLOSED: None}
    closing = "".join(f" {number}>&-" for number, name in ((1, out), (2, err)) if name == CLOSED)
    process = subprocess.Popen(
        ["sh", "-c", f'exec "$@"{closing}', "sh", *program], stdout=place[out], stderr=place[err], text=True
    )
    os.close(writer)
    os.close(full)
    written, said = process.communicate(timeout=120)
    return process.returncode, written or "", said or ""


@pytest.mark.skipif(not Path(FULL).exists(), reason="a device of Linux")
@pytest.mark.parametrize(
    ("command", "out", "err", "status"),
    [
        (["--help"], GONE, None, 141),
        (["status"], GONE, None, 141),
        (["status", "--json"], GONE, GONE, 141),
        (["status", "--json"], FULL, None, 4),
        (["status"], FULL, FULL, 4),
        (["status"], CLOSED, None, 0),
        (["foo"], GONE, GONE, 2),
        (["foo"], None, FULL, 2),
        (["foo"], None, CLOSED, 2),
        (["rollback", "--to", "x", "--json"], GONE, GONE, 2),
    ],
)
def test_streams_that_take_nothing_change_no_status(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, command: list[str], out: str | None, err: str | None, status: int
) -> None:
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path))
    monkeypatch.setenv("SHELFGATE_TARGET", "duckdb")

    found, _, said = ended([*SHELFGATE, *command], out, err)

    assert found == status, said
    if status == 4 and err is None:
        assert said.startswith("\nStandard output: No space left on device.")
        assert "defect" not in said
        assert "Traceback" not in said
    else:
        assert said == ""
    assert not (tmp_path / "shelfgate-errors.log").exists()


@pytest.mark.parametrize("err", [GONE, FULL, CLOSED])
def test_run_goes_on_when_nobody_reads_its_progress(err: str) -> None:
    program = """
import subprocess
from cli.console import answer, say, screen
from cli.exits import leave, status_of

def run():
    say("one line")
    screen().print("a bar's")
    say("another line")
    subprocess.run(["sh", "-c", "echo a child >&2"], check=True)
    answer("it went on")

leave(status_of(run, as_json=False))
"""

    assert ended([sys.executable, "-c", program], None, err) == (0, '"it went on"\n', "")
