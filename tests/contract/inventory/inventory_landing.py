"""A landing bucket (moto), an installed warehouse file and the loader between them, called as Lambda calls it."""

from __future__ import annotations

import gzip
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import boto3
import duckdb
import pytest
from inventory_loader.handler import handler
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from shelfgate.warehouse import install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBSession

PREFIX = "inbound/inventory/"
HEADER = "inv_date_sk,inv_item_sk,inv_warehouse_sk,inv_quantity_on_hand\n"
FIRST, SECOND, THIRD = 2450815, 2450822, 2450829  # 1998-01-01, 08 and 15

Week = Mapping[tuple[int, int], int | None]
ONE: Week = {(7, 1): 5, (7, 2): None, (9, 1): 0}
CORRECTED: Week = {(7, 1): 6, (7, 2): 1}
OTHER: Week = {(7, 1): 50, (7, 2): 60, (9, 1): 70}


def dump(weeks: Mapping[int, Week]) -> bytes:
    rows = [(sk, *key, quantity) for sk, week in weeks.items() for key, quantity in week.items()]
    return (HEADER + "".join(f"{sk},{item},{place},{'' if q is None else q}\n" for sk, item, place, q in rows)).encode()


@dataclass(frozen=True)
class Context:
    """Lambda's context, with so much time left."""

    milliseconds: int = 60_000
    aws_request_id: str = "request-1"

    def get_remaining_time_in_millis(self) -> int:
        return self.milliseconds


@dataclass(frozen=True)
class House:
    """A landing bucket and a warehouse, and the loader between them."""

    s3: Any
    bucket: str
    warehouse: Path

    def put(self, name: str, content: bytes) -> str:
        answer = self.s3.put_object(Bucket=self.bucket, Key=PREFIX + name, Body=content)
        return answer.get("VersionId", "null")

    def load(self, name: str, version: str | None = None, *, milliseconds: int = 60_000) -> dict[str, Any]:
        event = {"object_key": PREFIX + name, "version_id": version, "run_id": "run-1"}
        return handler(event, Context(milliseconds))

    def drop(self, name: str, weeks: Mapping[int, Week]) -> dict[str, Any]:
        content = dump(weeks)
        return self.load(name, self.put(name, gzip.compress(content) if name.endswith(".gz") else content))

    def stamp(self, name: str, versions: Sequence[str]) -> None:
        """Date the versions of an object a minute apart."""
        for minute, version in enumerate(versions):
            self.date(name, minute, version)

    def date(self, name: str, minute: int, version: str | None = None) -> None:
        """Date an object, or one version of it: S3 tells whole seconds, and moto asks the clock."""
        bucket = s3_backends["123456789012"]["aws"].buckets[self.bucket]
        for key in bucket.keys.getlist(PREFIX + name):
            if version in (None, key.version_id):
                key.last_modified = datetime(1998, 1, 20) + timedelta(minutes=minute)

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.warehouse)) as connection:
            return connection.execute(sql).fetchall()

    def served(self, sk: int) -> Week:
        rows = self.query(
            "select inv_item_sk, inv_warehouse_sk, inv_quantity_on_hand from raw_inventory.inventory "
            f"where inv_date_sk = {sk}"
        )
        assert len({row[:2] for row in rows}) == len(rows)
        return {(item, place): quantity for item, place, quantity in rows}

    def all_of_it(self) -> list[list[tuple[Any, ...]]]:
        tables = ("raw_inventory.inventory", "ops.inventory_snapshot", "ops.load_ledger")
        return [self.query(f"select * from {table} order by all") for table in tables]


@contextmanager
def s3_served() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    try:
        yield f"http://{host}:{port}"
    finally:
        server.stop()


@cache
def installed_warehouse() -> bytes:
    """An installed, empty warehouse file."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "warehouse.duckdb"
        with duckdb.connect(str(path)) as connection:
            install(DuckDBSession(connection))
        return path.read_bytes()


_numbers = count(1)


def furnished(endpoint: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A house of this test's own, and the environment that the loader reads."""
    warehouse, bucket = folder / "warehouse.duckdb", f"landing-{next(_numbers)}"
    warehouse.write_bytes(installed_warehouse())
    settings = {
        "AWS_ENDPOINT_URL_S3": endpoint,
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_MAX_ATTEMPTS": "1",
        "SHELFGATE_TARGET": "duckdb",
        "SHELFGATE_DUCKDB_PATH": str(warehouse),
        "SHELFGATE_S3_BUCKET": bucket,
        "SHELFGATE_S3_PREFIX": PREFIX,
    }
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    s3 = boto3.client("s3")
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    return House(s3, bucket, warehouse)
