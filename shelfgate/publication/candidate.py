"""What a build left in schema `candidate`, measured; refuses a build that is not what its inputs ask for."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from functools import cache
from typing import Any

from shelfgate.errors import PermanentFailure
from shelfgate.model import Partition
from shelfgate.warehouse import Row, Session
from shelfgate.warehouse.published_tables import StoreTable, store_tables

PUBLISHED_TABLES = store_tables()

BEFORE_IT_WAS_RECORDED = 2
"""The schema of builds whose manifest says none: migration 3 brought that column."""


@cache
def published_columns() -> dict[str, tuple[str, ...]]:
    """The columns of each published table in their order: those of its contract.

    SQL about these tables is made of these names. What a catalog lists is compared with them and never put into SQL.
    """
    return {table.name: tuple(column.name for column in table.columns) for table in PUBLISHED_TABLES}


def columns_by_table(session: Session, schema: str) -> dict[str, list[str]]:
    """Names of the columns of every table of a schema, in their order: one question for all, which costs as much as
    one for one table (2.6 ms on DuckDB; two dozen of them were a fifth of a small run)."""
    found = session.rows(
        "select lower(table_name) as table_name, lower(column_name) as name from information_schema.columns "
        "where lower(table_schema) = ? order by table_name, ordinal_position",
        [schema],
    )
    names: dict[str, list[str]] = {}
    for row in found:
        names.setdefault(row["table_name"], []).append(row["name"])
    return names


def served_partitions(session: Session, publication_id: str | None) -> dict[tuple[str, date | None], Row]:
    """The manifest of a publication by (table, week); empty for none."""
    found = session.rows("select * from ops.manifest where publication_id = ?", [publication_id])
    return {(row["table_name"], row["week_start_date"]): row for row in found}


def measure(session: Session, base: str | None) -> tuple[Partition, ...]:
    """Every partition that the candidate would serve: the built ones measured, the others as `base` serves them.

    Grain of the answer: a table and week, or a table that is published whole.

    Raises:
        PermanentFailure: a table is missing or empty, a touched week was not built, an untouched one was, or `base`
            does not serve what the candidate leaves to it.
    """
    served = served_partitions(session, base)
    measured = _measured(session, "candidate", [_Part(t, published_columns()[t.name]) for t in PUBLISHED_TABLES])
    inputs = session.rows(
        "select table_name, week_start_date, through_date, input_digest, is_touched from candidate.partition_inputs"
    )
    found: list[Partition] = []
    for table in PUBLISHED_TABLES:
        built = {week: row for (name, week), row in measured.items() if name == table.name}
        if not built:
            raise PermanentFailure(f"publication: candidate.{table.name} is empty; at least one row was wanted.")
        if not table.by_week:
            found += [_built(table, row) for row in built.values()]
            continue
        asked = [row for row in inputs if row["table_name"] == table.name]
        _refuse_other_weeks(table, {row["week_start_date"] for row in asked if row["is_touched"]}, set(built))
        for row in asked:
            week = row["week_start_date"]
            if row["is_touched"]:
                found.append(_built(table, built[week], row))
            else:
                found.append(_carried(table, served.get((table.name, week)), row))
    return tuple(found)


def measure_readers_view(
    session: Session, weeks: dict[str, list[date]], manifest: Mapping[tuple[str, date | None], Row]
) -> dict[tuple[str, date | None], Row]:
    """Rows, content digest and publications of what readers see: `weeks` of the facts, the other tables whole.

    The digest of a partition is over the columns that its build was written with, as `manifest` says: a column that was
    added since is NULL in it, and was not there to be judged.
    """
    parts: list[_Part] = []
    for table in PUBLISHED_TABLES:
        asked: Sequence[date | None] = weeks.get(table.name, []) if table.by_week else [None]
        by_columns: dict[tuple[str, ...], list[date | None]] = {}
        for week in asked:
            by_columns.setdefault(_columns_of_build(table, manifest.get((table.name, week))), []).append(week)
        for columns, of_these in by_columns.items():
            condition = _one_of("week_start_date", of_these) if table.by_week else "true"
            parts.append(_Part(table, columns, condition, of_these if table.by_week else ()))
    return _measured(session, "marts", parts)


def measure_stored(session: Session, build_id: str, tables: Iterable[str]) -> dict[tuple[str, date | None], Row]:
    """Rows and content digest of what a build has in these tables of the store, and of no other row."""
    names = set(tables)
    chosen = [table for table in PUBLISHED_TABLES if table.name in names]
    parts = [_Part(table, published_columns()[table.name], "build_id = ?", [build_id]) for table in chosen]
    return _measured(session, "store", parts)


@dataclass(frozen=True)
class _Part:
    """Rows of a table that are measured alike: the columns of their digest, a condition and its parameters."""

    table: StoreTable
    columns: tuple[str, ...]
    condition: str = "true"
    parameters: Sequence[Any] = ()


def _columns_of_build(table: StoreTable, served: Row | None) -> tuple[str, ...]:
    if served is None:
        return published_columns()[table.name]
    return tuple(table.columns_at(int(served["schema_version"] or BEFORE_IT_WAS_RECORDED)))


def _one_of(column: str, values: Sequence[Any]) -> str:
    return f"{column} in ({', '.join('?' * len(values))})" if values else "false"


def _measured(session: Session, schema: str, measured: Iterable[_Part]) -> dict[tuple[str, date | None], Row]:
    """row_count, digest and, of readers' views, the publications that serve it, by (table, week); of these parts.

    One statement for all of them: an engine reads them side by side, and in an account each statement is a round trip.
    """
    found = columns_by_table(session, schema)
    statements: list[str] = []
    parameters: list[Any] = []
    for part in measured:
        table = part.table
        _refuse_other_columns(schema, table, found.get(table.name))
        serving = "publication_id" if schema == "marts" else "cast(null as varchar)"
        week = "week_start_date" if table.by_week else "cast(null as date)"
        parameters += part.parameters
        statements.append(
            f"select '{table.name}' as table_name, {week} as week, count(*) as row_count, "
            f"{session.content_digest(part.columns)} as digest, min({serving}) as first_id, max({serving}) as last_id "
            f"from {schema}.{table.name} where {part.condition} group by {week}"
        )
    rows = session.rows(" union all ".join(statements), parameters) if statements else []
    return {(row["table_name"], row["week"]): row for row in rows}


_OF_OURS = {"candidate": (), "store": ("build_id",), "marts": ("publication_id",)}
"""The columns that a schema adds to those of the contract."""


def _refuse_other_columns(schema: str, table: StoreTable, found: list[str] | None) -> None:
    """Before any SQL is made about a table that the catalog lists."""
    follows = (
        "What was published stands, but was not read back"
        if schema == "marts"
        else "Nothing was published; readers keep what they had"
    )
    if not found:
        raise PermanentFailure(f"publication: {schema}.{table.name} does not exist; one table expected. {follows}.")
    expected = (*published_columns()[table.name], *_OF_OURS[schema])
    missing = [name for name in expected if name not in found]
    extra = [name for name in found if name not in expected]
    if missing or extra or len(found) != len(expected):
        shown = ", ".join(name if re.fullmatch(r"[a-z_][a-z0-9_]{0,62}", name) else "(no plain name)" for name in extra)
        raise PermanentFailure(
            f"publication: {schema}.{table.name} has {len(found)} columns, {len(expected)} expected: those of its "
            f"contract. Missing: {', '.join(missing) or 'none'}; not in the contract: {shown or 'none'}. {follows}. "
            f"Find what else changes tables in schema {schema}, then run again."
        )


def _refuse_other_weeks(table: StoreTable, touched: set[date], built: set[date | None]) -> None:
    if touched == built:
        return
    missing, extra = sorted(touched - built), sorted(built - touched, key=str)
    raise PermanentFailure(
        f"publication: candidate.{table.name} holds {len(built)} weeks, its inputs ask for {len(touched)}: "
        f"{len(missing)} missing (first {missing[0] if missing else '-'}), {len(extra)} too many (first "
        f"{extra[0] if extra else '-'}). Nothing was published; run again, and look at the models if it comes back."
    )


def _built(table: StoreTable, row: Row, inputs: Row | None = None) -> Partition:
    digest, through = (inputs["input_digest"], inputs["through_date"]) if inputs else (None, None)
    return Partition(table.name, row["week"], row["row_count"], row["digest"], digest, through, touched=True)


def _carried(table: StoreTable, served: Row | None, row: Row) -> Partition:
    if served is None or served["input_digest"] != row["input_digest"]:
        raise PermanentFailure(
            f"publication: the candidate leaves {table.name} {row['week_start_date']} to the publication it is built "
            "on, which does not serve that week from the same inputs. Nothing was published; run again."
        )
    return Partition(
        table.name,
        row["week_start_date"],
        served["row_count"],
        served["digest"],
        row["input_digest"],
        row["through_date"],
        touched=False,
    )
