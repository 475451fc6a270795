"""Flows started by hand, in this process; refuses to run without a Prefect server that answers."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from flows.console import answer, say
from flows.orchestrator import server
from shelfgate.settings import Settings

if TYPE_CHECKING:
    from flows.day import Refreshed
    from shelfgate.model import Publication
    from shelfgate.vacuum import Vacuumed


def refresh_now(business_date: date | None) -> tuple[Settings, Refreshed]:
    """Run the refresh flow and wait for it."""
    settings = Settings.load()
    with server(settings.home, say):
        from flows.refresh import refresh

        return settings, refresh(business_date)


def backfill_now(from_date: date, to_date: date) -> list[str]:
    """Run the backfill flow and wait for it."""
    settings = Settings.load()
    with server(settings.home, say):
        from flows.backfill import backfill

        return backfill(from_date, to_date)


def rollback_now(to: str) -> Publication:
    """Run the rollback flow and wait for it."""
    with server(Settings.load().home, say):
        from flows.rollback import rollback

        return rollback(to)


def vacuum_now(keep: int) -> Vacuumed:
    """Run the vacuum flow and wait for it."""
    with server(Settings.load().home, say):
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
