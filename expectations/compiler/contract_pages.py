"""Contracts to pages that people read: refuses to say anything that the contract and its compiled suite do not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from expectations.compiler.contract_files import CONTRACTS, contract_files, read_contract
from expectations.compiler.suites import HERE, suites_of_contract
from expectations.compiler.waivable import is_waivable
from shelfgate.model import Gate

PAGES = HERE.parent / "docs" / "contracts"

GENERATED = "<!-- Written by `shelfgate contracts compile`; change the contract instead. -->\n"

_READ_BACK = (
    "Read back after the publication: a line for each table, with this publication and the rows of its manifest.\n"
)

Json = dict[str, Any]


def compile_pages(contracts: Path = CONTRACTS) -> dict[str, str]:
    """The text of every page by its name below `docs/contracts`."""
    pages: dict[str, str] = {}
    index: list[str] = []
    for path in contract_files(contracts):
        contract = read_contract(path)
        suites = list(suites_of_contract(path))
        pages[f"{contract['name']}.md"] = _page(contract, suites, path.name)
        index.append(_index_row(contract, suites))
    header = ["contract", "holds", "gate", "checks"]
    pages["README.md"] = (
        f"# Contracts\n{GENERATED}\n"
        "What each dataset promises, and what is checked before anybody builds on it. Critical checks keep a gate "
        "closed,\nwarnings are published with a note. How an exception is made: `expectations/waivers.yml`.\n\n"
        f"{_table(header, index)}"
    )
    return pages


def write_pages() -> list[str]:
    """Write every page and remove those without a contract; returns the names that changed."""
    compiled = compile_pages()
    changed = stale_pages(compiled)
    PAGES.mkdir(parents=True, exist_ok=True)
    for name in changed:
        if name in compiled:
            (PAGES / name).write_text(compiled[name], encoding="utf-8")
        else:
            (PAGES / name).unlink()
    return changed


def stale_pages(compiled: dict[str, str] | None = None) -> list[str]:
    """Pages that are not what their contract says: changed, missing, or without a contract."""
    compiled = compile_pages() if compiled is None else compiled
    there = {path.name: path.read_text(encoding="utf-8") for path in PAGES.glob("*.md")}
    return sorted(name for name in {*compiled, *there} if compiled.get(name) != there.get(name))


def _index_row(contract: Json, suites: list[Json]) -> str:
    gates = ", ".join(sorted({suite["meta"]["gate"] for suite in suites})) or str(Gate.PUBLISHED)
    checks = sum(len(suite["expectations"]) for suite in suites) or "read back by code"
    name = contract["name"]
    return _row([f"[{name}]({name}.md)", _cell(contract["description"]["purpose"]), gates, str(checks)])


def _page(contract: Json, suites: list[Json], file: str) -> str:
    by_dataset = {suite["meta"]["dataset"]: suite for suite in suites}
    parts = [
        f"# {contract['name']}\n{GENERATED}",
        f"{_cell(contract['description']['purpose'])}.\n",
        f"Version {contract['version']}, {contract['status']}. "
        f"Contract: [`{file}`](../../expectations/contracts/{file}).\n",
        _owner_and_freshness(contract),
    ]
    for thing in contract["schema"]:
        suite = by_dataset.get(thing["name"])
        parts.append(_head(thing, suite) + (_checks(suite) if suite else _READ_BACK))
    return "\n".join(parts)


def _owner_and_freshness(contract: Json) -> str:
    team = contract["team"]
    promises = [
        _row([one["property"], f"{one['value']} {one['unit']}", _cell(one["description"])])
        for one in contract["slaProperties"]
    ]
    return (
        f"Owner: {team['name']}. {_cell(team['description'])}.\n\n{_table(['how fresh', 'days', 'that is'], promises)}"
    )


def _head(thing: Json, suite: Json | None) -> str:
    columns = [_column(column) for column in thing.get("properties", [])]
    key = sorted((c for c in thing.get("properties", []) if c.get("primaryKey")), key=lambda c: c["primaryKeyPosition"])
    names = ", ".join(f"`{column['name']}`" for column in key)
    grain = _cell(thing.get("dataGranularityDescription", "not said"))
    gate = suite["meta"]["gate"] if suite else Gate.PUBLISHED
    return (
        f"## {thing['name']}\n"
        f"`{thing['physicalName']}`: {grain}. Key: {names or 'none'}. Judged at gate `{gate}`.\n\n"
        f"{_table(['column', 'type', 'required', 'range', 'what it is'], columns)}\n"
    )


def _checks(suite: Json) -> str:
    header = ["check", "severity", "waivable", "what must hold", "what was measured", "what to do"]
    return _table(header, [_check(expectation) for expectation in suite["expectations"]])


def _column(column: Json) -> str:
    bounds = column.get("logicalTypeOptions", {})
    low, high = bounds.get("minimum"), bounds.get("maximum")
    spread = "" if low is None and high is None else f"{'' if low is None else low}..{'' if high is None else high}"
    kind = column.get("physicalType") or column.get("logicalType", "")
    required = "yes" if column.get("required") else ""
    return _row([f"`{column['name']}`", kind, required, spread, _cell(column.get("description", ""))])


def _check(expectation: Json) -> str:
    meta = expectation["meta"]
    sentence = expectation["description"]
    wanted = meta.get("wanted", "")
    holds = sentence if not wanted else f"{sentence} (wanted: {wanted})"
    waivable = _limit(expectation) if is_waivable(expectation) else "never"
    cells = [holds, meta.get("evidence", ""), meta.get("what_to_do", "")]
    return _row([f"`{meta['check_id']}`", expectation["severity"], waivable, *map(_cell, cells)])


def _limit(expectation: Json) -> str:
    """What a waiver's `max_observed` counts."""
    if expectation["type"] != "expect_no_offending_rows":
        return "by values"
    observed = expectation["kwargs"]["observed"]
    return "by rows, 1 each" if observed == "1" else f"by `{observed}`"


def _table(header: list[str], rows: list[str]) -> str:
    return _row(header) + "|" + "---|" * len(header) + "\n" + "".join(rows)


def _row(cells: list[str]) -> str:
    return "| " + " | ".join(cells) + " |\n"


def _cell(value: Any) -> str:
    """One line, in which a bar is no end of a cell and a tag no tag."""
    return " ".join(str(value).split()).replace("|", "\\|").replace("<", "&lt;")
