"""Back to an older publication."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows.run_context import maintenance_run
from shelfgate.model import Publication
from shelfgate.ops.leased_run import in_one_turn
from shelfgate.publication.rollback import roll_back


@flow(name="rollback", persist_result=False)
def rollback(to: str) -> Publication:
    """Serve again what publication `to` served, as a new publication; no row is changed and no gate is asked.

    The next refresh builds on it. If what made somebody roll back is still in the sources, that refresh will publish
    it again, unless a gate stops it.
    """
    with maintenance_run() as context:
        publication = in_one_turn(
            context.warehouse, lambda session: roll_back(session, context.run, to), get_run_logger().warning
        )
    if publication.new:
        get_run_logger().info("%s serves the content of %s", publication.publication_id, to)
    else:
        get_run_logger().info("%s is what readers see already", to)
    return publication
