"""What readers ought to see, reckoned in plain Python; refuses to share a line of SQL with the engine."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from tests.reliability.model.shop import FIRST_WEEK, Books, Stock, Upload, week_of

Table = Counter[tuple[Any, ...]]

COLUMNS = {
    "fct_weekly_sales_inventory": (
        "item_id, week_start_date, sum_qty_wk, cast(sum_amt_wk as bigint), inv_on_hand_qty_wk, "
        "cast(wks_sply_4w as bigint), is_complete_week"
    ),
    "fct_daily_sales": "item_id, sold_date, week_start_date, catalog_lines, catalog_qty, cast(catalog_amt as bigint)",
    "dim_customer": "customer_sk, city",
    "dim_item": "item_sk, item_id, item_desc",
    "dim_week": "week_start_date, is_complete_week",
    "dim_warehouse": "warehouse_sk",
    "dim_date": "date_sk",
}
"""What is compared of each published table, as SQL for the reader and in the order of the tuples below."""


@dataclass(frozen=True)
class Inputs:
    """The versions of all sources that a publication is to be a function of."""

    books_version: int
    objects: frozenset[tuple[str, str]]
    business_date: date


def stock_by_week(uploads: Iterable[Upload]) -> dict[date, Stock]:
    """Of each week the newest dump that has it: by the day in its name, then by its upload."""
    good = sorted((one for one in uploads if one.stocks is not None), key=lambda one: one.rank)
    return {week: stock for one in good for week, stock in (one.stocks or {}).items()}


def reckon(books: Books, uploads: Iterable[Upload], business_date: date) -> dict[str, Table]:
    """Every published table, row by row."""
    stocks = stock_by_week(uploads)
    sold: dict[tuple[date, int], int] = defaultdict(int)
    earned: dict[tuple[date, int], int] = defaultdict(int)
    days: dict[tuple[int, date], list[int]] = defaultdict(lambda: [0, 0, 0])
    for line in books.lines.values():
        week = week_of(line.sold_on)
        sold[week, line.item] += line.quantity
        earned[week, line.item] += line.amount
        day = days[line.item, line.sold_on]
        day[0], day[1], day[2] = day[0] + 1, day[1] + line.quantity, day[2] + line.amount
    grain = set(sold) | {(week, item) for week, stock in stocks.items() for item, _ in stock}
    weekly: Table = Counter()
    for week, item in grain:
        four = sum(sold.get((week - timedelta(days=7 * back), item), 0) for back in range(4))
        on_hand = stocks.get(week, {}).get((item, 1))
        weekly[
            f"I{item}",
            week,
            sold.get((week, item), 0),
            earned.get((week, item), 0),
            on_hand,
            four if week >= FIRST_WEEK + timedelta(days=21) else None,
            week + timedelta(days=6) <= business_date,
        ] += 1
    weeks = {week for week, _ in grain}
    return {
        "fct_weekly_sales_inventory": weekly,
        "fct_daily_sales": Counter({(f"I{i}", d, week_of(d), *values): 1 for (i, d), values in days.items()}),
        "dim_customer": Counter(dict.fromkeys(books.cities.items(), 1)),
        "dim_item": Counter({(item, f"I{item}", text): 1 for item, text in books.descriptions.items()}),
        "dim_week": Counter({(week, week + timedelta(days=6) <= business_date): 1 for week in weeks}),
        "dim_warehouse": Counter({(1,): 1}),
        "dim_date": Counter({(2452582,): 1}),
    }
