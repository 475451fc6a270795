"""Rules of a single line, which sets the line aside; refuses to let the gate and the dbt models know different rules.

A contract gives such a rule a `quarantineBudget`: the share of the arriving lines that may break it. Up to there the
lines are quarantined and a warning counts them; above it the gate stays closed. The dbt macro is written from the same
conditions.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from expectations.compiler.contract_files import contract_files, read_contract
from shelfgate.errors import ConfigurationError

NAME = "dbt/macros/line_rules.sql"
MACRO = Path(__file__).parents[2] / NAME

COUNTED = "quarantined_lines_are_few"
"""The warning that says how many lines each rule sends to quarantine."""

FEW = 3
"""So many lines may all be without a value: with 6 % of NULLs four of four are one window in 77,000."""

Json = dict[str, Any]


@dataclass(frozen=True)
class LineRule:
    """A condition that a good line does not meet, on the columns of the source."""

    check_id: str
    condition: str
    budget: str
    sentence: str
    column: str = ""
    """The column that must hold a value somewhere among more than a FEW lines, or the rule has looked at nothing."""
    wanted: str = ""
    what_to_do: str = ""
    evidence: str = ""

    @property
    def reads_another_table(self) -> bool:
        return "(select " in self.condition

    @property
    def wanted_within_budget(self) -> str:
        return (
            f"{self.wanted}, but for {self.budget} of the lines, give or take the noise of small counts: "
            "those are quarantined"
        )

    def query(self, keys: str) -> str:
        """The lines that break the rule if they are more than the budget, by their keys."""
        share = f"{self.budget} * all_lines.counted"
        over = f"({self.condition}) and broken.counted > {share} + 4 * sqrt({share}) + 3"
        known = f"count({self.column})" if self.column else "count(*)"
        return (
            f"select {keys} from ${{judged_window}} as line "
            f"cross join (select count(*) as counted, {known} as known from ${{judged_window}} as line) as all_lines "
            f"cross join (select count(*) as counted from ${{judged_window}} as line where {self.condition}) as broken "
            f"where {over}" + (f" or (all_lines.known = 0 and all_lines.counted > {FEW})" if self.column else "")
        )


def line_rules(thing: Json) -> list[LineRule]:
    """The rules of a schema object that have a budget, in the order in which a line is told to break one.

    Raises:
        ConfigurationError: a rule has a budget and no condition, or a budget that is no small share.
    """
    found = [*_of_columns(thing), *_of_quality(thing)]
    for rule in found:
        if not 0 < float(rule.budget) < 0.01:
            raise ConfigurationError(f"contract, {thing['name']}.{rule.check_id}: a quarantineBudget is in 0..0.01.")
    return sorted(found, key=lambda rule: not rule.reads_another_table)


def counting_query(rules: list[LineRule], keys: str) -> str:
    """How many lines each rule sends to quarantine; a line counts for the first that it breaks."""
    named = [(f"'{place:02} {rule.check_id}'", rule) for place, rule in enumerate(rules)]
    broken = [
        f"select {keys}, {name} as rule from ${{judged_window}} as line where {rule.condition}"
        for name, rule in named
        if rule.reads_another_table
    ]
    if cases := " ".join(f"when {rule.condition} then {name}" for name, rule in named if not rule.reads_another_table):
        of_its_own = f"select {keys}, case {cases} end as rule from ${{judged_window}} as line"
        broken.append(f"select {keys}, rule from ({of_its_own}) as line where rule is not null")
    first = f"select {keys}, min(rule) as rule from ({' union all '.join(broken)}) as broken group by {keys}"
    return f"select substr(rule, 4) as broken_rule, count(*) as lines from ({first}) as firsts group by rule"


def macro_text(contracts: Path) -> str:
    """The dbt macros: of each dataset the first rule that a line breaks, and every rule in words."""
    words: dict[str, str] = {}
    parts = ["{# Written by `shelfgate contracts compile`; change the contract instead. #}\n"]
    for path in contract_files(contracts):
        for thing in read_contract(path)["schema"]:
            rules = line_rules(thing)
            if not rules:
                continue
            for rule in rules:
                if words.setdefault(rule.check_id, rule.sentence) != rule.sentence:
                    raise ConfigurationError(f"contract {path.name}: {rule.check_id} has two descriptions.")
            cases = "".join(
                f"        when {rule.condition} then '{rule.check_id}'\n"
                for rule in rules
                if not rule.reads_another_table
            )
            parts.append(
                f"{{% macro broken_rule_of_{thing['name']}() -%}}\n    case\n{cases}    end\n{{%- endmacro %}}\n"
            )
    cases = "".join(f"        when '{check_id}' then '{_quoted(text)}'\n" for check_id, text in sorted(words.items()))
    parts.append(
        f"{{% macro rule_in_words(check_id) -%}}\n    case {{{{ check_id }}}}\n{cases}    end\n{{%- endmacro %}}\n"
    )
    return "\n".join(parts)


def write_macro(contracts: Path) -> list[str]:
    """Write the macros; returns the name of the file if it changed."""
    if not stale_macro(contracts):
        return []
    MACRO.write_text(macro_text(contracts), encoding="utf-8")
    return [NAME]


def stale_macro(contracts: Path) -> list[str]:
    """The name of the file if the dbt models know other rules of a line than the contracts."""
    current = MACRO.exists() and MACRO.read_text(encoding="utf-8") == macro_text(contracts)
    return [] if current else [NAME]


def _of_columns(thing: Json) -> Iterator[LineRule]:
    for column in thing.get("properties", []):
        budget, bounds = budget_of(column), column.get("logicalTypeOptions", {})
        low, high = bounds.get("minimum"), bounds.get("maximum")
        if not budget:
            continue
        beyond = [f"{column['name']} < {low}"] * (low is not None) + [f"{column['name']} > {high}"] * (high is not None)
        if not beyond:
            raise ConfigurationError(f"contract, {thing['name']}.{column['name']}: a quarantineBudget wants a range.")
        name = column["name"]
        spread = f"{low}..{high}" if len(beyond) == 2 else f"{low} or more" if high is None else f"{high} or less"
        yield LineRule(
            f"{name}_in_range",
            " or ".join(beyond),
            budget,
            f"{name} is {spread}",
            column=name,
            wanted=spread,
            what_to_do="see which unit, sign or column changed at the source",
            evidence=column.get("description", ""),
        )


def _of_quality(thing: Json) -> Iterator[LineRule]:
    for rule in thing.get("quality", []):
        condition = rule["implementation"]["kwargs"].get("condition", "")
        if bool(condition) != bool(budget_of(rule)) or (condition and rule["severity"] != "error"):
            raise ConfigurationError(
                f"contract, {thing['name']}.{rule['id']}: a condition, a quarantineBudget and severity error "
                "come together."
            )
        custom = _custom(rule)
        if condition:
            yield LineRule(
                rule["id"],
                " ".join(condition.split()),
                budget_of(rule),
                rule["description"].strip(),
                wanted=custom["wanted"],
                what_to_do=custom["whatToDo"],
                evidence=custom["evidence"],
            )


def budget_of(node: Json) -> str:
    """The `quarantineBudget` of a column or a rule; empty if it has none."""
    return str(_custom(node).get("quarantineBudget", ""))


def _custom(node: Json) -> Json:
    return {item["property"]: item["value"] for item in node.get("customProperties", [])}


def _quoted(text: str) -> str:
    return text.replace("'", "''")
