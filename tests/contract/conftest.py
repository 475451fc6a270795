"""A real Postgres with the retail tables and an S3, each started once; refuses to share what a test writes to."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest

import sandbox
from sandbox.sources import postgres_server, tpcds
from tests.contract.inventory.inventory_landing import House, furnished, s3_served


@pytest.fixture(scope="session")
def whole_source(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The DSN of a database with the 14 source tables at scale 0.01, to read only."""
    folder = tmp_path_factory.mktemp("postgres")
    server = postgres_server.start(folder, password=secrets.token_hex(8))
    try:
        _fill(server.dsn, tpcds.generated(0.01, folder, print))
        yield server.dsn
    finally:
        server.stop()


@pytest.fixture(scope="session")
def small_source(whole_source: str) -> str:
    """The same with at most 300 rows a table, to read only: the calendar of two centuries takes long to sync."""
    dsn = _copied(whole_source, "small")
    with psycopg.connect(dsn, autocommit=True) as connection:
        for table in tpcds.PRIMARY_KEYS:
            connection.execute(
                f"create temp table kept as select * from {table} limit 300;"
                f"truncate {table}; insert into {table} select * from kept; drop table kept".encode()
            )
    return dsn


@pytest.fixture
def source(small_source: str) -> Iterator[str]:
    """The DSN of a copy of the small source, this test's own to write to."""
    dsn = _copied(small_source, f"copy_{secrets.token_hex(4)}")
    yield dsn
    _execute_beside(dsn, f"drop database {_name(dsn)} with (force)")


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """The address of an S3."""
    with s3_served() as url:
        yield url


@pytest.fixture
def house(endpoint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    """A bucket and an installed warehouse of this test's own, with the loader between them."""
    return furnished(endpoint, tmp_path, monkeypatch)


def _name(dsn: str) -> str:
    return dsn.rpartition("/")[2]


def _copied(dsn: str, name: str) -> str:
    _execute_beside(dsn, f"create database {name} template {_name(dsn)}")
    return dsn.removesuffix(_name(dsn)) + name


def _execute_beside(dsn: str, statement: str) -> None:
    """Run a statement about a database from another one."""
    with psycopg.connect(dsn.removesuffix(_name(dsn)) + "postgres", autocommit=True) as connection:
        connection.execute(statement.encode())


def _fill(dsn: str, generated: Path) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute((Path(sandbox.__file__).parent / "sources" / "sql" / "source_tables.sql").read_bytes())
        with duckdb.connect() as engine:
            tpcds.load_extension(engine, "postgres_scanner")
            engine.execute(f"attach '{tpcds.quoted(generated)}' as tpcds (read_only)")
            engine.execute(f"attach '{dsn}' as pg (type postgres)")
            for table in tpcds.PRIMARY_KEYS:
                columns = "* exclude (arrives_sk)" if table in tpcds.DATED_TABLES else "*"
                engine.execute(f"insert into pg.public.{table} select {columns} from tpcds.{table}")
        for table, key in tpcds.PRIMARY_KEYS.items():
            connection.execute(f"alter table {table} add primary key ({', '.join(key)})".encode())
