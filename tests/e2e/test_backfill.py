"""A range of business dates over sources that know more than the first of them."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from cli.flow_runs import backfill_now
from shelfgate.errors import ConfigurationError
from tests.support.house import House

MONDAY = date(1999, 3, 1)


@pytest.mark.slow
@pytest.mark.alone
def test_a_backfill_publishes_each_day_as_of_that_day_and_resumes_where_it_stopped(house: House) -> None:
    house.seed(0.01, MONDAY)
    house.advance(4)

    assert backfill_now(MONDAY, MONDAY + timedelta(days=1)) == ["pub-000001", "pub-000002"]
    house.day = MONDAY
    house.differences()  # the oracle's customer history begins on the first day
    house.day = MONDAY + timedelta(days=1)
    assert house.differences() == []

    assert backfill_now(MONDAY, MONDAY + timedelta(days=3)) == ["pub-000003", "pub-000004"]
    house.day = MONDAY + timedelta(days=3)
    assert house.differences() == []
    assert backfill_now(MONDAY, MONDAY + timedelta(days=3)) == []

    house.day = MONDAY
    with pytest.raises(ConfigurationError, match="lies before"):
        house.refresh()
    with pytest.raises(ConfigurationError, match="does not run backwards"):
        backfill_now(MONDAY, MONDAY - timedelta(days=1))
