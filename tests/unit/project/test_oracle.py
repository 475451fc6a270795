"""Judges the judge: the oracle against rows worked out by hand. Refuses agreement on data that shows nothing."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests import oracle
from tests.oracle.by_hand import Rows
from tests.oracle.toy import fill, sources

BUSINESS_DATE = date(2003, 1, 8)
WEEKLY_KEY = oracle.KEYS["fct_weekly_sales_inventory"]
few = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])


@pytest.fixture(scope="module")
def generated() -> Iterator[oracle.Source]:
    with duckdb.connect() as connection:
        yield oracle.generate(connection, 0.01)


@pytest.fixture(scope="module")
def connection() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        yield connection


def by_key(rows: list[dict[str, Any]]) -> dict[tuple[Any, ...], dict[str, Any]]:
    keyed = {tuple(row[name] for name in WEEKLY_KEY): row for row in rows}
    assert len(keyed) == len(rows)
    return keyed


def columns_of(table: oracle.Table) -> str:
    return ", ".join(f"{name} {type_.lower()}" for name, type_ in table.columns().items())


@settings(few, max_examples=100)
@given(drawn=sources(), week_start_day=st.integers(0, 6))
def test_the_weekly_fact_equals_the_one_worked_out_by_hand(
    connection: duckdb.DuckDBPyConnection, drawn: tuple[Rows, date], week_start_day: int
) -> None:
    tables, business_date = drawn

    weekly = oracle.fct_weekly_sales_inventory(fill(connection, tables), business_date, week_start_day)

    assert by_key(weekly.rows()) == by_key(oracle.weekly_by_hand(tables, business_date, week_start_day))


def test_generated_data_agrees_row_by_row_and_shows_every_status(generated: oracle.Source) -> None:
    names = (
        "catalog_sales",
        "web_sales",
        "catalog_returns",
        "web_returns",
        "inventory",
        "date_dim",
        "item",
        "warehouse",
    )
    tables = {name: oracle.Table(generated.connection, f"source.{name}").rows() for name in names}

    weekly = oracle.fct_weekly_sales_inventory(generated, BUSINESS_DATE)
    rows = weekly.rows()

    assert by_key(rows) == by_key(oracle.weekly_by_hand(tables, BUSINESS_DATE))
    assert {row["inv_status"] for row in rows} == {"observed", "null_on_hand", "no_snapshot"}
    assert {row["supply_status"] for row in rows} == {"stock_unknown", "nothing_sold", "known", "week_open"}
    assert {row["low_stock_flg_wk"] for row in rows} == {True, False, None}
    assert {row["is_complete_week"] for row in rows} == {True, False}


@pytest.mark.parametrize(
    ("sold", "on_hand", "weeks", "low"),
    [
        (7, 1, "0.142857", False),
        (8, 1, "0.125000", True),
        (128, 1, "0.007813", True),  # 0.0078125: a tie goes up
        (384, 1, "0.002604", True),  # 0.00260416
        (1, 0, "0.000000", True),
        (0, 0, None, False),
        (7, None, None, None),
    ],
)
def test_a_day_of_stock_is_not_low_and_a_tie_is_rounded_up(
    connection: duckdb.DuckDBPyConnection, sold: int, on_hand: int | None, weeks: str | None, low: bool | None
) -> None:
    tables = {
        "date_dim": [{"d_date_sk": 1, "d_date": date(2002, 12, 26)}],
        "item": [{"i_item_sk": 1, "i_item_id": "A"}],
        "warehouse": [{"w_warehouse_sk": 1}],
        # No line sells more than 100 units.
        "web_sales": [
            {"ws_sold_date_sk": 1, "ws_item_sk": 1, "ws_warehouse_sk": 1, "ws_quantity": min(100, sold - before)}
            for before in range(0, sold, 100)
        ],
        "inventory": [
            {"inv_date_sk": 1, "inv_item_sk": 1, "inv_warehouse_sk": 1, "inv_quantity_on_hand": on_hand},
        ],
    }

    (row,) = oracle.fct_weekly_sales_inventory(fill(connection, tables), BUSINESS_DATE).rows()

    assert (row["wks_sply"], row["low_stock_flg_wk"]) == (None if weeks is None else Decimal(weeks), low)


@pytest.mark.parametrize(
    ("business_date", "weeks", "status"),
    [
        (date(2002, 12, 26), None, "week_open"),
        (date(2002, 12, 27), None, "week_open"),
        (date(2002, 12, 28), "3.000000", "known"),
    ],
)
def test_a_week_has_no_supply_before_its_last_day(
    connection: duckdb.DuckDBPyConnection, business_date: date, weeks: str | None, status: str
) -> None:
    tables = {
        "date_dim": [{"d_date_sk": day, "d_date": date(2002, 12, day)} for day in (5, 26)],
        "item": [{"i_item_sk": 1, "i_item_id": "A"}],
        "warehouse": [{"w_warehouse_sk": 1}],
        "web_sales": [{"ws_sold_date_sk": d, "ws_item_sk": 1, "ws_warehouse_sk": 1, "ws_quantity": 4} for d in (5, 26)],
        "inventory": [
            {"inv_date_sk": 26, "inv_item_sk": 1, "inv_warehouse_sk": 1, "inv_quantity_on_hand": 12},
        ],
    }

    rows = oracle.fct_weekly_sales_inventory(fill(connection, tables), business_date).rows()

    (last,) = (row for row in rows if row["week_start_date"] == date(2002, 12, 22))
    assert (last["inv_on_hand_qty_wk"], last["supply_status"]) == (12, status)
    assert (last["wks_sply"], last["wks_sply_4w"]) == (
        (None, None) if weeks is None else (Decimal(weeks), Decimal("6"))
    )


@settings(few, max_examples=25)
@given(drawn=sources())
def test_every_unit_and_cent_of_the_source_is_published_or_quarantined(
    connection: duckdb.DuckDBPyConnection, drawn: tuple[Rows, date]
) -> None:
    tables, _ = drawn
    source, last_day = fill(connection, tables), max(row["d_date"] for row in tables["date_dim"])
    daily = oracle.fct_daily_sales(source, last_day)
    quarantined = oracle.quarantined_sales_lines(source, last_day)

    for channel, p in (("catalog", "cs"), ("web", "ws")):
        amount = f"coalesce({p}_ext_sales_price, {p}_quantity * {p}_sales_price)"
        sums = connection.execute(
            f"select {p}_quantity, {amount}, {p}_net_profit, 1 from source.{channel}_sales"
        ).fetchall()
        placed = connection.execute(
            f"select {channel}_qty, {channel}_amt, {channel}_profit, {channel}_lines from {daily.name}"
        ).fetchall()
        aside = connection.execute(
            f"select quantity, amount, profit, 1 from {quarantined.name} where channel = '{channel}'"
        ).fetchall()
        for measure in range(4):
            assert _total(sums, measure) == _total(placed, measure) + _total(aside, measure)


def _total(rows: list[tuple[Any, ...]], measure: int) -> Decimal:
    return sum((Decimal(row[measure] or 0) for row in rows), Decimal(0))


def test_days_and_week_labels_agree_with_the_weekly_fact(generated: oracle.Source) -> None:
    weekly = oracle.fct_weekly_sales_inventory(generated, BUSINESS_DATE, 1)
    daily = oracle.fct_daily_sales(generated, BUSINESS_DATE, 1)
    weeks = oracle.dim_week(generated, BUSINESS_DATE, 1)
    run = generated.connection.execute
    labels = "week_start_date, week_end_date, week_year, week_num, is_complete_week"

    sums = "sum(catalog_qty + web_qty), sum(catalog_amt + web_amt), sum(catalog_profit + web_profit)"
    by_day = f"select warehouse_sk, item_id, week_start_date, {sums} from {daily.name} group by all"
    by_week = f"select warehouse_sk, item_id, week_start_date, sum_qty_wk, sum_amt_wk, sum_profit_wk from {weekly.name}"
    assert run(f"{by_day} except {by_week}").fetchall() == []
    assert run(f"select distinct {labels} from {weekly.name} except select {labels} from {weeks.name}").fetchall() == []
    assert {row["week_start_date"].isoweekday() for row in weeks.rows()} == {1}


def test_every_table_has_the_columns_agreed(generated: oracle.Source) -> None:
    made = {
        "fct_weekly_sales_inventory": oracle.fct_weekly_sales_inventory(generated, BUSINESS_DATE),
        "fct_daily_sales": oracle.fct_daily_sales(generated, BUSINESS_DATE),
        "dim_week": oracle.dim_week(generated, BUSINESS_DATE),
        "dim_date": oracle.dim_date(generated),
        "dim_warehouse": oracle.dim_warehouse(generated),
        "dim_item": oracle.dim_item(generated),
        "customer_row": oracle.customer_row(generated),
        "dim_customer": oracle.dim_customer(generated, [], BUSINESS_DATE),
        "quarantined_sales_lines": oracle.quarantined_sales_lines(generated, BUSINESS_DATE),
        "quarantined_return_lines": oracle.quarantined_return_lines(generated, BUSINESS_DATE),
    }

    assert {name: columns_of(table) for name, table in made.items()} == oracle.COLUMNS


def test_two_rows_for_one_item_in_one_snapshot_are_refused(connection: duckdb.DuckDBPyConnection) -> None:
    tables = {
        "date_dim": [{"d_date_sk": 1, "d_date": BUSINESS_DATE}],
        "item": [{"i_item_sk": number, "i_item_id": "A"} for number in (1, 2)],
        "inventory": [{"inv_date_sk": 1, "inv_item_sk": number, "inv_warehouse_sk": 1} for number in (1, 2)],
    }

    with pytest.raises(oracle.UnusableSource, match="1 snapshot rows of one item"):
        oracle.fct_weekly_sales_inventory(fill(connection, tables), BUSINESS_DATE)


def test_a_weekend_is_saturday_and_sunday_whatever_date_dim_says(generated: oracle.Source) -> None:
    rows = {row["calendar_date"]: row for row in oracle.dim_date(generated).rows()}

    assert len(rows) == 73_049
    for day, row in rows.items():
        assert row["is_weekend"] == (day.isoweekday() >= 6)
        assert (row["day_name"], row["day_of_week"]) == (f"{day:%A}", day.isoweekday() % 7)
        assert row["quarter_of_year"] == (day.month + 2) // 3


def test_an_unknown_start_follows_the_revision_before(connection: duckdb.DuckDBPyConnection) -> None:
    end_of_may, new_year = date(2000, 5, 31), date(2001, 1, 1)
    revisions = [(1, None, end_of_may), (2, None, None), (3, new_year, None)]
    names = ("i_item_sk", "i_rec_start_date", "i_rec_end_date")
    source = fill(connection, {"item": [{**dict(zip(names, row, strict=True)), "i_item_id": "A"} for row in revisions]})

    rows = {
        row["item_sk"]: (row["valid_from"], row["valid_to"], row["is_current"])
        for row in oracle.dim_item(source).rows()
    }

    june = end_of_may + timedelta(days=1)
    assert rows == {1: (None, june, False), 2: (june, new_year, False), 3: (new_year, None, True)}


def test_every_warehouse_item_and_customer_is_there_once(generated: oracle.Source) -> None:
    warehouses = {row["warehouse_sk"]: row for row in oracle.dim_warehouse(generated).rows()}
    items = oracle.dim_item(generated).rows()
    customers = oracle.customer_row(generated).rows()

    assert (warehouses[-1]["warehouse_name"], warehouses[-1]["warehouse_id"]) == ("unallocated", None)
    assert len(items) == 180
    assert sum(row["is_current"] for row in items) == len({row["item_id"] for row in items})
    assert len({row["customer_sk"] for row in customers}) == len(customers) == 1000


def dump(
    key: str, *rows: str, hour: int = 6, header: str = "inv_date_sk,inv_item_sk,inv_warehouse_sk,inv_quantity_on_hand"
) -> oracle.Dump:
    content = "\n".join([header, *rows, ""]).encode()
    return oracle.Dump(
        f"inbound/inventory/{key}",
        datetime(2001, 1, 1, hour, tzinfo=UTC),
        gzip.compress(content) if key.endswith(".gz") else content,
    )


def in_force(connection: duckdb.DuckDBPyConnection, *dumps: oracle.Dump) -> set[tuple[Any, ...]]:
    source = oracle.Source(connection, "dumped")
    oracle.put_in_force(source, dumps)
    return set(connection.execute("from dumped.inventory").fetchall())


def test_the_newest_dump_of_a_week_wins_whole_whenever_it_arrives(connection: duckdb.DuckDBPyConnection) -> None:
    first = dump("2001-01-05.csv", "1,1,1,10", "1,2,1,20", "8,1,1,30", hour=9)
    restated = dump("2001-01-06-again.csv.gz", "1,1,1,11", hour=8)
    late = dump("2001-01-04.csv", "1,1,1,12", "15,1,1,", hour=10)

    assert in_force(connection, first, restated, late) == {(1, 1, 1, 11), (8, 1, 1, 30), (15, 1, 1, None)}
    assert in_force(connection, late, restated, first) == {(1, 1, 1, 11), (8, 1, 1, 30), (15, 1, 1, None)}


def test_of_one_day_the_later_arrival_wins_and_columns_go_by_name(connection: duckdb.DuckDBPyConnection) -> None:
    header = "inv_quantity_on_hand,inv_warehouse_sk,inv_item_sk,inv_date_sk"
    morning, noon = dump("2001-01-05.csv", "1,1,1,10"), dump("2001-01-05-b.csv", "40,3,2,1", hour=12, header=header)

    assert in_force(connection, noon, morning, morning) == {(1, 2, 3, 40)}


def test_dumps_that_nothing_orders_are_refused(connection: duckdb.DuckDBPyConnection) -> None:
    with pytest.raises(oracle.UnusableSource, match="which is newer is not defined"):
        in_force(connection, dump("2001-01-05.csv", "1,1,1,10"), dump("2001-01-05-b.csv", "1,1,1,11"))
    with pytest.raises(oracle.UnusableSource, match="not the key of a dump"):
        in_force(connection, dump("yesterday.csv", "1,1,1,10"))


SAME = "select * from (values (1, 'a', 1.50), (2, null, null), (2, null, null), (3, 'c', 0)) as t (id, name, amount)"


def differences(connection: duckdb.DuckDBPyConnection, actual: str, expected: str = SAME) -> list[tuple[Any, ...]]:
    connection.execute(f"create or replace table expected as {expected}; create or replace table actual as {actual}")
    found = oracle.compare(oracle.Table(connection, "expected"), oracle.Table(connection, "actual"), ["id"])
    return [(each.kind, each.column, each.rows) for each in found]


@pytest.mark.parametrize(
    ("actual", "found"),
    [
        (SAME, []),
        (f"from ({SAME}) order by id desc", []),
        (f"select id, name, case id when 3 then null else amount end as amount from ({SAME})", [("cell", "amount", 1)]),
        (f"select id, coalesce(name, '') as name, amount from ({SAME})", [("ambiguous", None, 2)]),
        (f"select distinct * from ({SAME})", [("missing", None, 1)]),
        (f"from ({SAME}) where id < 3", [("missing", None, 1)]),
        (f"from ({SAME}) union all select 4, 'd', 2", [("unexpected", None, 1)]),
        (f"select name, id, amount from ({SAME})", [("order", None, 1)]),
        (f"select id, name, amount::double as amount from ({SAME})", [("type", "amount", 1)]),
        (f"select *, 1 as extra from ({SAME})", [("column", "extra", 1)]),
        (f"select id, name from ({SAME})", [("column", "amount", 1)]),
    ],
)
def test_a_difference_is_found_and_named(connection: duckdb.DuckDBPyConnection, actual: str, found: list[Any]) -> None:
    assert differences(connection, actual) == found


def test_a_differing_cell_is_shown_with_its_key(connection: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    connection.execute(f"create or replace table expected as from ({SAME}) where id <> 2")
    with duckdb.connect(tmp_path / "warehouse.duckdb") as other:
        other.execute(f"create table mart as select id, upper(name) as name, amount from ({SAME}) where id <> 2")
        copied = oracle.compare(oracle.Table(connection, "expected"), oracle.Table(other, "mart"), ["id"])
    with oracle.attached(connection, tmp_path / "warehouse.duckdb") as warehouse:
        in_place = oracle.compare(
            oracle.Table(connection, "expected"), oracle.Table(connection, f"{warehouse}.mart"), ["id"]
        )

    assert copied == in_place
    assert copied[0].examples == (oracle.Example({"id": 1}, "a", "A"), oracle.Example({"id": 3}, "c", "C"))


DAYS = [date(2000, 1, 1) + timedelta(days=number) for number in range(5)]
states = st.dictionaries(st.integers(1, 3), st.sampled_from(["red", "blue", "", None]))


def as_rows(state: dict[int, str | None]) -> list[dict[str, Any]]:
    return [{"customer_sk": customer, "colour": colour} for customer, colour in state.items()]


@settings(few)
@given(days=st.lists(states, min_size=1, max_size=5), reruns=st.lists(states, min_size=5, max_size=5))
def test_the_history_tells_each_day_as_it_was_and_a_rerun_leaves_no_trace(
    days: list[dict[int, str | None]], reruns: list[dict[int, str | None]]
) -> None:
    history: list[dict[str, Any]] = []
    for day, state, first_try in zip(DAYS, days, reruns, strict=False):
        once = oracle.apply_day(history, as_rows(state), day)
        again = oracle.apply_day(oracle.apply_day(history, as_rows(first_try), day), as_rows(state), day)
        assert again == once
        history = once

    for day, state in zip(DAYS, days, strict=False):
        then = [
            row for row in history if row["valid_from"] <= day and (row["valid_to"] is None or row["valid_to"] > day)
        ]
        assert {row["customer_sk"]: row["colour"] for row in then} == state
        assert len(then) == len(state)
    assert all(row["is_current"] == (row["valid_to"] is None) for row in history)
    assert all(row["valid_to"] is None or row["valid_from"] < row["valid_to"] for row in history)


def test_only_a_change_begins_a_revision() -> None:
    first = oracle.apply_day([], as_rows({1: "red", 2: None}), DAYS[0])

    after = oracle.apply_day(first, as_rows({1: "blue", 2: None}), DAYS[1])

    assert [(row["customer_sk"], row["colour"], row["valid_from"], row["valid_to"]) for row in after] == [
        (1, "red", DAYS[0], DAYS[1]),
        (1, "blue", DAYS[1], None),
        (2, None, DAYS[0], None),
    ]
    with pytest.raises(ValueError, match="must not know more"):
        oracle.apply_day(after, [], DAYS[0])


def test_the_customer_table_continues_what_was_published(generated: oracle.Source) -> None:
    first = oracle.dim_customer(generated, [], DAYS[0])
    before = first.rows()
    changed = [row | {"email_address": "", "row_digest": "x"} if row["customer_sk"] == 7 else row for row in before]

    after = oracle.dim_customer(generated, changed, DAYS[1]).rows()

    assert (len(before), len(after)) == (1000, 1001)
    assert [row["valid_to"] for row in after if row["customer_sk"] == 7] == [DAYS[1], None]


def test_a_digest_changes_if_and_only_if_an_attribute_does() -> None:
    def revision(colour: str | None, digest: str) -> dict[str, Any]:
        return {"customer_sk": 1, "colour": colour, "row_digest": digest, "valid_from": DAYS[0]}

    assert oracle.digest_faults([revision("red", "x"), revision(None, "y"), revision("red", "x")]) == []
    assert "two contents" in oracle.digest_faults([revision("", "x"), revision(None, "x")])[0]
    assert "two digests" in oracle.digest_faults([revision("red", "x"), revision("red", "y")])[0]
