"""Keeps the history of the customers day by day, in plain Python; refuses to go back behind a day it has seen."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

from tests.oracle.source import Source
from tests.oracle.tables import Table, customer_row

Row = Mapping[str, Any]

_ABOUT_THE_REVISION: Final = ("row_digest", "valid_from", "valid_to", "is_current")


def apply_day(history: Iterable[Row], today: Iterable[Row], business_date: date) -> list[dict[str, Any]]:
    """The revisions after `business_date`, ordered by customer and start, without `row_digest`.

    `history` is the table as it was published last, `today` the rows of `customer_row`. What an earlier run of the
    same business date did is undone first, so a day is a function of the day before it and of today alone.

    Raises:
        ValueError: a revision begins or ends after `business_date`, or a customer comes twice today.
    """
    revisions: dict[int, list[dict[str, Any]]] = {}
    for row in history:
        revisions.setdefault(row["customer_sk"], []).append(_without(row, ("row_digest",)))
    now: dict[int, dict[str, Any]] = {}
    for row in today:
        if row["customer_sk"] in now:
            raise ValueError(f"customer {row['customer_sk']} comes twice on {business_date}; one row was wanted")
        now[row["customer_sk"]] = dict(row)
    after: list[dict[str, Any]] = []
    for customer in sorted(revisions.keys() | now.keys()):
        before = _before(revisions.get(customer, []), business_date)
        after += _one_customer(before, now.get(customer), business_date)
    return after


def dim_customer(source: Source, history: Iterable[Row], business_date: date) -> Table:
    """The table after the day, `row_digest` NULL; `history` as `Table.rows` gives the published one."""
    today = customer_row(source)
    after = apply_day(history, today.rows(), business_date)
    types = {
        **today.columns(),
        "row_digest": "VARCHAR",
        "valid_from": "DATE",
        "valid_to": "DATE",
        "is_current": "BOOLEAN",
    }
    table = Table(source.connection, "oracle.dim_customer")
    columns = ", ".join(f'"{name}" {type_}' for name, type_ in types.items())
    table.connection.execute(f"create or replace table {table.name} ({columns})")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "rows.json"
        with file.open("w", encoding="utf-8") as lines:
            lines.writelines(json.dumps(row, default=str) + "\n" for row in after)
        table.connection.execute(
            f"insert into {table.name} select * from read_json(?, format = 'newline_delimited', columns = ?)",
            [str(file), types],
        )
    return table


def digest_faults(rows: Iterable[Row]) -> list[str]:
    """Where `row_digest` does not tell two contents of one customer apart, or tells one from itself; none is good."""
    contents: dict[tuple[int, str], tuple[Any, ...]] = {}
    digests: dict[tuple[Any, ...], str] = {}
    faults: list[str] = []
    for row in rows:
        customer, digest = row["customer_sk"], row["row_digest"]
        content = tuple(_without(row, _ABOUT_THE_REVISION).items())
        if digest is None:
            faults.append(f"customer {customer}: no digest")
        elif contents.setdefault((customer, digest), content) != content:
            faults.append(f"customer {customer}: one digest {digest}, two contents")
        elif digests.setdefault(content, digest) != digest:
            faults.append(f"customer {customer}: one content, two digests {digest} and {digests[content]}")
    return faults


def _before(revisions: Sequence[dict[str, Any]], business_date: date) -> list[dict[str, Any]]:
    """A customer's revisions as they were before anything was done for the business date."""
    kept: list[dict[str, Any]] = []
    for row in sorted(revisions, key=lambda row: row["valid_from"]):
        if row["valid_from"] > business_date or (row["valid_to"] or date.min) > business_date:
            raise ValueError(
                f"customer {row['customer_sk']} has a revision {row['valid_from']}..{row['valid_to']}; "
                f"history must not know more than {business_date}. Nothing was applied."
            )
        if row["valid_from"] == business_date:
            continue
        kept.append(_open(row, row["valid_from"]) if row["valid_to"] == business_date else row)
    return kept


def _one_customer(
    before: list[dict[str, Any]], today: dict[str, Any] | None, business_date: date
) -> list[dict[str, Any]]:
    current = before[-1] if before and before[-1]["valid_to"] is None else None
    if current is None:
        return before if today is None else [*before, _open(today, business_date)]
    if today is None:
        return [*before[:-1], {**current, "valid_to": business_date, "is_current": False}]
    if _without(current, _ABOUT_THE_REVISION) == _without(today, _ABOUT_THE_REVISION):
        return before
    closed = {**current, "valid_to": business_date, "is_current": False}
    return [*before[:-1], closed, _open(today, business_date)]


def _open(row: Row, since: date) -> dict[str, Any]:
    return {**_without(row, _ABOUT_THE_REVISION), "valid_from": since, "valid_to": None, "is_current": True}


def _without(row: Row, columns: Sequence[str]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in columns}
