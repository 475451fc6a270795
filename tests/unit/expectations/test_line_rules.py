"""A rule of a single line is one rule: in its contract, in the gate that counts and in the model that sets aside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import pytest

from expectations.checks.window import render
from expectations.compiler import line_rules as quarantine
from expectations.compiler.contract_files import CONTRACTS, contract_files, read_contract
from expectations.compiler.line_rules import line_rules
from shelfgate.errors import ConfigurationError

MODELS = Path(__file__).parents[3] / "dbt" / "models"
THINGS: dict[str, dict[str, Any]] = {
    thing["name"]: thing for path in contract_files() for thing in read_contract(path)["schema"]
}


@pytest.mark.parametrize("lines", ["sales", "return"])
def test_the_model_sets_aside_by_the_references_that_the_contracts_name(lines: str) -> None:
    model = (MODELS / "intermediate" / f"int_{lines}_lines_checked.sql").read_text(encoding="utf-8")
    datasets = ("catalog_sales", "web_sales") if lines == "sales" else ("catalog_returns", "web_returns")
    named = {rule.check_id for name in datasets for rule in line_rules(THINGS[name]) if rule.reads_another_table}

    assert named == {
        check for check in ("item_is_known", "warehouse_is_known", "date_is_known") if f"'{check}'" in model
    }


def test_a_macro_that_is_not_what_the_contracts_say_is_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert quarantine.stale_macro(CONTRACTS) == []
    monkeypatch.setattr(quarantine, "MACRO", tmp_path / "line_rules.sql")
    assert quarantine.write_macro(CONTRACTS) == ["dbt/macros/line_rules.sql"]
    assert quarantine.write_macro(CONTRACTS) == []
    (tmp_path / "line_rules.sql").write_text("changed by hand")

    assert quarantine.stale_macro(CONTRACTS) == ["dbt/macros/line_rules.sql"]


@pytest.mark.parametrize(
    ("condition", "budget", "told"),
    [("", "0.0001", "come together"), ("a > b", "", "come together"), ("a > b", "0.5", "is in 0..0.01")],
)
def test_a_budget_without_its_rule_and_a_large_one_are_refused(condition: str, budget: str, told: str) -> None:
    custom = {"wanted": "a <= b", "whatToDo": "look", "evidence": "none", "quarantineBudget": budget}
    rule = {
        "id": "a_is_at_most_b",
        "severity": "error",
        "description": "a <= b",
        "implementation": {"type": "expect_no_offending_rows", "kwargs": {"condition": condition}},
        "customProperties": [{"property": name, "value": value} for name, value in custom.items() if value],
    }

    with pytest.raises(ConfigurationError, match=told):
        line_rules({"name": "things", "quality": [rule]})


@pytest.mark.parametrize(("wrong", "known", "closes"), [(4, True, False), (5, True, True), (0, False, True)])
def test_of_two_thousand_lines_four_may_break_a_rule_and_a_column_of_nulls_may_not(
    wrong: int, known: bool, closes: bool
) -> None:
    (rule,) = [rule for rule in line_rules(THINGS["web_sales"]) if rule.check_id == "ws_quantity_in_range"]
    quantity = f"case when i < {wrong} then -1 else 1 end" if known else "cast(null as integer)"
    names = {"judged_window": f"(select i as ws_order_number, {quantity} as ws_quantity from range(2000) as t (i))"}

    found = duckdb.sql(render(rule.query("ws_order_number"), names)).fetchall()

    assert bool(found) is closes
    assert len(found) == (0 if not closes else wrong if known else 2000)


@pytest.mark.parametrize(("lines", "closes"), [(1, False), (3, False), (4, True)])
def test_a_few_returns_may_all_be_without_a_value_as_one_in_twenty_is(lines: int, closes: bool) -> None:
    (rule,) = [rule for rule in line_rules(THINGS["web_returns"]) if rule.check_id == "wr_return_amt_in_range"]
    unknown = f"select i as wr_order_number, cast(null as double) as wr_return_amt from range({lines}) as t (i)"

    found = duckdb.sql(render(rule.query("wr_order_number"), {"judged_window": f"({unknown})"})).fetchall()

    assert bool(found) is closes
