"""Scenes that happen seldom and matter most, each on a day of its own; refuses to leave them to chance alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from shelfgate.failpoints import SimulatedCrash
from tests.reliability.model.machine import Days
from tests.reliability.model.runs import InProgress, refreshing
from tests.reliability.model.shop import WEEKS
from tests.reliability.model.wire import Break


def _up_to(days: Days, place: str) -> InProgress:
    """A run that has got this far, and has news to publish."""
    days.room.let_the_lease_expire()
    run = refreshing(days.room, days.next_run())
    days.running.append(run)
    while run.at != place:
        assert not run.over, run.outcome
        run.step()
    return run


def _about_to_publish(days: Days) -> InProgress:
    days.shop.sell(WEEKS[2], 4)
    run = _up_to(days, "marts gate")
    run.step()
    assert run.at == "renewed"
    return run


def a_week_is_corrected(days: Days) -> None:
    days.shop.drop([WEEKS[1]], days_late=7)
    days.shop.correct(days.shop.now.lines[1], 31)


def a_load_is_killed_after_each_of_its_statements(days: Days) -> None:
    for statement in range(1, 30):
        days.shop.drop([WEEKS[statement % 4]], days_late=7 * statement)
        days.room.watch.arm(statement, Break.CRASH_AFTER)
        try:
            days.an_event_has_a_dump_loaded(0)
            return
        except SimulatedCrash:
            continue
        finally:
            days.room.watch.arm(None)
    pytest.fail("no load ever came to its end")


def poison_arrives(days: Days) -> None:
    days.a_line_is_poison(WEEKS[3], -3)
    days.a_run_passes()
    days.shop.heal()
    days.a_line_is_poison(WEEKS[3], 5000)
    days.a_run_passes()


def a_gate_breaks(days: Days) -> None:
    days.shop.sell(WEEKS[2], 4)
    days.a_gate_breaks()


def a_zombie_wakes_after_a_takeover(days: Days) -> None:
    zombie = _about_to_publish(days)
    _up_to(days, "taken")
    zombie.to_its_end()


def a_zombie_wakes_that_the_lease_takes_for_alive(days: Days) -> None:
    days.shop.sell(WEEKS[3], 4)
    days.a_run_passes()
    zombie = _about_to_publish(days)
    days.readers_are_given_an_older_publication(0)
    days.the_lease_is_wrong_about_who_is_alive(0)
    zombie.to_its_end()


def two_runs_build_at_once(days: Days) -> None:
    zombie = _about_to_publish(days)
    days.shop.correct(list(days.shop.now.lines.values())[-1], 9)
    _up_to(days, "built")
    days.the_lease_is_wrong_about_who_is_alive(0)
    zombie.to_its_end()


def a_line_arrives_late_on_a_saturday(days: Days) -> None:
    days.a_line_is_sold_or_comes_late(WEEKS[1], 6, 8)


def a_line_changes_that_a_later_week_counts_too(days: Days) -> None:
    days.shop.drop([WEEKS[3]])
    days.shop.sell(WEEKS[4], 5)
    days.everything_comes_to_rest()
    days.shop.correct(days.shop.now.lines[0], 17)


def a_file_and_a_sync_arrive_in_the_middle_of_a_run(days: Days) -> None:
    run = _up_to(days, "landing gate")
    days.shop.drop([WEEKS[0]], days_late=14)
    days.an_event_has_a_dump_loaded(0)
    run.to_its_end()
    run = _up_to(days, "landing gate")
    days.shop.sell(WEEKS[0], 6)
    days.airbyte_syncs_by_its_own_schedule()
    run.to_its_end()


def readers_go_back_and_forth(days: Days) -> None:
    days.shop.sell(WEEKS[1], 3)
    days.shop.move_a_customer()
    days.a_run_passes()
    days.readers_are_given_an_older_publication(0)


def old_publications_are_dropped(days: Days) -> None:
    days.shop.sell(WEEKS[1], 3)
    days.a_run_passes()
    days.a_vacuum_passes(1)


ACTS: tuple[Callable[[Days], None], ...] = (
    a_week_is_corrected,
    a_load_is_killed_after_each_of_its_statements,
    poison_arrives,
    a_gate_breaks,
    a_zombie_wakes_after_a_takeover,
    a_zombie_wakes_that_the_lease_takes_for_alive,
    two_runs_build_at_once,
    a_line_arrives_late_on_a_saturday,
    a_line_changes_that_a_later_week_counts_too,
    a_file_and_a_sync_arrive_in_the_middle_of_a_run,
    readers_go_back_and_forth,
    old_publications_are_dropped,
)


def play(act: Callable[[Days], None]) -> None:
    """A first day, the act, and all that comes to rest after it."""
    days = Days()
    try:
        days.a_first_day()
        act(days)
        days.everything_comes_to_rest()
        days.promises.look_at_all_publications()
    finally:
        days.put_away()
