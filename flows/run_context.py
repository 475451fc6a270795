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

from flows.cancellation import as_prefect_expects
from flows.progress_display import shown
from shelfgate import interruption
from shelfgate.errors import ExternalServiceUnavailable, ShelfgateError
from shelfgate.model import Publication
from shelfgate.ops.lease import Lease, renew
from shelfgate.ops.leased_run import in_one_turn, leased
from shelfgate.ops.runs import Run
from shelfgate.settings import Settings
from shelfgate.warehouse import Warehouse
from tasks.connect import connect


@dataclass(frozen=True)
class RunContext:
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
            Interrupted: a signal asked the process to end, before the stage or during it.
        """
        interruption.raise_if_requested()
        logger = get_run_logger()
        self.stages.append(name)
        in_one_turn(self.warehouse, lambda session: renew(session, self.lease), logger.warning)
        logger.info("%s ...", name)
        began = time.monotonic()
        try:
            with shown(name, logger.info):
                yield
        except ExternalServiceUnavailable as error:
            error.add_note(self._what_now(name))
            raise
        except BaseException as ended:
            if not isinstance(ended, ShelfgateError):
                ended.add_note(f"It ended in stage {name}.")
            raise
        finally:
            self.seconds[name] = round(time.monotonic() - began, 2)
        interruption.raise_if_requested()
        logger.info("%s done in %.1f s", name, self.seconds[name])

    def _what_now(self, stage: str) -> str:
        """What readers see after a stage that a system outside broke off, and what to do."""
        if "publish" in self.seconds and stage != "publish":
            return f"Stage {stage}: what the run publishes is published. When the system answers, run again."
        readers = f"readers keep {self.run.base_id}" if self.run.base_id else "no publication exists yet"
        return (
            f"Stage {stage}: nothing was published; {readers}. When the system answers, run `shelfgate refresh` again: "
            "nothing has to be cleaned up first."
        )


@dataclass(frozen=True)
class Refreshed:
    """What a refresh ended with: the publication that readers see now, and the seconds of each stage."""

    publication: Publication
    seconds: dict[str, float]


@contextmanager
def daily_run(business_date: date | None) -> Iterator[RunContext]:
    """Read the environment, install what is missing, take the lease, pin what the run is based on; give it back.

    Raises:
        WarehouseBusy: another run holds the lease.
    """
    settings = Settings.load()
    day = business_date or settings.business_date or day_before(_scheduled_start(), settings.timezone)
    with _held(settings, day) as held:
        get_run_logger().info("business date %s, on top of %s", day, held.run.base_id or "an empty store")
        yield held


@contextmanager
def maintenance_run() -> Iterator[RunContext]:
    """The surroundings of work on what is published, whatever its business date.

    Raises:
        ConfigurationError: nothing is published.
        WarehouseBusy: another run holds the lease.
    """
    with _held(Settings.load(), None) as held:
        yield held


@contextmanager
def _held(settings: Settings, business_date: date | None) -> Iterator[RunContext]:
    run_id = str(flow_run.get_id())
    logger = get_run_logger()
    whole = connect(settings, on_wait=logger.info)
    with (
        interruption.watched(),
        as_prefect_expects(),
        whole.keeping() as warehouse,
        leased(warehouse, run_id, business_date, logger.warning) as (run, lease),
    ):
        yield RunContext(settings, warehouse, run, lease)


def day_before(moment: datetime, timezone: str) -> date:
    """The last day that is over at `moment` where the shops are: what a morning's run is about."""
    return moment.astimezone(ZoneInfo(timezone)).date() - timedelta(days=1)


def _scheduled_start() -> datetime:
    # The time that the run was meant for, not the time it got to run: a late run keeps its day.
    return datetime.fromisoformat(str(flow_run.get_scheduled_start_time()))
