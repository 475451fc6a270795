"""Back to an older publication."""

from __future__ import annotations

from prefect import flow, get_run_logger

from flows.day import standing_day
from flows.leased import in_one_turn
from shelfgate.model import Publication
from shelfgate.rollback import roll_back


@flow(name="rollback", persist_result=False)
def rollback(to: str) -> Publication:
    """Serve again what publication `to` served, as a new publication; no row is changed and no gate is asked.

    The next refresh builds on it. If what made somebody roll back is still in the sources, that refresh will publish
    it again, unless a gate stops it.
    """
    with standing_day() as day:
        publication = in_one_turn(
            day.warehouse, lambda session: roll_back(session, day.run, to), get_run_logger().warning
        )
    if publication.new:
        get_run_logger().info("%s serves the content of %s", publication.publication_id, to)
    else:
        get_run_logger().info("%s is what readers see already", to)
    return publication
