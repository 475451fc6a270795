"""An Airbyte connection under test: its two ends, the stand-in between them, and the production client that runs it."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from sandbox.airbyte.api_server import BASE_PATH, AirbyteConfig, airbyte_app
from sandbox.sources.tpcds import PRIMARY_KEYS
from shelfgate.clients.airbyte.api import AirbyteApi
from shelfgate.clients.airbyte.responses import Job
from shelfgate.errors import SyncFailed
from tests.contract.serving import served

CONNECTION = "2f4c0b39-6f5c-4d0e-9d6c-1a0f4b5e7c21"
META = ["_airbyte_raw_id", "_airbyte_extracted_at", "_airbyte_meta", "_airbyte_generation_id"]


_HOLD = """
import duckdb, sys
held = duckdb.connect(sys.argv[1])
print("held", flush=True)
sys.stdin.read()
"""


@contextmanager
def held(warehouse: Path) -> Iterator[None]:
    """Another process has the warehouse file: a sync runs, and gets no further."""
    holder = subprocess.Popen(
        [sys.executable, "-c", _HOLD, str(warehouse)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    try:
        yield
    finally:
        holder.communicate()


def configured(source: str, folder: Path, **changes: Any) -> AirbyteConfig:
    return AirbyteConfig(
        **{
            "postgres_dsn": source,
            "warehouse": folder / "warehouse.duckdb",
            "state_folder": folder / "airbyte",
            "client_id": "shop",
            "client_secret": "shop-secret",
            "connection_id": CONNECTION,
            **changes,
        }
    )


class Connection:
    def __init__(self, config: AirbyteConfig, address: str) -> None:
        self.config = config
        self.url = address + BASE_PATH
        self.api = self.client()

    def client(self, **changes: Any) -> AirbyteApi:
        return AirbyteApi(
            **{
                "base_url": self.url,
                "client_id": self.config.client_id,
                "client_secret": self.config.client_secret,
                "sleep": lambda _: time.sleep(0.02),
                **changes,
            }
        )

    def sync(self) -> Job:
        triggered = self.api.trigger(CONNECTION)
        return self.api.await_job(triggered.job.job_id, 60, lambda _: None)

    def why_it_failed(self) -> str:
        """Airbyte's public API does not tell; the stand-in's record does."""
        with pytest.raises(SyncFailed, match=rf"job \d+ of connection {CONNECTION} failed"):
            self.sync()
        return json.loads((self.config.state_folder / "airbyte_jobs.json").read_text())[-1]["failure"]

    def change(self, statement: str) -> None:
        with psycopg.connect(self.config.postgres_dsn, autocommit=True) as connection:
            connection.execute(statement.encode())

    def in_source(self, query: str) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.config.postgres_dsn) as connection:
            rows = connection.execute(query.encode()).fetchall()
        return [tuple(float(v) if isinstance(v, Decimal) else v for v in row) for row in rows]

    def landed(self, query: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.config.warehouse)) as warehouse:
            return warehouse.execute(query).fetchall()

    def rows(self, table: str) -> tuple[list[tuple[Any, ...]], list[tuple[Any, ...]]]:
        """The rows of the source, and what landed of them."""
        order = f"order by {', '.join(PRIMARY_KEYS[table])}"
        columns = f"* exclude ({', '.join(META)})"
        return (
            self.in_source(f"select * from {table} {order}"),
            self.landed(f"select {columns} from raw_sales.{table} {order}"),
        )


@contextmanager
def connected(config: AirbyteConfig) -> Iterator[Connection]:
    with served(airbyte_app(config)) as address:
        yield Connection(config, address)
