"""The whole day on one screen."""

from __future__ import annotations

from datetime import date

from prefect import flow

from flows.build import build
from flows.day import Refreshed, a_day
from flows.land import land
from flows.publish import publish


@flow(name="refresh", validate_parameters=True, persist_result=False)
def refresh(business_date: date | None = None) -> Refreshed:
    """Carry one business date from its sources to the dashboards: land, gate, build, gate, publish.

    Without a business date it takes the day before the scheduled start, in SHELFGATE_TIMEZONE. A closed gate stops the
    day there; readers keep the last publication. Safe to run again: a second run without changes publishes nothing new.
    """
    with a_day(business_date) as day:
        landed = land(day)
        candidate = build(day, landed)
        publication = publish(day, candidate)
        return Refreshed(publication, day.seconds)
