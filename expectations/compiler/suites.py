"""Contracts to suites: refuses to let a committed suite differ from the Open Data Contract that it is compiled from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from expectations.compiler.column_types import differing_columns
from expectations.compiler.contract_files import CONTRACTS, contract_files, read_contract
from expectations.compiler.line_rules import COUNTED, budget_of, counting_query, line_rules, write_macro
from expectations.compiler.transit import transit_check
from shelfgate.errors import ConfigurationError
from shelfgate.model import Gate, Severity

HERE = Path(__file__).parents[1]
SUITES = HERE / "suites"
INDEX = "index.json"
"""Beside the suites: which datasets a gate has to judge, each with the digest of its suite."""

# Where a doubled key is looked for. A key with the day in it cannot be doubled from outside the window; one that is
# given out once and for all may have its twin anywhere, and an arriving row is one of the two. In a list of all that
# there could be a twin matters where somebody names it: `keyUsedBy` is the query of the keys that are named.
KEY_SCOPES = {
    "table": "{table} as keyed",
    "window": "${{judged_window}} as keyed",
    "arriving": "{table} as keyed inner join (select distinct {keys} from ${{judged_window}} as judged) as arriving "
    "on {same}",
    "used": "{table} as keyed where keyed.{keys} in ({used_by})",
}

Json = dict[str, Any]


def compile_all(contracts: Path = CONTRACTS) -> dict[str, str]:
    """The text of every suite, and of their index, by its path below `expectations/suites`.

    Raises:
        ConfigurationError: a contract lacks what its suite needs.
    """
    suites = compiled_suites(contracts)
    texts = {f"{one['meta']['gate']}/{one['meta']['dataset']}.json": _as_text(one) for one in suites}
    return {**texts, INDEX: _as_text(index_of(suites))}


def compiled_suites(contracts: Path = CONTRACTS) -> list[Json]:
    """The suites of all contracts, in their order."""
    return [suite for path in contract_files(contracts) for suite in suites_of_contract(path)]


def index_of(suites: Iterable[Json]) -> Json:
    """Gate and dataset of every suite to its digest: what a gate expects, whatever lies in the folder."""
    index: Json = {}
    for suite in suites:
        index.setdefault(suite["meta"]["gate"], {})[suite["meta"]["dataset"]] = suite_digest(suite)
    return index


def write_suites() -> list[str]:
    """Write every suite and their index, and remove those without a contract; returns the paths that changed."""
    compiled = compile_all()
    changed = stale(compiled)
    for name, text in compiled.items():
        (SUITES / name).parent.mkdir(parents=True, exist_ok=True)
        (SUITES / name).write_text(text, encoding="utf-8")
    for path in SUITES.rglob("*.json"):
        if path.relative_to(SUITES).as_posix() not in compiled:
            path.unlink()
    return [*changed, *write_macro(CONTRACTS)]


def stale(compiled: dict[str, str] | None = None) -> list[str]:
    """Suites that are not what their contract says: changed, missing, or without a contract."""
    compiled = compile_all() if compiled is None else compiled
    there = {path.relative_to(SUITES).as_posix(): path.read_text(encoding="utf-8") for path in SUITES.rglob("*.json")}
    return sorted(name for name in {*compiled, *there} if compiled.get(name) != there.get(name))


def suites_of_contract(path: Path) -> Iterator[Json]:
    """One suite for each schema object of a contract, but for those that the published gate reads back."""
    contract = read_contract(path)
    for thing in contract["schema"]:
        custom = {item["property"]: item["value"] for item in thing.get("customProperties", [])}
        if missing := [name for name in ("gate", "window") if name not in custom]:
            raise ConfigurationError(f"contract {path.name}, {thing['name']}: customProperties lack {missing}.")
        if custom["gate"] == Gate.PUBLISHED:
            continue  # judged by code, shelfgate/publication/readback.py: it compares what readers see with a candidate
        checks = [
            *_row_count(custom.get("mayBeEmpty") == "yes"),
            *_from_properties(thing),
            *_key_is_unique(thing, custom, path),
            *_from_quality(thing, path),
            *_line_rules(thing),
        ]
        if transit := transit_check(thing["physicalName"], custom["window"]):
            checks.append(transit)
        seen: set[str] = set()
        for check in checks:
            if check["meta"]["check_id"] in seen:
                raise ConfigurationError(f"contract {path.name}: check {check['meta']['check_id']} is there twice.")
            seen.add(check["meta"]["check_id"])
        yield {
            "name": f"{Gate(custom['gate'])}.{thing['name']}",
            "meta": {
                "gate": custom["gate"],
                "dataset": thing["name"],
                "window": custom["window"].strip(),
                "may_be_empty": custom.get("mayBeEmpty") == "yes",
                "contract": path.name,
                "contract_version": contract["version"],
            },
            "expectations": checks,
        }


def _as_text(value: Json) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"


def suite_digest(suite: Json) -> str:
    return hashlib.sha256(json.dumps(suite, sort_keys=True).encode()).hexdigest()


def _check(check_id: str, kind: str, kwargs: Json, *, severity: Severity, sentence: str, **meta: str) -> Json:
    kept = {key: value.strip() for key, value in meta.items() if value}
    return {
        "type": kind,
        "kwargs": kwargs,
        "severity": str(severity),
        "description": sentence,
        "meta": {"check_id": check_id, **kept},
    }


def _row_count(may_be_empty: bool) -> Iterator[Json]:
    if may_be_empty:
        # No row is good news only if somebody looked: the source was counted, and the reconciliation then says 0 = 0.
        yield _check(
            "source_was_counted",
            "expect_no_offending_rows",
            {
                "query": "select counted.found from (select count(*) as found from ops.source_total "
                "where run_id = ${run_id}) as counted where counted.found = 0"
            },
            severity=Severity.CRITICAL,
            sentence="The run has counted the source, so that no row can be told from a lost table",
            wanted="totals of this run in ops.source_total",
            what_to_do="run again",
            waivable="false",
        )
    # On an empty window nearly every other expectation passes, so each suite starts by asking for a row.
    yield _check(
        "rows_seen",
        "expect_table_row_count_to_be_between",
        {"min_value": 0 if may_be_empty else 1},
        # With nothing to ask for it cannot fail: it only says how many rows there were.
        severity=Severity.INFO if may_be_empty else Severity.CRITICAL,
        sentence="The window is there" if may_be_empty else "The window holds at least one row",
        wanted="a table" if may_be_empty else "at least 1 row",
        what_to_do="" if may_be_empty else "find where the rows were lost: at the source, on the way or in the model",
    )


def _from_properties(thing: Json) -> Iterator[Json]:
    for column in thing.get("properties", []):
        name = column["name"]
        own = {item["property"]: item["value"] for item in column.get("customProperties", [])}
        if column.get("required"):
            yield _check(
                f"{name}_is_known",
                "expect_column_values_to_not_be_null",
                {"column": name},
                severity=Severity.CRITICAL,
                sentence=f"{name} is never NULL",
                wanted="no NULL",
            )
        bounds = column.get("logicalTypeOptions", {})
        low, high = bounds.get("minimum"), bounds.get("maximum")
        if not budget_of(column) and (low is not None or high is not None):
            yield _check(
                f"{name}_in_range",
                "expect_column_values_to_be_between",
                {"column": name, "min_value": low, "max_value": high},
                severity=Severity.CRITICAL,
                sentence=f"{name} lies in {low}..{high}",
                wanted=f"{low}..{high}",
                evidence=column.get("description", ""),
                may_be_all_null="true" if own.get("mayBeAllNull") in (True, "yes", "true") else "",
            )
    typed = [column for column in thing.get("properties", []) if "physicalType" in column]
    if typed:
        yield _columns_equal_contract(thing["physicalName"], typed)


def _key_is_unique(thing: Json, custom: Json, path: Path) -> Iterator[Json]:
    scope, used_by = custom.get("keyScope", "table"), custom.get("keyUsedBy", "")
    if scope not in KEY_SCOPES:
        raise ConfigurationError(f"contract {path.name}, {thing['name']}: keyScope is one of {', '.join(KEY_SCOPES)}.")
    keys = _key(thing)
    if (scope == "used") != bool(used_by) or (used_by and len(keys) != 1):
        raise ConfigurationError(
            f"contract {path.name}, {thing['name']}: keyScope `used` and keyUsedBy want each other, "
            "and a key of one column."
        )
    if not keys:
        return
    names = ", ".join(f"keyed.{key}" for key in keys)
    same = " and ".join(f"arriving.{key} = keyed.{key}" for key in keys)
    rows = KEY_SCOPES[scope].format(table=thing["physicalName"], keys=", ".join(keys), same=same, used_by=used_by)
    yield _check(
        "key_is_unique",
        "expect_no_offending_rows",
        {"query": f"select {names}, count(*) as copies from {rows} group by {names} having count(*) > 1"},
        severity=Severity.CRITICAL,
        sentence=f"({', '.join(keys)}) is unique{' where it is used' if used_by else ''}",
        wanted="one row a key",
    )


def _key(thing: Json) -> list[str]:
    keys = [column for column in thing.get("properties", []) if column.get("primaryKey")]
    return [column["name"] for column in sorted(keys, key=lambda column: column["primaryKeyPosition"])]


def _line_rules(thing: Json) -> Iterator[Json]:
    rules, keys = line_rules(thing), ", ".join(_key(thing))
    for rule in rules:
        yield _check(
            rule.check_id,
            "expect_no_offending_rows",
            {"query": rule.query(keys), "observed": "1"},
            severity=Severity.CRITICAL,
            sentence=rule.sentence,
            wanted=rule.wanted_within_budget,
            what_to_do=rule.what_to_do,
            evidence=rule.evidence,
        )
    if rules:
        yield _check(
            COUNTED,
            "expect_no_offending_rows",
            {"query": counting_query(rules, keys)},
            severity=Severity.WARNING,
            sentence="No arriving line breaks a rule for which it is quarantined",
            wanted="no such line",
            what_to_do="have the lines of quarantine.* corrected at the source; the next run publishes them",
        )


def _columns_equal_contract(physical_name: str, columns: list[Json]) -> Json:
    """Names, order and types of the table's columns, none missing and none besides."""
    return _check(
        "columns_equal_the_contract",
        "expect_no_offending_rows",
        {"query": differing_columns(physical_name, columns)},
        severity=Severity.CRITICAL,
        sentence="Columns, their order and their types are those of the contract",
        wanted="the columns of the contract",
        what_to_do="change the contract, the store and the model together",
    )


def _from_quality(thing: Json, path: Path) -> Iterator[Json]:
    severities = {"error": Severity.CRITICAL, "warning": Severity.WARNING, "info": Severity.INFO}
    for rule in thing.get("quality", []):
        if budget_of(rule):
            continue
        implementation = rule["implementation"]
        if rule.get("type") != "custom" or rule.get("engine") != "greatExpectations":
            raise ConfigurationError(
                f"contract {path.name}, rule {rule.get('id')}: wanted type custom, engine greatExpectations."
            )
        custom = {item["property"]: item["value"] for item in rule.get("customProperties", [])}
        kwargs = {k: v.strip() if isinstance(v, str) else v for k, v in implementation["kwargs"].items()}
        if "observed" in custom:
            kwargs["observed"] = custom["observed"].strip()
        yield _check(
            rule["id"],
            implementation["type"],
            kwargs,
            severity=severities[rule["severity"]],
            sentence=rule["description"].strip(),
            wanted=custom.get("wanted", "no such row"),
            what_to_do=custom.get("whatToDo", ""),
            evidence=custom.get("evidence", ""),
            # Words that YAML reads as truth values; in the suite they are text, as all of meta.
            waivable="false" if custom.get("waivable") in (False, "no", "false") else "",
        )
