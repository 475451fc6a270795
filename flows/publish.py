"""The end of the day: the last gate, one transaction, and a look at what readers see."""

from __future__ import annotations

from flows.run_context import RunContext
from shelfgate.model import Candidate, Gate, Publication
from tasks.data_docs import build_pages, sync_docs
from tasks.gates import hold_gate, hold_published_gate
from tasks.publication import publish_candidate


def publish(context: RunContext, candidate: Candidate) -> Publication:
    """Publish a candidate that the marts gate approves, and read it back."""
    with context.stage("marts gate"):
        approval = hold_gate(Gate.MARTS, context.settings, context.warehouse, context.run, candidate)
    with context.stage("publish"):
        publication = publish_candidate(context.warehouse, context.run, candidate, approval)
    with context.stage("published gate"):
        hold_published_gate(context.settings, context.warehouse, context.run, candidate, publication)
    with context.stage("data docs"):
        if build_pages(context.settings, context.run.run_id):
            sync_docs(context.settings)
    return publication
