"""What becomes of a snapshot, by what the warehouse serves: pure rules."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from itertools import pairwise, permutations

import pytest
from inventory_loader.dump.contract import day_of
from inventory_loader.errors import DumpRefused
from inventory_loader.receipt import Status
from inventory_loader.snapshots import Rank, Served, Settled, Snapshot, reason_for, settle, status_of

FIRST, SECOND, THIRD = 2450815, 2450822, 2450829
NOON = datetime(2026, 11, 22, 12)


def rank(day: int, *, hour: int = 0) -> Rank:
    return Rank(date(1998, 2, day), NOON + timedelta(hours=hour))


def snapshot(sk: int, content: str) -> Snapshot:
    return Snapshot(sk, rows=3, repeated=0, content_digest=content)


def served(day: int, content: str, key: str = "old.csv") -> Served:
    return Served(rank(day), key, content)


def outcomes(settled: Iterable[Settled]) -> list[tuple[Status, str | None, bool]]:
    return [(each.outcome, each.replaced_digest, each.confirms) for each in settled]


def test_date_keys_are_julian_days() -> None:
    assert (day_of(FIRST), day_of(2452635)) == (date(1998, 1, 1), date(2002, 12, 26))


@pytest.mark.parametrize(
    ("day", "content", "outcome"),
    [
        (3, "new", (Status.LOADED, "old", False)),
        (2, "new", (Status.LOADED, "old", False)),
        (1, "new", (Status.SUPERSEDED, None, False)),
        (3, "old", (Status.UNCHANGED, None, True)),
        (2, "old", (Status.UNCHANGED, None, False)),
        (1, "old", (Status.UNCHANGED, None, False)),
    ],
    ids=["newer", "same rank", "older", "newer, same content", "same rank, same content", "older, same content"],
)
def test_a_served_week_yields_to_other_content_unless_that_is_older(day: int, content: str, outcome: tuple) -> None:
    assert outcomes(settle([snapshot(FIRST, content)], rank(day), "old.csv", {FIRST: served(2, "old")})) == [outcome]


def test_a_week_not_yet_served_is_loaded() -> None:
    assert outcomes(settle([snapshot(FIRST, "a")], rank(1), "old.csv", {})) == [(Status.LOADED, None, False)]


def test_dumps_rank_by_day_then_upload() -> None:
    ranked = [rank(1, hour=9), rank(2), rank(2, hour=1), rank(3)]

    assert all(lower < higher for lower, higher in pairwise(ranked))


def test_dumps_of_a_week_end_the_same_in_any_order_of_arrival() -> None:
    """Two contents take turns, so a dump that only confirms must keep out the ones between."""
    dumps = [(1, "a"), (2, "b"), (3, "a"), (4, "b"), (5, "a")]

    for order in permutations(dumps):
        state: dict[int, Served] = {}
        for day, content in order:
            (settled,) = settle([snapshot(FIRST, content)], rank(day), "old.csv", state)
            if settled.written or settled.confirms:
                state[FIRST] = served(day, content)
        assert state == {FIRST: served(5, "a")}, order


def test_two_dumps_of_one_day_and_second_that_disagree_are_not_chosen_between() -> None:
    state = {FIRST: served(2, "a", "first.csv")}

    with pytest.raises(DumpRefused, match=r"another one in first\.csv, a dump of the same day uploaded in the same"):
        settle([snapshot(FIRST, "b")], rank(2), "second.csv", state)

    assert outcomes(settle([snapshot(FIRST, "a")], rank(2), "second.csv", state)) == [(Status.UNCHANGED, None, False)]


def test_the_content_of_another_week_is_refused_with_both_named() -> None:
    with pytest.raises(DumpRefused, match=r"snapshot 1998-01-08 has the content of 1998-01-01, served by first\.csv"):
        settle([snapshot(SECOND, "a")], rank(9), "old.csv", {FIRST: served(2, "a", "first.csv")})


def test_a_dump_may_put_two_swapped_weeks_right() -> None:
    state = {FIRST: served(2, "b"), SECOND: served(2, "a")}

    settled = settle([snapshot(FIRST, "a"), snapshot(SECOND, "b")], rank(9), "old.csv", state)

    assert [each.replaced_digest for each in settled] == ["b", "a"]


def test_a_dump_may_not_leave_two_weeks_alike() -> None:
    """The served week keeps its content, because this dump is older than what serves it."""
    state = {FIRST: served(9, "a"), SECOND: served(1, "b")}

    with pytest.raises(DumpRefused, match="1998-01-08 has the content of 1998-01-01"):
        settle([snapshot(FIRST, "c"), snapshot(SECOND, "a")], rank(5), "old.csv", state)


def test_an_object_is_loaded_if_any_week_was_written_and_says_what_became_of_the_others() -> None:
    state = {FIRST: served(9, "newer"), SECOND: served(1, "same")}
    weeks = [snapshot(FIRST, "late"), snapshot(SECOND, "same"), snapshot(THIRD, "new")]

    settled = settle(weeks, rank(5), "old.csv", state)

    assert status_of(settled) is Status.LOADED
    assert reason_for(settled) == "1998-01-08 unchanged; 1998-01-01 superseded by a newer dump"
    assert status_of(settled[:2]) is Status.SUPERSEDED
    assert status_of(settled[1:2]) is Status.UNCHANGED
    assert reason_for(settled[2:]) is None


def test_a_reason_about_many_weeks_stays_short() -> None:
    state = {sk: served(1, f"old {sk}") for sk in (FIRST, SECOND, THIRD)}

    settled = settle([snapshot(sk, f"new {sk}") for sk in state], rank(2), "old.csv", state)

    assert reason_for(settled) == "3 snapshots 1998-01-01..1998-01-15 restated"
