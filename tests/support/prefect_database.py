"""A Prefect database of the newest schema, made once for all processes of a test run: migrating one takes 21 s."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

MADE = """
import asyncio
from prefect.server.database import provide_database_interface
asyncio.run(provide_database_interface().create_db())
"""


def make_once(folder: Path) -> Path:
    """The database below a folder that all processes of the run share."""
    database = folder / "prefect.db"
    with (folder / "prefect.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not database.exists():
            _make(folder / "prefect-new")
            (folder / "prefect-new" / "prefect.db").rename(database)
    return database


def _make(folder: Path) -> None:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    subprocess.run(
        [sys.executable, "-c", MADE], env=environment | {"PREFECT_HOME": str(folder)}, check=True, capture_output=True
    )
