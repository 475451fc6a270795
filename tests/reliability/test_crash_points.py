"""T2 of docs/reliability.md: a run that ends anywhere, and then one more run, leave what one good run leaves."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.model.crashes import Stage
from tests.reliability.model.engine_room import gone_process
from tests.reliability.model.wire import Break

WORKS = ("refresh", "roll_back", "vacuum")


@pytest.fixture(scope="module")
def stage(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage.with_news(template, tmp_path_factory.mktemp("stage"), gone_process())


@pytest.mark.parametrize("side", [pytest.param("begun", marks=pytest.mark.proofs), "before", "after"])
@pytest.mark.parametrize("work", WORKS)
def test_a_run_killed_at_any_failpoint_is_healed_by_one_more(stage: Stage, work: str, side: str) -> None:
    places = [place for place in stage.places(work) if f".{side}" in place]
    assert len(places) >= 4

    for place in places:
        assert stage.survives(work, lambda scene, at=place: scene.killed(work, at)), f"{place} was not passed"


def test_a_run_whose_session_is_lost_at_any_twentieth_statement_is_healed_by_one_more(stage: Stage) -> None:
    """`make proofs` takes every statement, and every way to break."""
    for statement in range(1, stage.statements("refresh") + 1, 20):
        how = (Break.SESSION_LOST, Break.SESSION_LOST_AFTER)[statement // 20 % 2]
        assert stage.survives("refresh", lambda scene, n=statement, how=how: scene.broken("refresh", n, how)), statement


@pytest.mark.proofs
@pytest.mark.parametrize("work", WORKS)
@pytest.mark.parametrize("how", Break)
def test_a_run_broken_at_any_statement_in_any_way_is_healed_by_one_more(stage: Stage, work: str, how: Break) -> None:
    statements = stage.statements(work)

    for n in range(1, statements + 1):
        assert stage.survives(work, lambda scene, n=n: scene.broken(work, n, how)), f"statement {n} was not reached"


@pytest.mark.alone
@pytest.mark.proofs
@pytest.mark.parametrize("part", range(4))
@pytest.mark.parametrize("work", WORKS)
def test_two_runs_killed_at_any_two_failpoints_are_healed_by_one_more(stage: Stage, work: str, part: int) -> None:
    """The second may find so little left to do that it never comes by its place: then one kill is what was proved.

    A kill at `begun` leaves what a kill at `before_commit` leaves, as the single kills show.
    """
    places = [place for place in stage.places(work) if ".begun" not in place]

    for one in places[part::4]:
        with stage.after(lambda scene, at=one: scene.killed(work, at)) as struck:
            for other in places:
                struck.survives(work, lambda scene, at=other: scene.killed(work, at))
