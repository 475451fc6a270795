"""What readers see in a Snowflake account, copied into DuckDB for the oracle; never says what it must be."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import date, datetime
from typing import Any

import duckdb

from shelfgate.publication.candidate import PUBLISHED_TABLES
from shelfgate.settings import Settings
from shelfgate.warehouse import Session, open_warehouse
from tests import oracle


@contextmanager
def copied_marts(settings: Settings) -> Iterator[duckdb.DuckDBPyConnection]:
    """Schema `marts` as it is now. Names and their order are the account's, types those that were agreed."""
    with closing(duckdb.connect()) as copy, open_warehouse(settings).turn() as session:
        copy.execute("create schema marts")
        for table in PUBLISHED_TABLES:
            _copy(session, copy, table.name)
        yield copy


def _copy(session: Session, copy: duckdb.DuckDBPyConnection, table: str) -> None:
    agreed = dict(one.strip().split(" ", 1) for one in _split(oracle.COLUMNS[table]))
    rows = session.rows(f"select * from marts.{table}")
    assert rows, f"marts.{table} is empty"
    kinds = [(name, agreed.get(name, "varchar")) for name in rows[0]]
    copy.execute(f"create table marts.{table} ({', '.join(f'{name} {kind}' for name, kind in kinds)})")
    columns = [[_text(row[name]) for row in rows] for name, _ in kinds]
    copy.execute(f"insert into marts.{table} select {', '.join('unnest(?::varchar[])' for _ in kinds)}", columns)


def _split(columns: str) -> list[str]:
    """`a bigint, b decimal(15,2)` at the commas that are in no parenthesis."""
    return columns.replace(", ", "\n").split("\n")


def _text(value: Any) -> str | None:
    if value is None:
        return None
    return value.isoformat() if isinstance(value, date | datetime) else str(value)
