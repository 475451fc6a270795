"""A contract is an Open Data Contract, and its page says what it says."""

from __future__ import annotations

import html
import json
import re
from importlib import resources
from pathlib import Path

import jsonschema
import pytest
import yaml

from expectations.compiler import contract_pages
from expectations.compiler.contract_files import contract_files, read_contract
from expectations.compiler.suites import suites_of_contract
from expectations.compiler.waivable import is_waivable
from expectations.validation.results import as_check
from shelfgate.clients.source_postgres import DATED, UNDATED
from shelfgate.errors import ConfigurationError
from shelfgate.model import Gate
from shelfgate.publication.candidate import PUBLISHED_TABLES, published_columns

ROOT = Path(__file__).parents[3]
FILES = list(contract_files())
ALL = {path.name: read_contract(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_each_contract_is_valid_by_the_official_schema(path: Path) -> None:
    text = (resources.files("open_data_contract_standard") / "schema.json").read_text(encoding="utf-8")
    schema = json.loads(text)
    assert "v3.1.0" in schema["properties"]["apiVersion"]["enum"]

    faults = jsonschema.Draft201909Validator(schema).iter_errors(ALL[path.name])

    assert [f"{'/'.join(map(str, fault.absolute_path))}: {fault.message[:200]}" for fault in faults] == []


def test_every_source_table_the_dumps_and_every_published_table_have_a_contract() -> None:
    named = {thing["physicalName"] for contract in ALL.values() for thing in contract["schema"]}

    wanted = {f"raw_sales.{table}" for table in (*DATED, *UNDATED)} | {"raw_inventory.inventory", "ops.load_ledger"}
    wanted |= {f"candidate.{table.name}" for table in PUBLISHED_TABLES} | {"marts.data_status"}
    assert len(wanted) == 14 + 2 + 8
    assert wanted - named == set()


def test_the_published_columns_are_those_of_the_contracts() -> None:
    things = {thing["physicalName"]: thing for contract in ALL.values() for thing in contract["schema"]}

    named = {
        table.name: tuple(one["name"] for one in things[f"candidate.{table.name}"]["properties"])
        for table in PUBLISHED_TABLES
    }
    assert published_columns() == named


def test_the_contract_of_a_source_table_lists_its_columns() -> None:
    things = {thing["physicalName"]: thing for contract in ALL.values() for thing in contract["schema"]}
    declared = (ROOT / "sandbox" / "sources" / "sql" / "source_tables.sql").read_text(encoding="utf-8")
    tables = re.findall(r"create table public\.(\w+) \((.*?)\n\);", declared, re.S)
    assert {table for table, _ in tables} == {*DATED, *UNDATED}

    for table, columns in tables:
        listed = things[f"raw_sales.{table}"]["properties"]
        assert sorted(one["name"] for one in listed) == sorted(re.findall(r"^    (\w+) ", columns, re.M)), table
        assert all("logicalType" in one for one in listed), table


@pytest.mark.parametrize("name", ALL)
def test_a_contract_and_its_page_name_the_owner_and_how_fresh_the_data_are(name: str) -> None:
    contract = ALL[name]
    deployments = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]
    (daily,) = [one for each in deployments for one in each.get("schedules", []) if one["slug"] == "daily"]

    frequency, latency = contract["slaProperties"]

    assert (frequency["property"], frequency["schedule"]) == ("frequency", daily["cron"])
    assert (latency["property"], latency["value"], latency["unit"]) == ("latency", 1, "d")
    page = (contract_pages.PAGES / f"{contract['name']}.md").read_text(encoding="utf-8")
    assert f"Owner: {contract['team']['name']}." in page
    assert f"| latency | 1 d | {latency['description'].strip()} |" in page


def test_every_page_is_what_its_contract_says() -> None:
    assert contract_pages.stale_pages() == []


def test_a_page_names_every_check_with_what_to_do(tmp_path: Path) -> None:
    (path,) = [path for path in FILES if path.name == "catalog_sales.odcs.yaml"]
    contract = read_contract(path)

    text = contract_pages.compile_pages()["catalog_sales.md"]

    for rule in contract["schema"][0]["quality"]:
        (line,) = [line for line in text.splitlines() if line.startswith(f"| `{rule['id']}` |")]
        for item in rule["customProperties"]:
            assert " ".join(item["value"].split()).replace("|", "\\|") in html.unescape(line)


def test_a_changed_contract_a_missing_page_and_a_page_without_a_contract_are_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contract_pages, "PAGES", tmp_path)
    assert "customers.md" in contract_pages.write_pages()
    assert contract_pages.stale_pages() == []
    (tmp_path / "customers.md").write_text("changed by hand")
    (tmp_path / "returns.md").unlink()
    (tmp_path / "gone.md").write_text("its contract is gone")

    assert contract_pages.stale_pages() == ["customers.md", "gone.md", "returns.md"]
    assert contract_pages.write_pages() == ["customers.md", "gone.md", "returns.md"]
    assert not (tmp_path / "gone.md").exists()


def test_the_official_schema_refuses_a_contract_without_a_version() -> None:
    schema = json.loads((resources.files("open_data_contract_standard") / "schema.json").read_text(encoding="utf-8"))
    contract = read_contract(FILES[0])
    del contract["version"]

    assert not jsonschema.Draft201909Validator(schema).is_valid(contract)


CONTRACT = """
version: 1.0.0
schema:
  - name: things
    physicalName: raw.things
    properties:
      - name: price
        logicalTypeOptions: {minimum: 0}
        customProperties: [{property: mayBeAllNull, value: "yes"}]
    quality:
      - id: dear
        type: custom
        engine: greatExpectations
        description: No thing is dear
        severity: error
        implementation: {type: expect_no_offending_rows, kwargs: {query: select 1}}
        customProperties: [{property: waivable, value: "no"}]
    customProperties:
      - {property: gate, value: landing}
      - {property: window, value: select * from raw.things}
"""


def test_a_contract_says_itself_what_may_not_be_waived_and_what_may_be_all_null(tmp_path: Path) -> None:
    path = tmp_path / "things.odcs.yaml"
    path.write_text(CONTRACT)

    (suite,) = suites_of_contract(path)
    by_id = {one["meta"]["check_id"]: one for one in suite["expectations"]}

    assert not is_waivable(by_id["dear"])
    assert is_waivable(by_id["price_in_range"])
    assert by_id["price_in_range"]["meta"]["may_be_all_null"] == "true"


KEYED = CONTRACT.replace(
    "      - name: price\n", "      - {name: thing_sk, primaryKey: true, primaryKeyPosition: 1}\n      - name: price\n"
)
USED_BY = "      - {property: keyUsedBy, value: select thing_sk from raw.orders}\n"


def test_a_key_is_looked_for_where_the_contract_says(tmp_path: Path) -> None:
    import duckdb

    path, found = tmp_path / "things.odcs.yaml", dict[str, list[tuple[int, int]]]()
    with duckdb.connect() as connection:
        connection.execute("create schema raw")
        connection.execute(
            "create table raw.things as select * from (values (1, 5), (1, 6), (2, 5), (2, 6)) as t (thing_sk, price)"
        )
        connection.execute("create table raw.orders as select * from (values (2), (3), (null)) as t (thing_sk)")
        for scope, more in {"table": "", "used": USED_BY}.items():
            path.write_text(f"{KEYED}      - {{property: keyScope, value: {scope}}}\n{more}")
            (suite,) = suites_of_contract(path)
            (query,) = (e["kwargs"]["query"] for e in suite["expectations"] if e["meta"]["check_id"] == "key_is_unique")
            found[scope] = connection.sql(f"from ({query}) order by all").fetchall()

    assert found == {"table": [(1, 2), (2, 2)], "used": [(2, 2)]}


def test_combinations_of_attributes_are_joined_to_customers_only() -> None:
    # Another join would name other keys, which `keyUsedBy` of the contract has to ask for, too.
    joins = re.compile(r"join demographics\b.*")
    reading = {
        path.stem: joins.findall(text)
        for path in (ROOT / "dbt" / "models").rglob("*.sql")
        if re.search(r"'(customer_demographics|stg_customers__demographics)'", text := path.read_text("utf-8"))
    }

    assert reading == {
        "stg_customers__demographics": [],
        "int_customers_integrated": [
            "join demographics on customers.demographics_sk = demographics.demographics_sk",
        ],
    }


@pytest.mark.parametrize(
    ("contract", "scope", "used_by", "said"),
    [
        (KEYED, "used", "", "want each other"),
        (KEYED, "table", USED_BY, "want each other"),
        (CONTRACT, "used", USED_BY, "and a key of one column"),
        (KEYED, "whole", "", "keyScope is one of table, window, arriving, used"),
    ],
)
def test_a_scope_of_a_key_that_says_too_little_is_refused(
    tmp_path: Path, contract: str, scope: str, used_by: str, said: str
) -> None:
    path = tmp_path / "things.odcs.yaml"
    path.write_text(f"{contract}      - {{property: keyScope, value: {scope}}}\n{used_by}")

    with pytest.raises(ConfigurationError, match=said):
        list(suites_of_contract(path))


@pytest.mark.parametrize(("allowed", "passed"), [("true", True), ("", False)])
def test_a_column_of_nulls_passes_only_where_the_contract_allows_it(allowed: str, passed: bool) -> None:
    from great_expectations.core import ExpectationValidationResult
    from great_expectations.expectations.expectation_configuration import ExpectationConfiguration

    meta = {"check_id": "price_in_range", "may_be_all_null": allowed}
    found = ExpectationValidationResult(
        success=True,
        expectation_config=ExpectationConfiguration(
            "expect_column_values_to_be_between", {"column": "price", "min_value": 0}, meta=meta
        ),
        result={"element_count": 3, "missing_count": 3, "unexpected_count": 0},
    )
    suite = {"price_in_range": {"type": "expect_column_values_to_be_between", "meta": meta}}

    assert as_check(found, suite, Gate.LANDING).passed is passed
