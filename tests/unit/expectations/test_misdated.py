"""Lines dated where their channel did not sell are counted; a season, a closed day and a quiet month are not."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import duckdb
import pytest

from expectations.checks.window import JULIAN_DAY_OF_ORDINAL_0, Window

THROUGH = date(2001, 12, 29)
THROUGH_SK = THROUGH.toordinal() + JULIAN_DAY_OF_ORDINAL_0
FIRST_SK = THROUGH_SK - 1_000
SINCE = datetime(2001, 12, 29, 4)
DAILY = Window("run-1", THROUGH, SINCE, SINCE, THROUGH - timedelta(days=1))
FIRST_LOAD = Window("run-1", THROUGH, SINCE)

Sales = dict[int, int]
"""Lines by the key of their day."""

Days = Callable[[int], int]


def sold(through_sk: int, lines: Days = lambda sk: 40) -> Sales:
    return {sk: lines(sk) for sk in range(FIRST_SK, through_sk + 1)}


def misdated(window: Window, sales: Sales, arrived: Sales, name: str = "web_lines") -> list[tuple[int, str, int]]:
    """Day, side and lines of what is misdated; `sales` were there before."""
    with duckdb.connect() as connection:
        connection.execute("create schema raw_sales")
        columns = "_airbyte_extracted_at timestamp with time zone"
        for table, day in {"web_sales": "ws_sold_date_sk", "catalog_sales": "cs_sold_date_sk"}.items():
            connection.execute(f"create table raw_sales.{table} ({day} bigint, {columns})")
            for days, moment in ((sales, SINCE), (arrived, SINCE + timedelta(hours=1))):
                connection.execute(
                    f"insert into raw_sales.{table} select sk, ? from (select unnest(?::bigint[]) as sk, "
                    "unnest(?::bigint[]) as lines) as days cross join range(100) as numbers (n) where n < lines",
                    [moment.replace(tzinfo=UTC), list(days), list(days.values())],
                )
        query = window.names()[f"misdated_{name}"]
        return connection.execute(f"select * from {query} as days order by date_sk").fetchall()


@pytest.mark.parametrize("days_ahead", [30, 150, 9_000])
def test_lines_dated_past_all_sales_are_counted(days_ahead: int) -> None:
    found = misdated(DAILY, sold(THROUGH_SK), {THROUGH_SK + days_ahead: 15})

    assert found == [(THROUGH_SK + days_ahead, "ahead", 15)]


@pytest.mark.parametrize("window", [DAILY, FIRST_LOAD])
def test_lines_dated_before_all_sales_are_counted(window: Window) -> None:
    week = {THROUGH_SK - 3_652 - day: 2 for day in range(7)}

    found = misdated(window, sold(THROUGH_SK), week)

    assert found == [(sk, "back", 2) for sk in sorted(week)]


@pytest.mark.parametrize("window", [DAILY, FIRST_LOAD])
@pytest.mark.parametrize(
    ("sales", "arrived"),
    [
        pytest.param(sold(THROUGH_SK), {}, id="a day like any other"),
        pytest.param(sold(THROUGH_SK), {THROUGH_SK + 1: 15}, id="the next day has begun"),
        pytest.param(sold(THROUGH_SK + 200), {THROUGH_SK + 200: 40}, id="the source has gone on"),
        pytest.param(
            sold(THROUGH_SK + 200, lambda sk: 90 if sk <= THROUGH_SK else 26),
            {THROUGH_SK + 90: 26},
            id="it has gone on into a quiet season",
        ),
        pytest.param({}, sold(THROUGH_SK), id="all of the history arrives again"),
        pytest.param({}, sold(THROUGH_SK, lambda sk: 4 + (sk - FIRST_SK) // 20), id="a shop that grew tenfold"),
        pytest.param(sold(THROUGH_SK), {FIRST_SK: 3, FIRST_SK + 500: 3}, id="old orders are corrected"),
        pytest.param(sold(THROUGH_SK - 400), {THROUGH_SK - 400: 3}, id="the channel has been silent for a year"),
        pytest.param(
            {sk: 12 for sk in range(FIRST_SK, THROUGH_SK) if sk % 3 == 0} | {THROUGH_SK + 36: 12},
            {},
            id="a small channel is silent for five weeks",
        ),
        pytest.param({}, {}, id="it has no line"),
    ],
)
def test_a_good_day_counts_none(window: Window, sales: Sales, arrived: Sales) -> None:
    assert misdated(window, sales, arrived) == []


def test_declared_closed_days_are_no_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    reopened = THROUGH_SK + 60
    closed = tuple(("web", THROUGH + timedelta(days=day)) for day in range(1, 60))
    shop = sold(THROUGH_SK) | {reopened: 40}

    assert misdated(DAILY, shop, {}) == [(reopened, "ahead", 40)]
    monkeypatch.setattr("expectations.checks.window._closed_days", lambda: closed)
    assert misdated(DAILY, shop, {}) == []
    assert misdated(DAILY, shop, {}, "catalog_lines") == [(reopened, "ahead", 40)]
