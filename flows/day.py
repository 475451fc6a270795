"""What every step of a day shares; refuses to read the environment or the clock anywhere but at the day's beginning."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from prefect import get_run_logger
from prefect.runtime import flow_run

from shelfgate.ledger import Run, begin_run
from shelfgate.model import Publication
from shelfgate.settings import Settings
from shelfgate.warehouse import Warehouse, install, open_warehouse


@dataclass(frozen=True)
class Day:
    """The surroundings of one run; `seconds` fills up as its stages end."""

    settings: Settings
    warehouse: Warehouse
    run: Run
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Time a stage and say when it begins and ends."""
        logger = get_run_logger()
        logger.info("%s ...", name)
        began = time.monotonic()
        try:
            yield
        finally:
            self.seconds[name] = round(time.monotonic() - began, 2)
        logger.info("%s done in %.1f s", name, self.seconds[name])


@dataclass(frozen=True)
class Refreshed:
    """What a refresh ended with: the publication that readers see now, and the seconds of each stage."""

    publication: Publication
    seconds: dict[str, float]


def begin(business_date: date | None) -> Day:
    """Read the environment, install what is missing, pin what the run is based on."""
    settings = Settings.load()
    warehouse = open_warehouse(settings, on_wait=get_run_logger().info)
    day = business_date or settings.business_date or day_before(_scheduled_start(), settings.timezone)
    with warehouse.turn() as session:
        install(session)
        run = begin_run(session, str(flow_run.get_id()), day)
    get_run_logger().info("business date %s, on top of %s", day, run.base_id or "an empty store")
    return Day(settings, warehouse, run)


def day_before(moment: datetime, timezone: str) -> date:
    """The last day that is over at `moment` where the shops are: what a morning's run is about."""
    return moment.astimezone(ZoneInfo(timezone)).date() - timedelta(days=1)


def _scheduled_start() -> datetime:
    # The time that the run was meant for, not the time it got to run: a late run keeps its day.
    return datetime.fromisoformat(str(flow_run.get_scheduled_start_time()))
