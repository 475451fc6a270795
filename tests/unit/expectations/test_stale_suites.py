"""What lies under `expectations/suites` is what the contracts say, or `contracts check` fails and names it."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner

from cli.main import contracts_check
from expectations.compiler import suites as compiling
from expectations.compiler.suites import INDEX, SUITES, index_of, stale, suite_digest


@pytest.fixture
def suites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the committed suites, which the compiler takes for them."""
    copy = shutil.copytree(SUITES, tmp_path / "suites")
    monkeypatch.setattr(compiling, "SUITES", copy)
    return copy


def test_the_committed_suites_are_those_of_the_contracts(suites: Path) -> None:
    assert stale() == []


def test_a_changed_a_missing_and_a_strange_suite_and_a_changed_index_are_stale_and_the_check_fails(
    suites: Path,
) -> None:
    changed = suites / "landing" / "inventory.json"
    changed.write_text(changed.read_text(encoding="utf-8").replace('"critical"', '"info"', 1), encoding="utf-8")
    (suites / "staging" / "customers.json").unlink()
    (suites / "marts" / "strange.json").write_text("{}")
    (suites / INDEX).write_text("{}")

    found = ["index.json", "landing/inventory.json", "marts/strange.json", "staging/customers.json"]
    assert stale() == found
    answer = CliRunner().invoke(contracts_check)
    assert answer.exit_code != 0
    assert f"stale: {', '.join(found)}" in answer.output


def test_the_index_names_each_suite_with_its_digest() -> None:
    suites = [json.loads(path.read_text(encoding="utf-8")) for path in SUITES.glob("*/*.json")]
    index = json.loads((SUITES / INDEX).read_text(encoding="utf-8"))

    assert index == index_of(suites)
    assert index["landing"]["inventory"] == suite_digest(
        json.loads((SUITES / "landing" / "inventory.json").read_text(encoding="utf-8"))
    )
    assert sum(len(datasets) for datasets in index.values()) == len(suites) >= 17
