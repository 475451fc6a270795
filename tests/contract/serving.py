"""Serves an application to the tests over real HTTP, as the sandbox does; refuses to outlive the test."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import uvicorn


@contextmanager
def served(app: Callable[..., Any]) -> Iterator[str]:
    """The address, such as `http://127.0.0.1:12345`; the application's lifespan ends with the block."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        # asyncio does this only for sockets that it made itself; without it a second answer takes 44 ms.
        listening.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        server = uvicorn.Server(uvicorn.Config(app, log_config=None, lifespan="on", timeout_graceful_shutdown=1))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
        thread.start()
        try:
            deadline = time.monotonic() + 10
            while not server.started:
                assert thread.is_alive(), "the application ended while starting"
                assert time.monotonic() < deadline, "the application did not start in time"
                time.sleep(0.005)
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join(20)
        assert not thread.is_alive(), "the application did not stop"
