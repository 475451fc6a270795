"""The middle of the day: dbt, in two steps with a gate between them."""

from __future__ import annotations

from flows.run_context import RunContext
from shelfgate.model import Approval, Candidate, Gate
from tasks.dbt_build import build_models
from tasks.gates import hold_gate
from tasks.publication import measure_candidate


def build(context: RunContext, landed: Approval) -> Candidate:
    """Turn what the landing gate let through into a measured candidate."""
    with context.stage("build staging"):
        build_models("staging", context.settings, context.warehouse, context.run)
    with context.stage("staging gate"):
        hold_gate(Gate.STAGING, context.settings, context.warehouse, context.run)
    with context.stage("build marts"):
        build_models("marts", context.settings, context.warehouse, context.run)
        return measure_candidate(context.warehouse, context.run, landed)
