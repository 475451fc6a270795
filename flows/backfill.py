"""The same day, over a range."""

from __future__ import annotations

from datetime import date, timedelta

from prefect import flow, get_run_logger

from flows.ending import as_prefect_expects
from flows.refresh import refresh
from shelfgate import interruption
from shelfgate.errors import ConfigurationError
from shelfgate.publication import current_publication
from shelfgate.settings import Settings
from shelfgate.warehouse import install, open_warehouse
from tasks.snowflake_blocks import with_keys


@flow(name="backfill", persist_result=False)
def backfill(from_date: date, to_date: date) -> list[str]:
    """Refresh every business date of a range, oldest first; answers with the publications that serve them.

    Resumes where it stopped: dates up to the published one are done. The first date whose gate stays closed ends it.
    """
    if to_date < from_date:
        raise ConfigurationError(
            f"backfill: from {from_date} to {to_date}. Wanted a range that does not run backwards."
        )
    settings = with_keys(Settings.load())
    with open_warehouse(settings).turn() as session:
        install(session)
        current = current_publication(session)
    first = from_date if current is None else max(from_date, current.business_date + timedelta(days=1))
    if first > from_date:
        get_run_logger().info("dates before %s are published already", first)
    days = [first + timedelta(days=n) for n in range((to_date - first).days + 1)]
    # Around all days: a signal that arrives between two of them ends the range, too.
    with interruption.watched(), as_prefect_expects():
        return [refresh(day).publication.publication_id for day in days]
