"""Each row that has arrived is in its window once; the windows are written so that an engine can skip the others."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from expectations.gates import suites_of
from expectations.window import JULIAN_DAY_OF_ORDINAL_0, LINES, Window
from shelfgate.model import Gate

SINCE = datetime(2002, 12, 21, 4, 0)
ARRIVED = {False: SINCE.replace(tzinfo=UTC), True: SINCE.replace(tzinfo=UTC) + timedelta(microseconds=1)}
WINDOW = Window("run-1", date(2002, 12, 28), datetime(2002, 12, 28, 4, 0), SINCE, date(2002, 12, 27))
FROM_DAY = date(2002, 12, 20).toordinal() + JULIAN_DAY_OF_ORDINAL_0
"""A week before the last publication."""

Row = tuple[int | None, bool]
"""The key of its day, and whether it has arrived since."""


def rows_of(days: list[int | None]) -> list[Row]:
    return [(day, arrived) for day in days for arrived in (False, True)]


def held(table: str, day: str, arrived: str, others: list[str], rows: list[Row], query: str) -> list[int]:
    """Which of the rows a query returns, by their place; a row that it returns twice is there twice."""
    schema = table.split(".")[0]
    with duckdb.connect() as connection:
        connection.execute(f"create schema {schema}")
        columns = ", ".join(f"{other} integer" for other in others)
        connection.execute(f"create table {table} ({day} bigint, {arrived} timestamp with time zone, {columns})")
        for place, (sk, new) in enumerate(rows):
            values = [sk, ARRIVED[new], *[place] * len(others)]
            connection.execute(f"insert into {table} values ({', '.join('?' * len(values))})", values)
        found = connection.execute(f"select {others[0]} from ({query}) as judged order by 1").fetchall()
    return [place for (place,) in found]


@pytest.mark.parametrize(
    "days",
    [
        pytest.param([None, 1, FROM_DAY - 22, FROM_DAY - 21, FROM_DAY, FROM_DAY + 7], id="the source sells"),
        pytest.param([None, FROM_DAY - 29, FROM_DAY - 28, FROM_DAY], id="its last four weeks begin earlier"),
        pytest.param([None, FROM_DAY - 529, FROM_DAY - 528, FROM_DAY - 500], id="it has been silent"),
        pytest.param([None, FROM_DAY - 22, FROM_DAY - 21, FROM_DAY + 9_000], id="a line is dated far ahead"),
        pytest.param([None], id="no line has its day"),
        pytest.param([], id="there is none"),
    ],
)
@pytest.mark.parametrize("name", [name for name in LINES if name.startswith("arriving_")])
def test_arriving_lines_are_the_new_and_the_recent_each_once(name: str, days: list[int | None]) -> None:
    lines = LINES[name]
    rows = rows_of(days)
    dated = [one for one in days if one is not None]
    first = min(FROM_DAY - 21, max(dated, default=FROM_DAY) - 28)
    wanted = [place for place, (sk, new) in enumerate(rows) if new or (sk is not None and sk >= first)]

    found = held(lines.table, lines.day, lines.arrived, ["place"], rows, WINDOW.sets()[name])

    assert found == wanted


@pytest.mark.parametrize("dataset", ["catalog_lines", "web_lines"])
def test_staged_lines_are_judged_for_five_weeks_and_when_they_arrive_each_once(dataset: str) -> None:
    (suite,) = (one for one in suites_of(Gate.STAGING) if one["meta"]["dataset"] == dataset)
    rows = rows_of([None, 1, FROM_DAY - 29, FROM_DAY - 28, FROM_DAY, FROM_DAY + 7])
    wanted = [place for place, (sk, new) in enumerate(rows) if new or (sk is not None and sk >= FROM_DAY - 28)]
    others = ["item_sk", "order_number", "sold_date", "quantity", "sales_price", "list_price", "ext_sales_price"]
    others += ["net_profit", "broken_rule", "warehouse_sk"]

    judged = WINDOW.names(suite["meta"]["window"])["judged_window"]
    table = f"staging.stg_sales__{dataset}"
    found = held(table, "sold_date_sk", "extracted_at", others, rows, f"select * from {judged} as judged")

    assert found == wanted
