"""The middle of the day: dbt, in two steps with a gate between them."""

from __future__ import annotations

from flows.day import Day
from shelfgate.model import Approval, Candidate, Gate
from tasks.dbt_build import build_models
from tasks.gates import hold_gate
from tasks.publication import measure_candidate


def build(day: Day, landed: Approval) -> Candidate:
    """Turn what the landing gate let through into a measured candidate."""
    with day.stage("build staging"):
        build_models("staging", day.settings, day.warehouse, day.run)
    with day.stage("staging gate"):
        hold_gate(Gate.STAGING, day.settings, day.warehouse, day.run)
    with day.stage("build marts"):
        build_models("marts", day.settings, day.warehouse, day.run)
        return measure_candidate(day.warehouse, day.run, landed)
