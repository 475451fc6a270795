"""What an operator reads while a system outside does not answer, and when the run gives up."""

from __future__ import annotations

import logging
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from prefect import flow

from cli.prefect_api import server
from shelfgate.clients.addresses import of_dsn, of_url
from shelfgate.errors import ExternalServiceUnavailable
from shelfgate.settings import Settings
from tasks.source_totals import look_at_source


@pytest.fixture
def logged() -> Iterator[list[str]]:
    lines: list[str] = []
    handler = logging.Handler()
    handler.emit = lambda record: lines.append(record.getMessage())
    logging.getLogger("prefect.task_runs").addHandler(handler)
    yield lines
    logging.getLogger("prefect.task_runs").removeHandler(handler)


@pytest.fixture
def closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def test_each_attempt_is_said_with_where_and_when_next(
    prefect_server: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, logged: list[str], closed_port: int
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    look = look_at_source.with_options(retry_delay_seconds=[0.01, 0.02, 0.6])
    settings = Settings(source_dsn=f"postgresql://shop:secret@127.0.0.1:{closed_port}/shop")  # pyright: ignore[reportArgumentType]

    @flow
    def asking() -> None:
        look(settings)

    with server(tmp_path, lambda _: None), pytest.raises(ExternalServiceUnavailable) as gave_up:
        asking()

    said = [line for line in logged if line.startswith("look at source failed")]
    assert [line.partition(":")[0] for line in said] == [
        f"look at source failed, attempt {attempt} of 4" for attempt in (1, 2, 3)
    ]
    assert all(f"Postgres at 127.0.0.1:{closed_port} (SHELFGATE_SOURCE_DSN) did not answer" in line for line in said)
    assert said[-1].endswith("Next attempt in 1 s.")
    assert f"127.0.0.1:{closed_port}" in str(gave_up.value)
    assert gave_up.value.__notes__ == ["look at source was attempted 4 times."]
    assert not any("secret" in line for line in logged)


@pytest.mark.parametrize(
    ("dsn", "address"),
    [
        ("postgresql://u:p@db.example:6543/shop", "db.example:6543"),
        ("host=db.example dbname=shop password=p", "db.example:5432"),
        ("postgresql://u:p@[::1]:6543/shop", "[::1]:6543"),
        ("host=a,b port=1,2", "a:1, b:2"),
    ],
)
def test_the_address_of_a_database_holds_no_secret(dsn: str, address: str) -> None:
    assert of_dsn(dsn) == address


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://user:p@api.airbyte.com/v1", "api.airbyte.com:443"),
        ("http://127.0.0.1:8000/api/public/v1?token=t", "127.0.0.1:8000"),
    ],
)
def test_the_address_of_a_service_holds_no_secret(url: str, address: str) -> None:
    assert of_url(url) == address
