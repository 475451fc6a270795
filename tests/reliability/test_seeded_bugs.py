"""T8 of docs/reliability.md: the proofs are worth something only if they notice that the engine is broken."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.reliability.model.acts import play
from tests.reliability.model.machine import Days
from tests.reliability.model.seeded_bugs import BUGS
from tests.reliability.test_machine import BUDGET

HUNT = settings(BUDGET, max_examples=300, stateful_step_count=30, phases=[Phase.generate], report_multiple_bugs=False)


@pytest.mark.parametrize("bug", BUGS)
def test_a_broken_engine_is_noticed(bug: str, template: Path) -> None:
    Days.template = template

    with BUGS[bug].planted(), pytest.raises(AssertionError):
        play(BUGS[bug].seen_in)


@pytest.mark.alone
@pytest.mark.proofs
@pytest.mark.parametrize("bug", [name for name, bug in BUGS.items() if not bug.only_by_its_act])
def test_the_state_machine_comes_upon_it_by_itself(bug: str, template: Path) -> None:
    Days.template = template

    with BUGS[bug].planted(), pytest.raises(AssertionError):
        run_state_machine_as_test(Days, settings=HUNT)
