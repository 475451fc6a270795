"""What a command by hand runs, in this process: flows under a Prefect server, rollback and vacuum without one, too."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from flows.console import answer, say
from flows.orchestrator import configured_api, server
from flows.preconditions import before_backfill, before_refresh, before_rollback, before_vacuum
from flows.without_prefect import roll_back_here, vacuum_here
from shelfgate.settings import Settings

if TYPE_CHECKING:
    from flows.day import Refreshed
    from shelfgate.model import Publication
    from shelfgate.vacuum import Vacuumed


def refresh_now(business_date: date | None) -> tuple[Settings, Refreshed]:
    """Run the refresh flow and wait for it."""
    settings = Settings.load()
    before_refresh(settings, business_date)
    with server(settings.home, say):
        from flows.refresh import refresh

        return settings, refresh(business_date)


def backfill_now(from_date: date, to_date: date) -> list[str]:
    """Run the backfill flow and wait for it."""
    settings = Settings.load()
    before_backfill(settings, from_date, to_date)
    with server(settings.home, say):
        from flows.backfill import backfill

        return backfill(from_date, to_date)


def rollback_now(to: str, *, without_prefect: bool = False) -> Publication:
    """Roll back, as a flow run where a Prefect API is configured and wanted, else in this process alone."""
    settings = Settings.load()
    before_rollback(settings, to)
    if without_prefect or not configured_api():
        return roll_back_here(settings, to)
    with server(settings.home, say):
        from flows.rollback import rollback

        return rollback(to)


def vacuum_now(keep: int, *, without_prefect: bool = False) -> Vacuumed:
    """Vacuum, as a flow run where a Prefect API is configured and wanted, else in this process alone."""
    settings = Settings.load()
    before_vacuum(settings)
    if without_prefect or not configured_api():
        return vacuum_here(settings, keep)
    with server(settings.home, say):
        from flows.vacuum import vacuum

        return vacuum(keep)


def show_refresh(settings: Settings, refreshed: Refreshed, *, as_json: bool) -> None:
    """What was published, rows, gates, seconds of each stage, where to look."""
    from flows.reports import read_status, stage_table, summary_of

    found = read_status(settings)
    summary = summary_of(settings, refreshed, found)
    if as_json:
        answer(summary)
        return
    stage_table(summary)
