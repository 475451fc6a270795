"""A dbt project with one mistake in it, built by dbt; refuses the help of dbt's own tests: the gates stand alone."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import yaml
from prefect.logging import disable_run_logger

from shelfgate.model import Gate, Verdict
from tasks import dbt_build
from tests.faults.fault import ModelFault
from tests.faults.ground import Ground


def build_mutant(ground: Ground, fault: ModelFault, work: Path) -> tuple[int, list[Verdict]]:
    """Build the project with the mistake; answers with the texts changed and the verdicts of the gates behind dbt."""
    text, found = mistaken(fault)
    project = work / "dbt"
    shutil.copytree(dbt_build.PROJECT, project, ignore=shutil.ignore_patterns("target", "logs"))
    for path in project.glob("models/**/*.yml"):
        path.write_text(yaml.safe_dump(_untested(yaml.safe_load(path.read_text())), sort_keys=False))
    (project / fault.file).write_text(text)
    return found, list(_built(ground, project))


def mistaken(fault: ModelFault) -> tuple[str, int]:
    """The text of the model with the mistake in it, and in how many places."""
    text = (dbt_build.PROJECT / fault.file).read_text()
    found = text.count(fault.right)
    assert found, f"{fault.fault_id}: {fault.file} no longer holds {fault.right!r}: bring the mutant up to date"
    return text.replace(fault.right, fault.wrong), found


def _built(ground: Ground, project: Path) -> Iterator[Verdict]:
    day = ground.day
    with _project(project), disable_run_logger():
        for selector, gate in (("staging", Gate.STAGING), ("marts", Gate.MARTS)):
            dbt_build.build_models.fn(selector, day.settings, day.warehouse, day.run)
            (verdict,) = ground.judge(gate)
            yield verdict
            if not verdict.open:
                return


@contextmanager
def _project(folder: Path) -> Iterator[None]:
    """dbt builds this project, parsed anew, for the length of the block."""
    before, parsed = dbt_build.PROJECT, dict(dbt_build._parsed)
    dbt_build.PROJECT = folder
    dbt_build._parsed.clear()
    try:
        yield
    finally:
        dbt_build.PROJECT = before
        dbt_build._parsed.clear()
        dbt_build._parsed.update(parsed)


def _untested(node: Any) -> Any:
    """A YAML document without `data_tests` and `unit_tests`."""
    if isinstance(node, dict):
        return {key: _untested(value) for key, value in node.items() if key not in ("data_tests", "unit_tests")}
    return [_untested(one) for one in node] if isinstance(node, list) else node
