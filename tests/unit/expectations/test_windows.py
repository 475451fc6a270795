"""Each row that has arrived is in its window once; the windows are written so that an engine can skip the others."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from expectations.checks.window import JULIAN_DAY_OF_ORDINAL_0, LINES, Window
from expectations.validation.gate import suites_of
from shelfgate.model import Gate

SINCE = datetime(2002, 12, 21, 4, 0)
ARRIVED = {False: SINCE.replace(tzinfo=UTC), True: SINCE.replace(tzinfo=UTC) + timedelta(microseconds=1)}
THROUGH = date(2002, 12, 28)
THROUGH_SK = THROUGH.toordinal() + JULIAN_DAY_OF_ORDINAL_0
WINDOW = Window("run-1", THROUGH, datetime(2002, 12, 28, 4, 0), SINCE, date(2002, 12, 27))
FROM_DAY = date(2002, 12, 20).toordinal() + JULIAN_DAY_OF_ORDINAL_0
"""A week before the last publication."""

Row = tuple[int | None, bool]
"""The key of its day, and whether it has arrived since."""


def rows_of(days: list[int | None]) -> list[Row]:
    return [(day, arrived) for day in days for arrived in (False, True)]


def held(
    table: str, day: str, arrived: str, others: list[str], rows: list[Row], query: str, *besides: str
) -> list[int]:
    """Which of the rows a query returns, by their place; a row that it returns twice is there twice."""
    with duckdb.connect() as connection:
        for schema in ("raw_sales", "staging"):
            connection.execute(f"create schema {schema}")
        for statement in besides:
            connection.execute(statement)
        columns = ", ".join(f"{other} integer" for other in others)
        connection.execute(f"create table {table} ({day} bigint, {arrived} timestamp with time zone, {columns})")
        for place, (sk, new) in enumerate(rows):
            values = [sk, ARRIVED[new], *[place] * len(others)]
            connection.execute(f"insert into {table} values ({', '.join('?' * len(values))})", values)
        found = connection.execute(f"select {others[0]} from ({query}) as judged order by 1").fetchall()
    return [place for (place,) in found]


DAYS = [
    pytest.param([None, 1, FROM_DAY - 22, FROM_DAY - 21, FROM_DAY, FROM_DAY + 7], id="the source sells"),
    pytest.param([None, FROM_DAY - 29, FROM_DAY - 28, FROM_DAY], id="its last four weeks begin earlier"),
    pytest.param([None, FROM_DAY - 529, FROM_DAY - 528, FROM_DAY - 500], id="it has been silent"),
    pytest.param([None, FROM_DAY - 22, FROM_DAY - 21, FROM_DAY + 9_000], id="a line is dated far ahead"),
    pytest.param(
        [None, FROM_DAY - 529, FROM_DAY - 528, FROM_DAY - 500, THROUGH_SK + 1], id="silent, then a line ahead"
    ),
    pytest.param([None, THROUGH_SK + 1], id="no line has its day by the business date"),
    pytest.param([None], id="no line has its day"),
    pytest.param([], id="there is none"),
]


def arriving(days: list[int | None], rows: list[Row]) -> list[int]:
    """The places of the new rows, and of those from four weeks before the last publication or the last day on."""
    last = max((day for day in days if day is not None and day <= THROUGH_SK), default=THROUGH_SK)
    first = min(FROM_DAY + 7, last) - 28
    return [place for place, (sk, new) in enumerate(rows) if new or (sk is not None and sk >= first)]


@pytest.mark.parametrize("days", DAYS)
@pytest.mark.parametrize("name", [name for name in LINES if name.startswith("arriving_")])
def test_arriving_lines_are_the_new_and_the_recent_each_once(name: str, days: list[int | None]) -> None:
    lines = LINES[name]
    rows = rows_of(days)

    found = held(lines.table, lines.day, lines.arrived, ["place"], rows, WINDOW.sets()[name])

    assert found == arriving(days, rows)


@pytest.mark.parametrize("days", DAYS)
@pytest.mark.parametrize(("channel", "day"), [("catalog", "cs_sold_date_sk"), ("web", "ws_sold_date_sk")])
def test_staging_judges_the_weeks_that_landing_judges(channel: str, day: str, days: list[int | None]) -> None:
    (suite,) = (one for one in suites_of(Gate.STAGING) if one["meta"]["dataset"] == f"{channel}_lines")
    # Cleaning keeps no line of tomorrow.
    staged = [sk for sk in days if sk is None or sk <= THROUGH_SK]
    rows = rows_of(staged)
    others = ["item_sk", "order_number", "sold_date", "quantity", "sales_price", "list_price", "ext_sales_price"]
    others += ["net_profit", "broken_rule", "warehouse_sk"]
    judged = WINDOW.names(suite["meta"]["window"])["judged_window"]

    found = held(
        f"staging.stg_sales__{channel}_lines",
        "sold_date_sk",
        "extracted_at",
        others,
        rows,
        f"select * from {judged} as judged",
        f"create table raw_sales.{channel}_sales ({day} bigint)",
        *(f"insert into raw_sales.{channel}_sales values ({sk or 'null'})" for sk in days),
    )

    assert found == arriving(days, rows)
