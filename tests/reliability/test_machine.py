"""T1 of docs/reliability.md: whatever happens, in whatever order, the promises hold after each commit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, seed, settings
from hypothesis.stateful import run_state_machine_as_test

from tests.reliability.model.acts import ACTS, play
from tests.reliability.model.machine import Days

BUDGET = settings(
    max_examples=5,
    stateful_step_count=20,
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
)


@pytest.mark.parametrize("act", ACTS, ids=[act.__name__ for act in ACTS])
def test_the_promises_hold_when(act: Callable[[Days], None], template: Path) -> None:
    Days.template = template

    play(act)


def test_the_promises_hold_whatever_happens(template: Path) -> None:
    Days.template = template

    run_state_machine_as_test(Days, settings=BUDGET)


@pytest.mark.alone
@pytest.mark.proofs
@pytest.mark.parametrize("part", range(20))
def test_the_promises_hold_whatever_happens_a_thousand_times(template: Path, part: int) -> None:
    """Fifty at a time, each part from a seed of its own: workers share them, and one that fails is soon repeated."""
    Days.template = template
    seeded = type("Days", (Days,), {})
    seed(part)(seeded)

    run_state_machine_as_test(seeded, settings=settings(BUDGET, max_examples=50, stateful_step_count=40))
