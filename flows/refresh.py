"""The whole day on one screen."""

from __future__ import annotations

from datetime import date

from prefect import flow

from flows.build import build
from flows.land import land
from flows.publish import publish
from flows.run_context import Refreshed, daily_run


@flow(name="refresh", validate_parameters=True, persist_result=False)
def refresh(business_date: date | None = None) -> Refreshed:
    """Carry one business date from its sources to the dashboards: land, gate, build, gate, publish.

    Without a business date it takes the day before the scheduled start, in SHELFGATE_TIMEZONE. A closed gate stops the
    day there; readers keep the last publication. Safe to run again: a second run without changes publishes nothing new.
    """
    with daily_run(business_date) as context:
        landed = land(context)
        candidate = build(context, landed)
        publication = publish(context, candidate)
        return Refreshed(publication, context.seconds)
