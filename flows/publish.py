"""The end of the day: the last gate, one transaction, and a look at what readers see."""

from __future__ import annotations

from flows.day import Day
from shelfgate.model import Candidate, Gate, Publication
from tasks.docs_sync import build_pages, sync_docs
from tasks.gates import hold_gate, hold_published_gate
from tasks.publication import publish_candidate


def publish(day: Day, candidate: Candidate) -> Publication:
    """Publish a candidate that the marts gate approves, and read it back."""
    with day.stage("marts gate"):
        approval = hold_gate(Gate.MARTS, day.settings, day.warehouse, day.run, candidate)
    with day.stage("publish"):
        publication = publish_candidate(day.warehouse, day.run, candidate, approval)
    with day.stage("published gate"):
        hold_published_gate(day.settings, day.warehouse, day.run, candidate, publication)
    with day.stage("data docs"):
        if build_pages(day.settings, day.run.run_id):
            sync_docs(day.settings)
    return publication
