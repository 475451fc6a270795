"""Cleaning up behind old publications and dead runs."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows.day import standing_day
from flows.leased import in_one_turn
from shelfgate.vacuum import Vacuumed
from shelfgate.vacuum import vacuum as drop_unserved


@flow(name="vacuum", persist_result=False)
def vacuum(keep: int = 30) -> Vacuumed:
    """Drop what none of the newest `keep` publications serves."""
    with standing_day() as day:
        done = in_one_turn(
            day.warehouse, lambda session: drop_unserved(session, day.run, keep), get_run_logger().warning
        )
    get_run_logger().info(
        "%d publications, %s rows and %d verdicts dropped", len(done.publications), f"{done.rows:,}", done.verdicts
    )
    return done
