"""Every process that is started ends with the one that started it, whatever ended that one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from sandbox import processes
from tests.reliability.processes.small_process import PATIENCE_SECONDS, ROOT

ENDINGS = [signal.SIGTERM, signal.SIGKILL]

PREFECT_SERVER = """
import sys
from pathlib import Path
from cli.prefect_api import server
with server(Path(sys.argv[1]), lambda line: print(line, flush=True)):
    pass
"""
A_MODULE = """
import os, sys, time
from shelfgate import child_processes
with open(os.devnull, "ab") as log:
    child_processes.start("http.server", ["0", "--bind", "127.0.0.1"], log=log, environment=dict(os.environ))
print("waiting for the end", flush=True)
time.sleep(600)
"""
WITHOUT_PRCTL = """
import sys, time
from pathlib import Path
from sandbox import processes
processes.HAS_PRCTL = False
processes.start(["sleep", "600"], log=Path(sys.argv[1]) / "log", folder=Path(sys.argv[1]))
print("waiting for the end", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("number", ENDINGS, ids=str)
@pytest.mark.parametrize(
    ("program", "child"),
    [(PREFECT_SERVER, "uvicorn"), (A_MODULE, "http.server"), (WITHOUT_PRCTL, "sleep")],
    ids=["prefect_server", "module", "without_prctl"],
)
def test_children_end_with_their_parent(tmp_path: Path, number: signal.Signals, program: str, child: str) -> None:
    with running(program, tmp_path) as parent:
        started = await_child(parent, child)

        os.kill(parent.pid, number)
        parent.wait(PATIENCE_SECONDS)

        assert processes.wait_until_ended(started, PATIENCE_SECONDS), f"it outlived its parent: {started}"


def test_a_terminals_interrupt_does_not_reach_the_server(tmp_path: Path) -> None:
    """A terminal sends SIGINT to the whole group: a server that stopped then could not take the end of the run."""
    with running(A_MODULE, tmp_path) as parent:
        started = await_child(parent, "http.server")

        assert os.getpgid(started.pid) not in {os.getpgid(parent.pid), os.getpgid(0)}


@contextmanager
def running(program: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    parent = subprocess.Popen(
        [sys.executable, "-c", program, str(folder)],
        cwd=ROOT,
        env={**environment, "PREFECT_HOME": str(folder / "profiles")},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        yield parent
    finally:
        parent.kill()
        parent.wait()


def await_child(parent: subprocess.Popen[str], named: str) -> processes.Process:
    """The child with this word in its command line, once the parent says that it waits."""
    assert parent.stdout is not None
    assert any(line.startswith("waiting for") for line in parent.stdout), f"it ended with {parent.wait()}"
    (found,) = [
        processes.find(child.pid) for child in psutil.Process(parent.pid).children() if named in child.cmdline()
    ]
    assert found is not None
    return found
