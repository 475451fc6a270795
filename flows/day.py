"""What every step of a day shares; refuses to read the environment or the clock anywhere but at the day's beginning."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import TypeVar
from zoneinfo import ZoneInfo

from prefect import get_run_logger
from prefect.runtime import flow_run

from shelfgate.errors import EngineFailed, ShelfgateError
from shelfgate.lease import Lease, release, release_of, renew, take
from shelfgate.ledger import Run, begin_run
from shelfgate.model import Publication
from shelfgate.settings import Settings
from shelfgate.warehouse import Session, Warehouse, install, open_warehouse
from tasks.snowflake_blocks import with_keys

Result = TypeVar("Result")


@dataclass(frozen=True)
class Day:
    """The surroundings of one run; `stages` fills up as they begin, `seconds` as they end."""

    settings: Settings
    untagged: Warehouse
    run: Run
    lease: Lease
    stages: list[str] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)

    @property
    def warehouse(self) -> Warehouse:
        """The warehouse as this run's newest stage uses it: statements carry both names, where the engine keeps any."""
        stage = {"stage": self.stages[-1]} if self.stages else {}
        return self.untagged.tagged(run=self.run.run_id, **stage)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Renew the lease, time a stage, and say when it begins and ends.

        Raises:
            WarehouseBusy: another run has taken over.
        """
        logger = get_run_logger()
        self.stages.append(name)
        in_one_turn(self.warehouse, lambda session: renew(session, self.lease))
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
    run_id = str(flow_run.get_id())
    whole = open_warehouse(settings, on_wait=get_run_logger().info)
    with whole.keeping() as warehouse, _leased(warehouse, settings, run_id, business_date) as day:
        yield day


@contextmanager
def _leased(warehouse: Warehouse, settings: Settings, run_id: str, business_date: date | None) -> Iterator[Day]:
    ending = warehouse.tagged(run=run_id, stage="end")

    def begin(session: Session) -> tuple[Lease, Run]:
        install(session)
        lease = take(session, run_id)
        try:
            return lease, begin_run(session, lease, business_date)
        except BaseException:
            release(session, lease)
            raise

    try:
        lease, run = in_one_turn(warehouse.tagged(run=run_id, stage="begin"), begin)
    except EngineFailed:
        _give_back(ending, lambda session: release_of(session, run_id))
        raise
    try:
        yield Day(settings, warehouse, run, lease)
    finally:
        _give_back(ending, lambda session: release(session, lease))


def _give_back(warehouse: Warehouse, let_go: Callable[[Session], object]) -> None:
    """Nobody depends on it: a lease that is not given back expires. So no trouble here may hide how the run ended."""
    try:
        in_one_turn(warehouse, let_go)
    except ShelfgateError as error:
        get_run_logger().warning("the lease was not given back and will expire: %s", error)


def in_one_turn(warehouse: Warehouse, work: Callable[[Session], Result]) -> Result:
    """What `work` answers; if the engine fails, it is done once more, on the warehouse opened anew.

    Raises:
        EngineFailed: it failed again.
    """
    try:
        with warehouse.turn() as session:
            return work(session)
    except EngineFailed as error:
        get_run_logger().warning("%s It is tried once more now.", error)
    with warehouse.turn() as session:
        return work(session)


def day_before(moment: datetime, timezone: str) -> date:
    """The last day that is over at `moment` where the shops are: what a morning's run is about."""
    return moment.astimezone(ZoneInfo(timezone)).date() - timedelta(days=1)


def _scheduled_start() -> datetime:
    # The time that the run was meant for, not the time it got to run: a late run keeps its day.
    return datetime.fromisoformat(str(flow_run.get_scheduled_start_time()))
