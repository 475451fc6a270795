"""The places at which runs are killed are all the places there are: no commit without one, none that no run passes."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from shelfgate import failpoints
from shelfgate.failpoints import NAMES, OUTSIDE_CALLS, TRANSACTIONS
from shelfgate.model import Publication
from shelfgate.warehouse import install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.reliability.model.crashes import NEVER, Stage, armed
from tests.reliability.model.engine_room import gone_process
from tests.reliability.model.runs import refreshing

ROOT = Path(__file__).parents[2]
PRODUCTION = [
    path for layer in ("shelfgate", "tasks", "flows", "cli", "expectations") for path in (ROOT / layer).rglob("*.py")
]


def functions(path: Path) -> Iterator[ast.FunctionDef]:
    yield from (node for node in ast.walk(ast.parse(path.read_text())) if isinstance(node, ast.FunctionDef))


def calls(node: ast.AST) -> Iterator[tuple[str, ast.Call]]:
    """Every call below the node, by the last part of its name, in the order of the lines."""
    found = [one for one in ast.walk(node) if isinstance(one, ast.Call)]
    for call in sorted(found, key=lambda one: one.lineno):
        name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
        yield name, call


def commits(node: ast.AST) -> list[int]:
    """The lines on which something is committed: a call of that name, or a statement."""
    return [
        call.lineno
        for name, call in calls(node)
        if name == "commit"
        or any(
            isinstance(one, ast.Constant) and str(one.value).strip().lower().startswith("commit") for one in call.args
        )
    ]


def failpoint_lines(node: ast.AST, side: str) -> list[int]:
    return [
        call.lineno
        for name, call in calls(node)
        if name == "failpoint" and ast.unparse(call.args[0]).endswith(f"{side}'")
    ]


def test_every_commit_stands_between_two_failpoints() -> None:
    found = [(path.name, one) for path in PRODUCTION for one in functions(path) if commits(one)]

    assert any(name == "warehouse.py" for name, _ in found)
    for name, function in found:
        for line in commits(function):
            where = f"{name}:{line}"
            assert any(at < line for at in failpoint_lines(function, ".before_commit")), where
            assert any(at > line for at in failpoint_lines(function, ".after_commit")), where


def named_in_production(bracket: str) -> set[str]:
    return {
        ast.literal_eval(call.args[0])
        for path in PRODUCTION
        for name, call in calls(ast.parse(path.read_text()))
        if name == bracket
    }


def test_every_transaction_and_every_outside_call_bears_a_name_of_the_list_and_every_name_is_borne() -> None:
    assert named_in_production("transaction") == TRANSACTIONS
    assert named_in_production("outside_call") == OUTSIDE_CALLS


@pytest.fixture(scope="module")
def stage(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage.with_news(template, tmp_path_factory.mktemp("stage"), gone_process())


def of_an_installation(folder: Path) -> set[str]:
    with armed(NEVER), DuckDBWarehouse(folder / "warehouse.duckdb").turn() as session:
        install(session)
        return set(failpoints._passed)


def test_every_failpoint_is_passed_by_some_run(stage: Stage, tmp_path: Path) -> None:
    passed = {place.partition("@")[0] for work in ("refresh", "roll_back", "vacuum") for place in stage.places(work)}
    passed |= of_an_installation(tmp_path)

    assert sorted(NAMES - passed) == []
    assert {name.partition(".")[0] for name in NAMES} == TRANSACTIONS | OUTSIDE_CALLS


def test_the_engine_writes_nothing_outside_a_transaction(stage: Stage) -> None:
    """What dbt builds in schema candidate is a commit a model; everything else of a run is a named transaction."""
    scene = stage.set()
    for work in (scene.refresh, scene.roll_back, scene.vacuum):
        assert not isinstance(work().to_its_end().outcome, Exception)
    written = scene.room.watch.written_without_transaction
    scene.room.close()

    assert written
    assert [sql for sql in written if "candidate." not in sql] == []


def test_a_run_that_is_answered_by_the_publication_it_made_before_makes_no_second_one(stage: Stage) -> None:
    """The commit was acknowledged to nobody; the same run publishes once more and is told of its publication."""
    scene = stage.set()
    assert scene.killed("refresh", "publish.after_commit")
    made = scene.room.ask("select publication_id from ops.pointer")
    again = refreshing(scene.room, f"run-{scene.runs}").to_its_end()
    scene.room.close()

    assert isinstance(again.outcome, Publication)
    assert [(again.outcome.publication_id,)] == made
