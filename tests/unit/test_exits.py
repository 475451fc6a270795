"""Each way out of a command: its status, what it says, and what it does not say."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from flows import exits
from flows.exits import status_of
from shelfgate.errors import ConfigurationError, GateClosed
from shelfgate.interruption import Interrupted
from tests.reliability.processes.losing import lose
from tests.terminal import SHELFGATE, run

CUSTOMER = "Javier Lewis"
OBEYING_MODES = """
import os
from tests.reliability.processes.small_run import give_up_passing_over_modes
if os.geteuid() == 0:
    give_up_passing_over_modes()
from flows.cli import main
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
    monkeypatch.setattr("tempfile.gettempdir", lambda: str(tmp_path / "elsewhere"))
    (home / "a file").write_text("")
    monkeypatch.setenv("SHELFGATE_HOME", str(home / "a file"))

    assert status_of(raising(ValueError(CUSTOMER)), as_json=False) == 4

    assert CUSTOMER in (tmp_path / "elsewhere" / "shelfgate-errors.log").read_text()
    assert str(tmp_path / "elsewhere") in capsys.readouterr().err


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
        f"import atexit, threading, time; from flows import exits; exits.FAREWELL_SECONDS = 0.1; {held}; exits.leave(5)"
    )

    assert subprocess.run([sys.executable, "-c", program], timeout=60).returncode == 5


def test_reader_of_the_answer_that_goes_away_leaves_no_traceback(tmp_path: Path) -> None:
    process = subprocess.Popen([*SHELFGATE, "--help"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stderr is not None
    process.stdout.close()

    assert process.wait(60) == 141
    assert process.stderr.read() == ""
