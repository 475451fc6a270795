"""docs/scale.md: its SQL is Snowflake's and runs, and what it calls counted is counted here, at scale 0.01."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import duckdb
import pytest
from inventory_loader.dump.contract import MAX_ROWS, MAX_ROWS_OF_A_SNAPSHOT

from sandbox.snowflake.emulator.sql.dialect import objections
from shelfgate.publication.candidate import PUBLISHED_TABLES
from tests.integration.dbt.test_incremental_build import a_line_arrives_for_an_old_week, build_and_publish
from tests.support.small_warehouse import Dbt, make_warehouse

ROOT = Path(__file__).parents[3]
PAGE = ROOT / "docs" / "scale.md"
FILES = {file.stem: file for file in sorted((ROOT / "docs" / "scale").glob("*.sql"))}
HERE = [name for name in FILES if not name.startswith("snowflake_")]
READ = ("catalog_sales", "web_sales", "catalog_returns", "web_returns", "inventory")
SCALES = ("SF1", "SF100", "SF10,000")
FIRST, NEXT = "2002-12-21", "2002-12-28"


def tables_of_the_page() -> dict[str, dict[str, list[str]]]:
    """Each table by its first heading: the cells of a row by its first cell."""
    found: dict[str, dict[str, list[str]]] = {}
    for block in re.findall(r"(?:^\|.*\n)+", PAGE.read_text(), re.M):
        head, _, *lines = ([cell.strip(" `") for cell in line.split("|")[1:-1]] for line in block.splitlines())
        found[head[0]] = {first: rest for first, *rest in lines}
    return found


def numbers(cells: list[str]) -> list[int]:
    return [int(cell.replace(",", "")) for cell in cells]


@pytest.fixture(scope="module")
def page() -> dict[str, dict[str, list[str]]]:
    return tables_of_the_page()


@pytest.fixture(scope="module")
def dbt(tmp_path_factory: pytest.TempPathFactory) -> Dbt:
    """A first load published; a week later a day with its news and one late line; that day once more without any."""
    path = tmp_path_factory.mktemp("scale") / "warehouse.duckdb"
    make_warehouse(path)
    parsed = Dbt(path, path.parent)("parse", "--no-partial-parse", business_date=FIRST)
    one = Dbt(path, path.parent, parsed.manifest)
    for run, day in (("first", FIRST), ("next", NEXT), ("again", NEXT)):
        assert one("run", "--selector", "staging", business_date=day).success
        if run == "next":
            with duckdb.connect(str(path)) as connection:
                a_line_arrives_for_an_old_week(lambda sql: connection.execute(sql).fetchall()[0][0])
        build_and_publish(one, run, day)
    return one


@pytest.fixture(scope="module")
def connection(dbt: Dbt) -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect(str(dbt.warehouse)) as one:
        yield one


def scanned(connection: duckdb.DuckDBPyConnection, sql: str, profile: Path) -> Counter[str]:
    """Rows that the scans of a statement hand on, by table, after what is pushed down into them."""
    connection.execute("pragma enable_profiling = 'json'")
    connection.execute(f"pragma profiling_output = '{profile}'")
    connection.execute(sql).fetchall()
    connection.execute("pragma disable_profiling")
    found: Counter[str] = Counter()

    def add(node: dict[str, Any]) -> None:
        if table := (node.get("extra_info") or {}).get("Table"):
            found[table.split(".", 1)[1]] += node["operator_cardinality"]
        for child in node.get("children", []):
            add(child)

    add(json.loads(profile.read_text()))
    return found


def count(connection: duckdb.DuckDBPyConnection, table: str) -> int:
    ((found,),) = connection.execute(f"select count(*) from {table}").fetchall()
    return found


def rows(connection: duckdb.DuckDBPyConnection, name: str) -> list[dict[str, Any]]:
    answer = connection.execute(FILES[name].read_text())
    names = [column[0] for column in answer.description or ()]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def test_every_file_is_snowflakes_and_stands_on_the_page_and_no_other_does() -> None:
    found = {name: objections(file.read_text()) for name, file in FILES.items()}

    assert {name: why for name, why in found.items() if why} == {}
    assert set(re.findall(r"\(scale/(\w+)\.sql\)", PAGE.read_text())) == set(FILES)
    assert len(HERE) > 5


@pytest.mark.parametrize("name", HERE)
def test_what_is_not_of_snowflake_alone_is_explained_and_answers(
    name: str, connection: duckdb.DuckDBPyConnection
) -> None:
    ((_, plan),) = connection.execute(f"explain {FILES[name].read_text()}").fetchall()

    assert "SCAN" in plan
    assert rows(connection, name)


def test_the_rows_of_the_page_follow_from_each_other(page: dict[str, dict[str, list[str]]]) -> None:
    counted = {name: numbers(cells) for name, cells in page["table"].items()}
    for at in range(len(SCALES)):
        week = counted["item"][at] // 2 * counted["warehouse"][at]
        assert counted["a week of stock"][at] == week
        assert counted["inventory"][at] == week * 261
        lines = counted["catalog_sales"][at] + counted["web_sales"][at]
        assert counted["sales lines in a week, mean of 263"][at] == round(lines / 263)
    written = {name: numbers(cells) for name, cells in page["written on an ordinary day"].items()}
    assert list(written.values())[:3] == [
        counted[name] for name in ("a week of stock", "sales lines in a week, mean of 263", "customer")
    ]


def test_each_table_is_read_as_often_as_the_page_says(
    dbt: Dbt, connection: duckdb.DuckDBPyConnection, page: dict[str, dict[str, list[str]]], tmp_path: Path
) -> None:
    said = {name: numbers(cells) for name, cells in page["model (a table)"].items()}
    models = [name for name in said if re.fullmatch(r"\w+_\w+", name)]
    tables = {one.name for one in dbt.manifest.nodes.values() if one.config.materialized == "table"}
    compiled = {file.stem: file for file in (dbt.scratch / "target" / "compiled").rglob("models/**/*.sql")}
    whole = [count(connection, f"raw_{'inventory' if name == 'inventory' else 'sales'}.{name}") for name in READ]
    counted = {}
    for name in tables & set(compiled):
        found = scanned(connection, compiled[name].read_text(), tmp_path / "profile.json")
        passes = [found[f"raw_{'inventory' if one == 'inventory' else 'sales'}.{one}"] for one in READ]
        counted[name] = [round(read / all_of_it) for read, all_of_it in zip(passes, whole, strict=True)]

    assert {name: passes for name, passes in counted.items() if any(passes)} == {name: said[name] for name in models}
    assert said["a day"] == [sum(column) for column in zip(*(said[name] for name in models), strict=True)]
    for at, scale in enumerate(SCALES):
        sizes = [numbers(page["table"][name])[at] for name in READ]
        assert said[f"rows read, {scale}"] == [n * size for n, size in zip(said["a day"], sizes, strict=True)]


def test_the_digest_reads_every_line_and_a_range_of_the_key_one_week(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    lines = count(connection, "raw_sales.catalog_sales where cs_sold_date_sk is not null")
    every = scanned(connection, FILES["digest_of_every_week"].read_text(), tmp_path / "one.json")
    week = scanned(connection, FILES["lines_of_one_week"].read_text(), tmp_path / "other.json")

    ((of_the_week, _),) = connection.execute(FILES["lines_of_one_week"].read_text()).fetchall()
    assert every["raw_sales.catalog_sales"] >= lines
    assert week["raw_sales.catalog_sales"] == of_the_week
    assert 0 < of_the_week < lines / 50


def test_a_run_without_news_touches_the_newest_week_and_writes_nothing(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    touched = {row["table_name"]: row for row in rows(connection, "touched_weeks")}
    written = {row["publication_id"]: row for row in rows(connection, "rows_written")}

    facts = [table.name for table in PUBLISHED_TABLES if table.by_week]
    assert {name: row["touched_week_count"] for name, row in touched.items()} == dict.fromkeys(facts, 1)
    assert min(row["week_count"] for row in touched.values()) > 200
    assert sorted(written) == ["pub-000001", "pub-000002"]


def test_a_day_with_news_writes_its_weeks_and_carries_the_rest(connection: duckdb.DuckDBPyConnection) -> None:
    first, following = sorted(rows(connection, "rows_written"), key=lambda row: row["publication_id"])

    assert first["rows_written"] == first["rows_served"]
    assert first["partitions_changed"] == first["partitions_served"]
    moved = connection.execute(
        "select table_name, count(*) as weeks from ops.manifest where publication_id = build_id "
        "and publication_id = 'pub-000002' and week_start_date is not null group by table_name"
    ).fetchall()
    # The new week of both; that of the late line, and of the weekly fact the three after it.
    assert dict(moved) == {"fct_weekly_sales_inventory": 5, "fct_daily_sales": 2}
    assert following["rows_written"] < following["rows_served"] / 2
    assert 500 < following["partitions_served"] <= 531


def test_rows_are_kept_for_publications_that_can_still_be_read(connection: duckdb.DuckDBPyConnection) -> None:
    kept = {row["table_name"]: (row["rows_kept"], row["rows_served"]) for row in rows(connection, "rows_kept")}

    assert all(there >= served > 0 for there, served in kept.values())
    assert kept["fct_weekly_sales_inventory"][0] > kept["fct_weekly_sales_inventory"][1]


def test_a_readers_week_is_all_that_the_scan_of_the_fact_hands_on(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    found = scanned(connection, FILES["a_readers_week"].read_text(), tmp_path / "profile.json")

    week = count(connection, "store.fct_weekly_sales_inventory where week_start_date = date '2002-12-08'")
    assert found["store.fct_weekly_sales_inventory"] == week
    assert 0 < week < count(connection, "store.fct_weekly_sales_inventory") / 200


def test_a_week_of_stock_is_items_by_warehouses(connection: duckdb.DuckDBPyConnection) -> None:
    for week in rows(connection, "snapshot_of_a_week"):
        assert week["row_count"] == week["item_count"] * week["warehouse_count"]


def test_the_loaders_bounds_are_those_that_the_page_names(page: dict[str, dict[str, list[str]]]) -> None:
    text = " ".join(PAGE.read_text().split())
    _, at_100, at_10000 = numbers(page["table"]["a week of stock"])

    assert f"more than {MAX_ROWS:,} rows in one" in text
    assert f"which is {MAX_ROWS // at_100} weeks here" in text
    assert f"the {MAX_ROWS_OF_A_SNAPSHOT:,} of a snapshot" in text
    assert at_100 <= MAX_ROWS_OF_A_SNAPSHOT < at_10000
