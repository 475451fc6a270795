"""Prefect's server as a child of this process: for the holder of a key, and for no web page but its own."""

from __future__ import annotations

import os
import socket
import subprocess
from collections.abc import Mapping
from pathlib import Path

from shelfgate import child_processes


def start(
    folder: Path, log: Path, listening: socket.socket, key: str, more: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """What `prefect server start` runs, at a socket that listens already: the command itself takes a port only, and one
    that is only found free may be somebody else's when the server asks for it.

    Close `listening` then: a client waits for an answer as long as anybody holds it, also after the server has ended.
    """
    folder.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{listening.getsockname()[1]}"
    # A caller's Prefect settings (a cloud's address, another database) are not this server's.
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PREFECT_")}
    environment |= {
        "PREFECT_HOME": str(folder),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_SERVER_API_AUTH_STRING": key,
        # Its own pages only; any origin, unless told otherwise.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": url,
        "PREFECT__SERVER_FINAL": "1",
        # Registering the types of every block means importing every Prefect integration, Snowflake's and dbt with it:
        # 15 of 23 s of processor time at each start (2026-12-01). A block that is saved registers its own type; for
        # the form of an unused one in the pages: `prefect block register -m prefect_aws`. Without the second setting
        # the integrations are imported to see whether anything would have to be registered.
        "PREFECT_API_BLOCKS_REGISTER_ON_START": "false",
        "PREFECT_MEMOIZE_BLOCK_AUTO_REGISTRATION": "false",
        **(more or {}),
    }
    app = ["--factory", "prefect.server.api.server:create_app"]
    with log.open("ab") as output:
        return child_processes.start(
            "uvicorn",
            [*app, "--fd", str(listening.fileno()), "--no-access-log"],
            log=output,
            environment=environment,
            folder=folder,
            sockets=[listening],
        )
