"""A whole estate for a test: sources to change, runs to make, readers' tables to compare with the oracle."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import psycopg

from cli.console import say
from cli.flow_runs import refresh_now
from cli.rendering import read_status
from flows.run_context import Refreshed
from sandbox import stack
from shelfgate.clients.landing_bucket import s3_client
from shelfgate.errors import EngineFailed
from shelfgate.publication.candidate import PUBLISHED_TABLES
from shelfgate.settings import Settings
from shelfgate.warehouse.engines.duckdb.warehouse import turn
from tests import oracle
from tests.support.copied_marts import copied_marts


@dataclass
class House:
    """One sandbox and its warehouse. `customers` is the oracle's own history, kept from publication to publication."""

    home: Path
    day: date = date.min
    rejected: set[str] = field(default_factory=set)
    customers: list[dict[str, Any]] = field(default_factory=list)

    def seed(self, scale: float, through: date) -> None:
        stack.seed(self.home, scale, through, on_progress=lambda _: None)
        self.day = through

    def advance(self, days: int = 1) -> None:
        stack.advance(self.home, days, on_progress=lambda _: None)
        self.day += timedelta(days=days)

    def refresh(self) -> Refreshed:
        _, refreshed = refresh_now(self.day)
        return refreshed

    def refresh_despite_the_engine(self) -> Refreshed:
        """A run that the engine ended is followed by another, as tomorrow's would follow it."""
        try:
            return self.refresh()
        except EngineFailed as failed:
            say(f"{failed} The next run begins.")
        return self.refresh()

    def status(self) -> dict[str, Any]:
        return read_status(Settings.load())

    @contextmanager
    def source(self) -> Iterator[psycopg.Connection]:
        """The retailer's Postgres; commits at the end of the block."""
        with psycopg.connect(stack.info(self.home).postgres_dsn) as connection:
            yield connection

    def drop_dump(self, key: str, content: str) -> None:
        bucket = stack.info(self.home).bucket
        s3_client().put_object(Bucket=bucket, Key=f"inbound/inventory/{key}", Body=content.encode())  # pyright: ignore[reportAttributeAccessIssue]

    def read_dump(self, key: str) -> str:
        bucket = stack.info(self.home).bucket
        found = s3_client().get_object(Bucket=bucket, Key=f"inbound/inventory/{key}")  # pyright: ignore[reportAttributeAccessIssue]
        return found["Body"].read().decode()

    def remove_dump(self, key: str) -> None:
        bucket = stack.info(self.home).bucket
        s3_client().delete_object(Bucket=bucket, Key=f"inbound/inventory/{key}")  # pyright: ignore[reportAttributeAccessIssue]

    @contextmanager
    def warehouse(self) -> Iterator[duckdb.DuckDBPyConnection]:
        """The warehouse file; of an account, a copy of what its readers see."""
        settings = Settings.load()
        if settings.target == "snowflake":
            with copied_marts(settings) as copy:
                yield copy
            return
        with turn(self.home / "warehouse.duckdb") as connection:
            yield connection

    def marts(self) -> dict[str, tuple[int, str]]:
        """Every reader's table as (rows, SHA-256 over all of its bytes in order)."""
        found: dict[str, tuple[int, str]] = {}
        with self.warehouse() as connection:
            for table in (*(one.name for one in PUBLISHED_TABLES), "data_status"):
                rows = connection.execute(f"select * from marts.{table} order by all").fetchall()
                found[table] = (len(rows), hashlib.sha256(repr(rows).encode()).hexdigest())
        return found

    def differences(self, *, facts_only: bool = False, quarantine: bool = False) -> list[str]:
        """What readers see against what the oracle makes of the sources as they are now; empty if they are equal.

        `facts_only` leaves the dimensions to a later day: the oracle keeps customers in Python, 2 s a day at scale 0.1.
        `quarantine` compares the lines set aside as well: they are those of the last build, published or not.
        """
        with self.warehouse() as actual:
            source = oracle.from_postgres(duckdb.connect(), stack.info(self.home).postgres_dsn, self._dumps())
            expected = {
                "fct_weekly_sales_inventory": oracle.fct_weekly_sales_inventory(source, self.day),
                "fct_daily_sales": oracle.fct_daily_sales(source, self.day),
                "dim_week": oracle.dim_week(source, self.day),
            }
            if not facts_only:
                expected |= {
                    "dim_date": oracle.dim_date(source),
                    "dim_warehouse": oracle.dim_warehouse(source),
                    "dim_item": oracle.dim_item(source),
                    "dim_customer": oracle.dim_customer(source, self.customers, self.day),
                }
                self.customers = expected["dim_customer"].rows()
            if quarantine:
                expected |= {
                    "quarantined_sales_lines": oracle.quarantined_sales_lines(source, self.day),
                    "quarantined_return_lines": oracle.quarantined_return_lines(source, self.day),
                }
            found: list[str] = []
            for table, wanted in expected.items():
                aside = table.startswith("quarantined_")
                name = table.replace("quarantined_", "quarantine.") if aside else f"marts.{table}"
                without = [*oracle.NOT_KNOWN.get(table, ()), *([] if aside else ["publication_id"])]
                compared = oracle.compare(wanted, oracle.Table(actual, name), oracle.KEYS[table], without=without)
                found += [f"{table}: {one}" for one in compared]
            source.connection.close()
        return found

    def _dumps(self) -> list[oracle.Dump]:
        client: Any = s3_client()
        bucket = stack.info(self.home).bucket
        pages = client.get_paginator("list_object_versions").paginate(Bucket=bucket)
        found: list[oracle.Dump] = []
        # Newest first: read backwards, the versions of one second follow one another.
        of_a_second: Counter[tuple[str, datetime]] = Counter()
        for version in reversed([one for page in pages for one in page.get("Versions", [])]):
            key, second = version["Key"], version["LastModified"].replace(microsecond=0)
            moment = second + timedelta(microseconds=of_a_second[key, second])
            of_a_second[key, second] += 1
            if version["VersionId"] not in self.rejected and key not in self.rejected:
                body = client.get_object(Bucket=bucket, Key=key, VersionId=version["VersionId"])["Body"]
                found.append(oracle.Dump(key, moment, body.read()))
        return found
