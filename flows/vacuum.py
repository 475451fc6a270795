"""Cleaning up behind old publications and dead runs."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows.run_context import maintenance_run
from shelfgate.ops.leased_run import in_one_turn
from shelfgate.publication.vacuum import Vacuumed
from shelfgate.publication.vacuum import vacuum as drop_unserved


@flow(name="vacuum", persist_result=False)
def vacuum(keep: int = 30) -> Vacuumed:
    """Drop what none of the newest `keep` publications serves."""
    with maintenance_run() as context:
        done = in_one_turn(
            context.warehouse, lambda session: drop_unserved(session, context.run, keep), get_run_logger().warning
        )
    get_run_logger().info(
        "%d publications, %s rows and %d verdicts dropped", len(done.publications), f"{done.rows:,}", done.verdicts
    )
    return done
