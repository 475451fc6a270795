"""A real Postgres with the retail tables at scale 0.01, for whatever reads the source. Started once, copied for each test."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from pathlib import Path

import duckdb
import psycopg
import pytest

import sandbox
from sandbox import postgres, processes, tpcds


@pytest.fixture(scope="session")
def source_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The DSN of a database that holds the 14 source tables. Do not write to it: `source` is a copy to write to."""
    folder = tmp_path_factory.mktemp("postgres")
    server = postgres.start(folder, password=secrets.token_hex(8), port=processes.free_port())
    try:
        _fill(server.dsn, tpcds.generated(0.01, folder, print))
        yield server.dsn
    finally:
        server.stop()


@pytest.fixture
def source(source_server: str) -> Iterator[str]:
    """The DSN of a copy of the source, this test's own."""
    name = f"copy_{secrets.token_hex(4)}"
    origin = source_server.rpartition("/")[2]
    maintenance = source_server.removesuffix(origin) + "postgres"
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"create database {name} template {origin}")
    yield source_server.removesuffix(origin) + name
    with psycopg.connect(maintenance, autocommit=True) as connection:
        connection.execute(f"drop database {name} with (force)")


def _fill(dsn: str, generated: Path) -> None:
    tables = (Path(sandbox.__file__).parent / "sql" / "source_tables.sql").read_text()
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(tables.encode())
    with duckdb.connect() as engine:
        tpcds.load_extension(engine, "postgres_scanner")
        engine.execute(f"attach '{tpcds.quoted(generated)}' as tpcds (read_only)")
        engine.execute(f"attach '{dsn}' as pg (type postgres)")
        for table in tpcds.PRIMARY_KEYS:
            columns = "* exclude (arrives_sk)" if table in tpcds.DATED_TABLES else "*"
            engine.execute(f"insert into pg.public.{table} select {columns} from tpcds.{table}")
    with psycopg.connect(dsn, autocommit=True) as connection:
        for table, key in tpcds.PRIMARY_KEYS.items():
            connection.execute(f"alter table {table} add primary key ({', '.join(key)})".encode())
