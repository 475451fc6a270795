"""The estate's own Prefect server, for this home's key alone."""

from __future__ import annotations

import socket

from sandbox import processes
from sandbox.home import Home, HomeIdentity
from sandbox.processes import Process
from shelfgate import prefect_server
from shelfgate.errors import PermanentFailure


def start(home: Home, identity: HomeIdentity, listening: socket.socket) -> Process:
    """Start it at a socket that listens already."""
    log = home.sandbox / "prefect.log"
    child = prefect_server.start(home.prefect, log, listening, identity.prefect_auth_string)
    process = processes.find(child.pid)
    if process is None:
        raise PermanentFailure(f"Prefect's server ended at once:\n{processes.tail(log)}")
    return process
