"""One run a day and one day a run, whatever the clocks and the calendar do."""

from __future__ import annotations

import asyncio
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
import yaml
from prefect.server.schemas.schedules import CronSchedule

from flows.run_context import day_before

DEPLOYED = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text(encoding="utf-8"))["deployments"]


@pytest.mark.parametrize("timezone", ["America/New_York", "Europe/Berlin", "Australia/Lord_Howe", "UTC"])
def test_every_day_from_2023_to_2033_has_one_run_which_takes_the_day_before(timezone: str) -> None:
    """Clock changes, two leap days, the ends of ten years, weeks 53 among them."""
    (daily,) = [one for one in DEPLOYED if one["name"] == "refresh"]
    schedule = CronSchedule(cron=daily["schedules"][0]["cron"], timezone=timezone)
    taken = [
        day_before(start.astimezone(UTC), timezone)
        for year in range(2023, 2033)
        for start in asyncio.run(
            schedule.get_dates(400, datetime(year, 1, 1, tzinfo=UTC), datetime(year + 1, 1, 1, tzinfo=UTC))
        )
    ]

    days = (date(2033, 1, 1) - date(2023, 1, 1)).days
    assert taken == [taken[0] + timedelta(days=n) for n in range(days)]
