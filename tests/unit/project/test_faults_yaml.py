"""Every fault that must have a test has one that exists; refuses one that was forgotten, or noted as missing."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[3]

# The catalogue's faults of the first priority; the other 18 are worth a test, and no release waits for them.
MUST_BE_TESTED = {f"F{number:02d}" for number in range(1, 85)} - {
    *("F09", "F10", "F11", "F12", "F16", "F30", "F35", "F36", "F37"),
    *("F44", "F59", "F68", "F69", "F71", "F76", "F80", "F81", "F83"),
}


@pytest.fixture(scope="module")
def written() -> dict[str, Any]:
    return yaml.safe_load((ROOT / "tests" / "faults.yaml").read_text(encoding="utf-8"))


def test_every_fault_that_must_be_tested_is_in_the_list_and_none_is_missing(written: dict[str, Any]) -> None:
    assert len(MUST_BE_TESTED) == 66
    assert written["missing"] == {}
    assert MUST_BE_TESTED - set(written["faults"]) == set()
    assert all(fault["what"] and fault["tests"] for fault in written["faults"].values())


def test_every_test_in_the_list_is_there_and_can_fail(written: dict[str, Any]) -> None:
    """A function of that name in that file, which asserts or expects something or has somebody do it."""
    named = sorted({name for fault in written["faults"].values() for name in fault["tests"]})

    for name in named:
        path, _, function = name.partition("::")
        assert (ROOT / path).is_file(), name
        found = [
            node
            for node in ast.parse((ROOT / path).read_text(encoding="utf-8")).body
            if isinstance(node, ast.FunctionDef) and node.name == function
        ]
        assert len(found) == 1, name
        assert any(isinstance(node, ast.Assert | ast.With | ast.Call) for node in ast.walk(found[0])), name
