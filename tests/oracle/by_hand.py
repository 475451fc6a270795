"""The weekly fact once more, row by row in exact fractions, to judge the oracle itself; refuses to be fast."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from math import floor
from typing import Any

Row = Mapping[str, Any]
Rows = Mapping[str, Sequence[Row]]
Key = tuple[int, str, date]


def weekly_by_hand(tables: Rows, business_date: date, week_start_day: int = 0) -> list[dict[str, Any]]:
    """The rows of `fct_weekly_sales_inventory` in any order; `tables` holds the stock tables, by name, as dicts."""
    sold: dict[Key, list[tuple[int, Decimal, Decimal]]] = defaultdict(list)
    returned: dict[Key, list[tuple[int, Decimal]]] = defaultdict(list)
    counted: dict[Key, dict[date, int | None]] = defaultdict(dict)
    last_count: dict[date, date] = {}
    for warehouse, item, day, quantity, amount, profit in _sales(tables, business_date):
        key = warehouse, item, _week(day, week_start_day)
        sold[key].append((quantity or 0, amount or Decimal(0), profit or Decimal(0)))
    for warehouse, item, day, quantity, amount in _returns(tables, business_date):
        returned[warehouse, item, _week(day, week_start_day)].append((quantity or 0, amount or Decimal(0)))
    for warehouse, item, day, on_hand in _snapshots(tables, business_date):
        week = _week(day, week_start_day)
        counted[warehouse, item, week][day] = on_hand
        last_count[week] = max(day, last_count.get(week, day))

    keys = {*sold, *returned, *counted}
    first_week = min((key[2] for key in keys), default=business_date)
    rows: list[dict[str, Any]] = []
    for key in keys:
        weeks = [(key[0], key[1], key[2] - timedelta(weeks=back)) for back in range(4)]
        quantities = [sum(line[0] for line in sold.get(each, ())) for each in weeks]
        old_enough = key[2] >= first_week + timedelta(days=21)
        row = _placed(tables, key) | _flows(quantities[0], sold.get(key, ()), returned.get(key, ()))
        row |= _stock(counted.get(key, {}), last_count.get(key[2]))
        row |= _judged(row, sum(quantities) if old_enough else None, key[2] + timedelta(days=6) <= business_date)
        rows.append(row)
    return rows


def _week(day: date, week_start_day: int) -> date:
    while day.isoweekday() % 7 != week_start_day:
        day -= timedelta(days=1)
    return day


def _days(tables: Rows) -> dict[int | None, date]:
    return {row["d_date_sk"]: row["d_date"] for row in tables["date_dim"]}


def _item_ids(tables: Rows) -> dict[int | None, str]:
    return {row["i_item_sk"]: row["i_item_id"] for row in tables["item"]}


def _sales(tables: Rows, until: date) -> Iterator[tuple[Any, ...]]:
    days, items = _days(tables), _item_ids(tables)
    for table, p in (("catalog_sales", "cs"), ("web_sales", "ws")):
        for line in tables[table]:
            day, item = days.get(line[f"{p}_sold_date_sk"]), items.get(line[f"{p}_item_sk"])
            if day is None or item is None or day > until or _wrong(line, p, tables):
                continue
            quantity, price, amount = line[f"{p}_quantity"], line[f"{p}_sales_price"], line[f"{p}_ext_sales_price"]
            if amount is None and quantity is not None and price is not None:
                amount = quantity * price
            yield _warehouse(line[f"{p}_warehouse_sk"]), item, day, quantity, amount, line[f"{p}_net_profit"]


def _wrong(line: Row, p: str, tables: Rows) -> bool:
    """Whether a line cannot be right, whatever else is in the source. What is not known proves nothing."""

    def of(name: str) -> Any:
        return line.get(f"{p}_{name}")

    def outside(name: str, low: int, high: float) -> bool:
        return of(name) is not None and not low <= of(name) <= high

    def differ(whole: str, *parts: Any) -> bool:
        return None not in (of(whole), *parts) and of(whole) != sum(parts)

    def times(price: str) -> Any:
        return None if None in (of("quantity"), of(price)) else of("quantity") * of(price)

    def less(name: str) -> Any:
        return None if of(name) is None else -of(name)

    return (
        (
            of("warehouse_sk") is not None
            and of("warehouse_sk") not in {w["w_warehouse_sk"] for w in tables["warehouse"]}
        )
        or any(outside(name, 1, high) for name, high in (("quantity", 100), ("list_price", 300)))
        or outside("sales_price", 0, 300)
        or outside("net_profit", -20000, 40000)
        or outside("net_paid_inc_ship_tax", 0, float("inf"))
        or (None not in (of("sales_price"), of("list_price")) and of("sales_price") > of("list_price"))
        or differ("ext_sales_price", times("sales_price"))
        or differ("ext_list_price", times("list_price"))
        or differ("ext_wholesale_cost", times("wholesale_cost"))
        or differ("ext_discount_amt", of("ext_list_price"), less("ext_sales_price"))
        or differ("net_paid", of("ext_sales_price"), less("coupon_amt"))
        or differ("net_paid_inc_tax", of("net_paid"), of("ext_tax"))
        or differ("net_paid_inc_ship", of("net_paid"), of("ext_ship_cost"))
        or differ("net_paid_inc_ship_tax", of("net_paid"), of("ext_ship_cost"), of("ext_tax"))
        or differ("net_profit", of("net_paid"), less("ext_wholesale_cost"))
    )


def _returns(tables: Rows, until: date) -> Iterator[tuple[Any, ...]]:
    days, items = _days(tables), _item_ids(tables)
    places = {row["w_warehouse_sk"] for row in tables["warehouse"]} | {None}
    for table, p, money in (("catalog_returns", "cr", "return_amount"), ("web_returns", "wr", "return_amt")):
        for line in tables[table]:
            day, item = days.get(line[f"{p}_returned_date_sk"]), items.get(line[f"{p}_item_sk"])
            if day is None or item is None or day > until:
                continue
            place = line["cr_warehouse_sk"] if p == "cr" else _of_the_sale(line, tables, days, until)
            quantity, amount = line[f"{p}_return_quantity"], line[f"{p}_{money}"]
            impossible = (quantity is not None and not 1 <= quantity <= 100) or (
                amount is not None and not 0 <= amount <= 30000
            )
            if place in places and not impossible:
                yield _warehouse(place), item, day, quantity, amount


def _of_the_sale(line: Row, tables: Rows, days: Mapping[int | None, date], until: date) -> int | None:
    sales = [
        sale["ws_warehouse_sk"]
        for sale in tables["web_sales"]
        if (sale["ws_item_sk"], sale["ws_order_number"]) == (line["wr_item_sk"], line["wr_order_number"])
        and line["wr_order_number"] is not None
        and days.get(sale["ws_sold_date_sk"], until) <= until
    ]
    return sales[0] if sales else None


def _snapshots(tables: Rows, until: date) -> Iterator[tuple[int, str, date, int | None]]:
    days, items = _days(tables), _item_ids(tables)
    for row in tables["inventory"]:
        day = days[row["inv_date_sk"]]
        if day <= until:
            yield row["inv_warehouse_sk"], items[row["inv_item_sk"]], day, row["inv_quantity_on_hand"]


def _warehouse(number: int | None) -> int:
    return -1 if number is None else number


def _placed(tables: Rows, key: Key) -> dict[str, Any]:
    end = key[2] + timedelta(days=6)
    revisions = sorted((row for row in tables["item"] if row["i_item_id"] == key[1]), key=lambda row: row["i_item_sk"])
    in_force, previous_end = revisions[0], None
    for revision in revisions:
        since = revision["i_rec_start_date"]
        if since is None and previous_end is not None:
            since = previous_end + timedelta(days=1)
        if since is None or since <= end:
            in_force = revision
        previous_end = revision["i_rec_end_date"]
    return {
        "warehouse_sk": key[0],
        "item_id": key[1],
        "item_sk": in_force["i_item_sk"],
        "week_start_date": key[2],
        "week_end_date": end,
        "week_year": end.year,
        "week_num": (end - date(end.year, 1, 1)).days // 7 + 1,
    }


def _flows(
    quantity: int, sold: Sequence[tuple[int, Decimal, Decimal]], returned: Sequence[tuple[int, Decimal]]
) -> dict[str, Any]:
    back = sum(line[0] for line in returned)
    return {
        "sum_qty_wk": quantity,
        "sum_amt_wk": sum((line[1] for line in sold), Decimal("0.00")),
        "sum_profit_wk": sum((line[2] for line in sold), Decimal("0.00")),
        "ret_qty_wk": back,
        "ret_amt_wk": sum((line[1] for line in returned), Decimal("0.00")),
        "net_qty_wk": quantity - back,
    }


def _stock(counted: Mapping[date, int | None], last_count: date | None) -> dict[str, Any]:
    if last_count is None or last_count not in counted:
        return {"inv_on_hand_qty_wk": None, "inv_snapshot_date": None, "inv_status": "no_snapshot"}
    on_hand = counted[last_count]
    status = "null_on_hand" if on_hand is None else "observed"
    return {"inv_on_hand_qty_wk": on_hand, "inv_snapshot_date": last_count, "inv_status": status}


def _judged(row: Row, sold_4w: int | None, complete: bool) -> dict[str, Any]:
    sold, on_hand = row["sum_qty_wk"], row["inv_on_hand_qty_wk"]
    known = on_hand is not None
    covered = on_hand if complete else None
    return {
        "avg_qty_dy": _six_places(Fraction(sold, 7)) if complete else None,
        "wks_sply": _six_places(Fraction(covered, sold)) if covered is not None and sold else None,
        "wks_sply_4w": _six_places(covered / Fraction(sold_4w, 4)) if covered is not None and sold_4w else None,
        "supply_status": _supply_status(sold, known, complete),
        "low_stock_flg_wk": Fraction(sold, 7) > max(on_hand, 0) if known and complete else None,
        "out_of_stock_flg_wk": on_hand == 0 if known else None,
        "is_complete_week": complete,
    }


def _supply_status(sold: int, known: bool, complete: bool) -> str:
    if not complete:
        return "week_open"
    return "stock_unknown" if not known else "known" if sold else "nothing_sold"


def _six_places(exact: Fraction) -> Decimal:
    return Decimal(floor(abs(exact) * 10**6 + Fraction(1, 2)) * (1 if exact >= 0 else -1)).scaleb(-6)
