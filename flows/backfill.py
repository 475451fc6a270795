"""The same day, over a range."""

from __future__ import annotations

from datetime import date, timedelta

from prefect import flow, get_run_logger

from flows.cancellation import as_prefect_expects
from flows.refresh import refresh
from flows.run_context import Refreshed
from shelfgate import interruption
from shelfgate.errors import ConfigurationError, EngineFailed
from shelfgate.model import Publication
from shelfgate.ops.leased_run import in_one_turn
from shelfgate.ops.pointer import current_publication
from shelfgate.settings import Settings
from shelfgate.warehouse import Session, install
from tasks.connect import connect


@flow(name="backfill", persist_result=False)
def backfill(from_date: date, to_date: date) -> list[str]:
    """Refresh every business date of a range, oldest first; answers with the publications that serve them.

    Resumes where it stopped: dates up to the published one are done. The first date whose gate stays closed ends it.
    """
    if to_date < from_date:
        raise ConfigurationError(
            f"backfill: from {from_date} to {to_date}. Wanted a range that does not run backwards."
        )
    current = in_one_turn(connect(Settings.load()), _published, get_run_logger().warning)
    first = from_date if current is None else max(from_date, current.business_date + timedelta(days=1))
    if first > from_date:
        get_run_logger().info("dates before %s are published already", first)
    days = [first + timedelta(days=n) for n in range((to_date - first).days + 1)]
    # Around all days: a signal that arrives between two of them ends the range, too.
    with interruption.watched(), as_prefect_expects():
        return [_refreshed(day).publication.publication_id for day in days]


def _published(session: Session) -> Publication | None:
    install(session)
    return current_publication(session)


def _refreshed(day: date) -> Refreshed:
    """A day whose run the engine ended is run once more, as any day that was left unpublished would be."""
    try:
        return refresh(day)
    except EngineFailed as error:
        get_run_logger().warning("%s: %s The day is run once more.", day, error)
    return refresh(day)
