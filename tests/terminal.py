"""The command line as a person or a script uses it: in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

SHELFGATE = [sys.executable, "-m", "flows.cli"]


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
