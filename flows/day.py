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

from shelfgate.errors import ShelfgateError
from shelfgate.lease import Lease, release, renew, take
from shelfgate.ledger import Run, begin_run
from shelfgate.model import Publication
from shelfgate.settings import Settings
from shelfgate.warehouse import Warehouse, install, open_warehouse
from tasks.snowflake_blocks import with_keys


@dataclass(frozen=True)
class Day:
    """The surroundings of one run; `seconds` fills up as its stages end."""

    settings: Settings
    warehouse: Warehouse
    run: Run
    lease: Lease
    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Renew the lease, time a stage, and say when it begins and ends.

        Raises:
            WarehouseBusy: another run has taken over.
        """
        logger = get_run_logger()
        with self.warehouse.turn() as session:
            renew(session, self.lease)
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


@contextmanager
def a_day(business_date: date | None) -> Iterator[Day]:
    """Read the environment, install what is missing, take the lease, pin what the run is based on; give it back.

    Raises:
        WarehouseBusy: another run holds the lease.
    """
    settings = with_keys(Settings.load())
    day = business_date or settings.business_date or day_before(_scheduled_start(), settings.timezone)
    with _held(settings, day) as held:
        get_run_logger().info("business date %s, on top of %s", day, held.run.base_id or "an empty store")
        yield held


@contextmanager
def standing_day() -> Iterator[Day]:
    """The surroundings of work on what is published, whatever its business date.

    Raises:
        ConfigurationError: nothing is published.
        WarehouseBusy: another run holds the lease.
    """
    with _held(with_keys(Settings.load()), None) as held:
        yield held


@contextmanager
def _held(settings: Settings, business_date: date | None) -> Iterator[Day]:
    warehouse = open_warehouse(settings, on_wait=get_run_logger().info)
    with warehouse.turn() as session:
        install(session)
        lease = take(session, str(flow_run.get_id()))
        try:
            run = begin_run(session, lease, business_date)
        except BaseException:
            release(session, lease)
            raise
    try:
        yield Day(settings, warehouse, run, lease)
    finally:
        _give_back(warehouse, lease)


def _give_back(warehouse: Warehouse, lease: Lease) -> None:
    """Nobody depends on it: a lease that is not given back expires. So no trouble here may hide how the run ended."""
    try:
        with warehouse.turn() as session:
            release(session, lease)
    except ShelfgateError as error:
        get_run_logger().warning("the lease was not given back and will expire: %s", error)


def day_before(moment: datetime, timezone: str) -> date:
    """The last day that is over at `moment` where the shops are: what a morning's run is about."""
    return moment.astimezone(ZoneInfo(timezone)).date() - timedelta(days=1)


def _scheduled_start() -> datetime:
    # The time that the run was meant for, not the time it got to run: a late run keeps its day.
    return datetime.fromisoformat(str(flow_run.get_scheduled_start_time()))
