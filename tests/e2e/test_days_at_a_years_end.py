"""Two weeks around New Year, a run a day, against the oracle: every cell of every published table."""

from __future__ import annotations

from datetime import date

import pytest

from tests.support.house import House

FORTNIGHT = (date(1999, 12, 23), 14)
TURN_OF_THE_YEAR = (date(1999, 12, 30), 3)
"""The week that two years share: two open days, its end on Saturday 1 January; then the first day of the next."""


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize(
    ("scale", "first", "days"),
    [
        pytest.param(0.01, *TURN_OF_THE_YEAR, id="0.01"),
        pytest.param(0.01, *FORTNIGHT, id="0.01, a fortnight", marks=pytest.mark.proofs),
        pytest.param(0.1, *FORTNIGHT, id="0.1, a fortnight", marks=pytest.mark.proofs),
    ],
)
def test_every_day_equals_the_oracle_cell_by_cell(house: House, scale: float, first: date, days: int) -> None:
    house.seed(scale, first)
    initial = house.refresh().publication
    assert (initial.publication_id, initial.new) == ("pub-000001", True)
    assert house.differences() == []

    for number in range(days):
        house.advance()
        publication = house.refresh().publication
        assert publication.publication_id == f"pub-{number + 2:06d}"
        assert house.differences(facts_only=scale > 0.01 and number + 1 < days) == [], f"on {house.day}"

    again = house.refresh().publication
    assert (again.new, again.publication_id) == (False, f"pub-{days + 1:06d}")
    assert house.differences() == []
