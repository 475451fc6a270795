"""The dbt project builds what it promises on a small real warehouse; what each number must be, its unit tests say."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest
from sqlfluff.core import FluffConfig, Linter

from tests.support.small_warehouse import MARTS, PROJECT, Dbt, Ran, make_warehouse, publish

LAST_DAY = "2003-01-08"


@pytest.fixture(scope="module")
def warehouse(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dbt") / "warehouse.duckdb"
    make_warehouse(path)
    return path


@pytest.fixture(scope="module")
def parsed(warehouse: Path) -> tuple[Dbt, Ran]:
    scratch = warehouse.parent
    ran = Dbt(warehouse, scratch)("parse", "--no-partial-parse", business_date=LAST_DAY)
    return Dbt(warehouse, scratch, ran.manifest), ran


@pytest.fixture(scope="module")
def built(parsed: tuple[Dbt, Ran]) -> Dbt:
    """Built in the two steps of the day, through the names that the flow uses."""
    dbt, _ = parsed
    daily = ("--exclude-resource-type", "unit_test")
    for chosen in (("staging",), ("path:models/intermediate", "path:models/marts")):
        ran = dbt("build", "--select", *chosen, *daily, business_date=LAST_DAY, run_id="run-1")
        assert ran.success, ran.complaints
        assert ran.nodes
        assert set(ran.nodes.values()) <= {"success", "pass", "no-op"}
    return dbt


def columns(dbt: Dbt, table: str) -> list[tuple[str, str]]:
    return dbt.read(f"select column_name, column_type from (describe {table})")


@pytest.fixture
def unpublished(built: Dbt) -> Dbt:
    """The candidates are built; readers see nothing yet."""
    with duckdb.connect(str(built.warehouse)) as connection:
        for table in (*(f"store.{mart}" for mart in MARTS), "ops.manifest", "ops.publication"):
            connection.execute(f"delete from {table}")
        connection.execute("update ops.pointer set publication_id = null where name = 'current'")
    return built


@pytest.fixture(scope="module")
def snowflake(warehouse: Path, parsed: tuple[Dbt, Ran]) -> tuple[Dbt, Ran]:
    """The project for Snowflake, which parsing and compiling never call."""
    scratch = warehouse.parent / "snowflake"
    ran = Dbt(warehouse, scratch, target="snowflake")("parse", "--no-partial-parse", business_date=LAST_DAY)
    return Dbt(warehouse, scratch, ran.manifest, target="snowflake"), ran


@pytest.mark.parametrize("engine", ["parsed", "snowflake"])
def test_a_parse_has_nothing_to_warn_about(engine: str, request: pytest.FixtureRequest) -> None:
    # Both: dbt checks the YAML against its schema, where most deprecations show, for Snowflake and not for DuckDB.
    _, ran = request.getfixturevalue(engine)

    assert ran.success
    assert ran.complaints == []


def test_every_model_can_be_read_by_snowflake(snowflake: tuple[Dbt, Ran]) -> None:
    dbt, _ = snowflake
    offline = ("--no-introspect", "--no-populate-cache")
    assert dbt("compile", *offline, "--select", "resource_type:model", business_date=LAST_DAY).success
    linter = Linter(config=FluffConfig(overrides={"dialect": "snowflake", "templater": "raw"}))

    compiled = {path: path.read_text() for path in (dbt.scratch / "target" / "compiled").rglob("models/**/*.sql")}
    unread = {path.name: linter.parse_string(text).violations for path, text in compiled.items()}

    assert len(compiled) >= len(list(PROJECT.rglob("models/**/*.sql")))
    assert {name: found for name, found in unread.items() if found} == {}
    assert [path.name for path, text in compiled.items() if "//" in text] == []


def test_every_rule_has_its_unit_test_and_holds(built: Dbt) -> None:
    ran = built("test", "--select", "test_type:unit")

    assert ran.success, ran.complaints
    assert len(ran.nodes) >= 14
    assert set(ran.nodes.values()) == {"pass"}


@pytest.mark.parametrize(
    ("chosen", "folders"),
    [
        (("--select", "staging"), ["staging"]),
        (("--selector", "staging"), ["staging"]),
        (("--select", "path:models/intermediate", "path:models/marts"), ["intermediate", "marts"]),
        (("--selector", "marts"), ["intermediate", "marts"]),
    ],
)
def test_a_selector_holds_the_models_of_its_folders(
    parsed: tuple[Dbt, Ran], chosen: tuple[str, ...], folders: list[str]
) -> None:
    dbt, _ = parsed
    files = {path.stem for folder in folders for path in (PROJECT / "models" / folder).rglob("*.sql")}

    assert dbt("ls", "--resource-type", "model", "--output", "name", *chosen, business_date=LAST_DAY).listed == files


def test_schemas_hold_what_their_name_says_and_nothing_else(built: Dbt) -> None:
    held: dict[str, set[str]] = {}
    for schema, table in built.read("select table_schema, table_name from information_schema.tables"):
        held.setdefault(schema, set()).add(table)

    assert held["candidate"] == {*MARTS, "partition_inputs"}
    assert held["quarantine"] == {"sales_lines", "return_lines"}
    assert {table.split("_")[0] for table in held["staging"]} == {"stg", "int"}
    assert held["marts"] == {*MARTS, "data_status"}


@pytest.mark.parametrize("table", MARTS)
def test_a_candidate_has_the_columns_of_its_store_and_of_its_view(built: Dbt, table: str) -> None:
    candidate = columns(built, f"candidate.{table}")

    assert columns(built, f"store.{table}") == [("build_id", "VARCHAR"), *candidate]
    assert columns(built, f"marts.{table}") == [*candidate, ("publication_id", "VARCHAR")]


@pytest.mark.parametrize("given", [{}, {"business_date": "8 Jan 2003"}, {"business_date": "2003-1-8"}])
def test_without_a_business_date_nothing_is_guessed(built: Dbt, given: dict[str, object]) -> None:
    ran = built("build", "--select", "stg_sales__web_lines", **given)

    assert not ran.success
    assert any("a date like 2003-01-08 is wanted" in complaint for complaint in ran.complaints)


def test_a_week_cannot_begin_on_an_eighth_day(built: Dbt) -> None:
    ran = built("build", "--select", "int_closing_days_picked", business_date=LAST_DAY, week_start_day=7)

    assert not ran.success
    assert any("0 (Sunday) to 6 (Saturday) is wanted" in complaint for complaint in ran.complaints)


def test_what_is_dated_after_the_business_date_is_not_there_yet(built: Dbt) -> None:
    day = "2000-06-30"
    chosen = ("stg_sales__catalog_lines", "stg_sales__web_returns", "stg_inventory__snapshots")
    seen = """select (select max(sold_date) from staging.stg_sales__catalog_lines),
        (select max(returned_date) from staging.stg_sales__web_returns),
        (select max(snapshot_date) from staging.stg_inventory__snapshots),
        (select count(*) from staging.stg_sales__catalog_lines where sold_date is null)"""
    try:
        assert built("build", "--select", *chosen, business_date=day).success
        ((sold, returned, snapshot, undated),) = built.read(seen)
    finally:
        assert built("build", "--select", *chosen, business_date=LAST_DAY).success

    assert max(sold, returned, snapshot).isoformat() <= day
    assert undated > 0


@pytest.mark.parametrize(("channel", "prefix"), [("catalog", "cs"), ("web", "ws")])
def test_what_the_source_sold_is_published_or_quarantined_to_the_cent(built: Dbt, channel: str, prefix: str) -> None:
    ((source,),) = built.read(
        f"""select (count(*), sum({prefix}_quantity),
            sum(round(coalesce({prefix}_ext_sales_price, {prefix}_quantity * {prefix}_sales_price), 2)::decimal(15, 2)),
            sum(round({prefix}_net_profit, 2)::decimal(15, 2))) from raw_sales.{channel}_sales"""
    )
    ((found,),) = built.read(
        f"""select (sum(lines), sum(qty), sum(amt), sum(profit)) from (
            select {channel}_lines as lines, {channel}_qty as qty, {channel}_amt as amt, {channel}_profit as profit
            from candidate.fct_daily_sales
            union all
            select 1, quantity, amount, profit from quarantine.sales_lines
            where channel = '{channel}' and run_id = 'run-1')"""
    )

    assert found == source


@pytest.mark.parametrize("table", [*MARTS, "data_status"])
def test_before_the_first_publication_readers_see_empty_tables(unpublished: Dbt, table: str) -> None:
    assert unpublished.read(f"select * from marts.{table}") == []


def test_readers_see_each_week_once_from_the_build_that_the_current_publication_names(unpublished: Dbt) -> None:
    publish(unpublished, "first")
    with duckdb.connect(str(unpublished.warehouse)) as connection:
        connection.execute("update store.fct_daily_sales set web_lines = -1 where build_id = 'first'")
    publish(unpublished, "second", kept_week="2002-12-22", kept_build="first")

    for table in MARTS:
        ((rows,),) = unpublished.read(f"select count(*) from candidate.{table}")
        seen = unpublished.read(f"select count(*), list(distinct publication_id) from marts.{table}")
        assert seen == [(rows, ["second"])]
    weeks_of_first = "select distinct week_start_date::varchar from marts.fct_daily_sales where web_lines = -1"
    assert unpublished.read(weeks_of_first) == [("2002-12-22",)]


def test_customers_that_did_not_change_stay_as_published(unpublished: Dbt) -> None:
    publish(unpublished, "today")
    before = unpublished.read("select * from candidate.dim_customer order by all")

    for day in (LAST_DAY, "2003-01-09"):
        assert unpublished("build", "--select", "dim_customer", business_date=day).success
        assert unpublished.read("select * from candidate.dim_customer order by all") == before


def test_data_status_tells_the_last_verdict_of_every_gate_of_the_run(unpublished: Dbt) -> None:
    publish(unpublished, "judged")
    with duckdb.connect(str(unpublished.warehouse)) as connection:
        connection.execute(
            """insert into ops.publication values ('judged', null, 1, 'publish', 'run-1', '2003-01-08',
            '2003-01-09 01:00:00', '2003-01-08', '2002-12-26', '', 1, 1, '["late week"]', 'run-1')"""
        )
        for hour, run, gate, result in ((1, "run-1", "landing", "closed"), (2, "run-1", "landing", "open"),
                                        (2, "run-1", "marts", "open"), (3, "run-0", "marts", "closed")):  # fmt: skip
            connection.execute(
                """insert into ops.gate_result values (?, ?, 'sales', 'suite', '', '2003-01-08',
                timestamp '2003-01-09 00:00:00' + to_hours(?), 1, 1, 1, 0, 0, 0, '', ?, '[]', null, null)""",
                [run, gate, hour, result],
            )

    status = unpublished.read("select table_name, publication_id, row_count, gates, waivers from marts.data_status")

    assert {row[0] for row in status} == set(MARTS)
    for table, publication, rows, gates, waivers in status:
        assert publication == "judged"
        assert [(rows,)] == unpublished.read(f"select count(*) from candidate.{table}")
        assert waivers == '["late week"]'
        verdicts = {verdict["gate"]: verdict["result"] for verdict in json.loads(gates)}
        assert verdicts == {"landing": "open", "marts": "open"}


def test_dbt_leaves_the_warehouse_to_the_next_process(built: Dbt) -> None:
    opened = subprocess.run(
        [sys.executable, "-c", "import duckdb, sys; duckdb.connect(sys.argv[1]).close()", built.warehouse],
        capture_output=True,
        text=True,
        check=False,
    )

    assert opened.returncode == 0, opened.stderr
