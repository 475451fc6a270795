"""The estate's own Prefect server: for this home's key alone, and for no web page but its own."""

from __future__ import annotations

import os
import socket

from sandbox import processes
from sandbox.home import Home, Identity
from sandbox.processes import Process
from shelfgate import with_parent
from shelfgate.errors import PermanentFailure


def start(home: Home, identity: Identity, listening: socket.socket) -> Process:
    """What `prefect server start` runs, at a socket that listens already: the command itself takes a port only."""
    home.prefect.mkdir(parents=True, exist_ok=True)
    url = f"http://127.0.0.1:{processes.port_of(listening)}"
    # A caller's Prefect settings (a cloud's address, another database) are not this server's.
    environment = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    environment |= {
        "PREFECT_HOME": str(home.prefect),
        "PREFECT_API_URL": f"{url}/api",
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_ALLOW_EPHEMERAL_MODE": "false",
        "PREFECT_SERVER_API_AUTH_STRING": identity.prefect_auth_string,
        # Its own pages only; any origin, unless told otherwise.
        "PREFECT_SERVER_CORS_ALLOWED_ORIGINS": url,
        "PREFECT__SERVER_FINAL": "1",
    }
    app = ["--factory", "prefect.server.api.server:create_app"]
    with (home.sandbox / "prefect.log").open("ab") as output:
        child = with_parent.start(
            "uvicorn",
            [*app, "--fd", str(listening.fileno()), "--no-access-log"],
            log=output,
            environment=environment,
            folder=home.prefect,
            sockets=[listening],
        )
    process = processes.find(child.pid)
    if process is None:
        raise PermanentFailure(f"Prefect's server ended at once:\n{processes.tail(home.sandbox / 'prefect.log')}")
    return process
