"""What a command by hand runs, in this process: flows under a Prefect server, rollback and vacuum without one, too."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from typing import TYPE_CHECKING

from cli.console import answer, say, screen
from cli.preconditions import before_backfill, before_refresh, before_rollback, before_vacuum
from cli.prefect_api import configured_api, server
from cli.without_prefect import roll_back_here, vacuum_here
from shelfgate.settings import Settings

if TYPE_CHECKING:
    from flows.run_context import Refreshed
    from shelfgate.model import Publication
    from shelfgate.publication.vacuum import Vacuumed


def refresh_now(business_date: date | None) -> tuple[Settings, Refreshed]:
    """Run the refresh flow and wait for it."""
    settings = Settings.load()
    before_refresh(settings, business_date)
    with _prefect(settings):
        from flows.refresh import refresh

        return settings, refresh(business_date)


def backfill_now(from_date: date, to_date: date) -> list[str]:
    """Run the backfill flow and wait for it."""
    settings = Settings.load()
    before_backfill(settings, from_date, to_date)
    with _prefect(settings):
        from flows.backfill import backfill

        return backfill(from_date, to_date)


def rollback_now(to: str, *, without_prefect: bool = False) -> Publication:
    """Roll back, as a flow run where a Prefect API is configured and wanted, else in this process alone."""
    settings = Settings.load()
    before_rollback(settings, to)
    if without_prefect or not configured_api():
        return roll_back_here(settings, to)
    with _prefect(settings):
        from flows.rollback import rollback

        return rollback(to)


def vacuum_now(keep: int, *, without_prefect: bool = False) -> Vacuumed:
    """Vacuum, as a flow run where a Prefect API is configured and wanted, else in this process alone."""
    settings = Settings.load()
    before_vacuum(settings)
    if without_prefect or not configured_api():
        return vacuum_here(settings, keep)
    with _prefect(settings):
        from flows.vacuum import vacuum

        return vacuum(keep)


@contextmanager
def _prefect(settings: Settings) -> Iterator[None]:
    """A Prefect server to run a flow under; the flow's stages show their progress on this terminal."""
    from flows.progress_display import show_bars_on

    with server(settings.home, say):
        show_bars_on(screen())
        yield


def show_refresh(settings: Settings, refreshed: Refreshed, *, as_json: bool) -> None:
    """What was published, rows, gates, seconds of each stage, where to look."""
    from cli.rendering import read_status, stage_table, summary_of

    found = read_status(settings)
    summary = summary_of(settings, refreshed, found)
    if as_json:
        answer(summary)
        return
    stage_table(summary)
