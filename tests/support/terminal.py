"""The command line as a person or a script uses it: in a process of its own."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import termios
from typing import Any

SHELFGATE = [sys.executable, "-m", "cli.main"]
_STYLE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def start(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen([*SHELFGATE, *arguments], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def run(*arguments: str) -> tuple[int, str, str]:
    process = start(*arguments)
    out, err = process.communicate(timeout=240)
    return process.returncode, out, err


def answered(*arguments: str) -> dict[str, Any]:
    status, out, err = run(*arguments, "--json")
    assert status == 0, err
    return json.loads(out)


def on_terminal(columns: int, *arguments: str) -> tuple[int, str]:
    """Exit status and what a terminal of so many columns was sent, without styles, before it folds a line."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {key: value for key, value in os.environ.items() if key not in {"COLUMNS", "LINES"}}
    process = subprocess.Popen(
        [*SHELFGATE, *arguments],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env={**environment, "TERM": "xterm-256color"},
    )
    os.close(theirs)
    sent = bytearray()
    while True:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # on Linux the end of a terminal is an error
            break
        if not chunk:
            break
        sent += chunk
    os.close(ours)
    return process.wait(timeout=60), _STYLE.sub("", sent.decode()).replace("\r\n", "\n")
