"""Two weeks around New Year, a run a day, against the oracle: every cell of every published table."""

from __future__ import annotations

from datetime import date

import pytest

from tests.support.house import House

FIRST, DAYS = date(1999, 12, 23), 14


@pytest.mark.slow
@pytest.mark.alone
@pytest.mark.parametrize("scale", [0.01, 0.1])
def test_every_day_equals_the_oracle_cell_by_cell(house: House, scale: float) -> None:
    house.seed(scale, FIRST)
    first = house.refresh().publication
    assert (first.publication_id, first.new) == ("pub-000001", True)
    assert house.differences() == []

    for number in range(DAYS):
        house.advance()
        publication = house.refresh().publication
        assert publication.publication_id == f"pub-{number + 2:06d}"
        assert house.differences(facts_only=scale > 0.01 and number + 1 < DAYS) == [], f"on {house.day}"

    again = house.refresh().publication
    assert (again.new, again.publication_id) == (False, f"pub-{DAYS + 1:06d}")
    assert house.differences() == []
