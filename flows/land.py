"""The first third of the day: everything that arrives, and the two gates before anybody reads it."""

from __future__ import annotations

from flows.run_context import RunContext
from shelfgate.model import Approval, Gate
from tasks.airbyte_sync import sync
from tasks.gates import hold_gate
from tasks.inventory_load import load_dumps
from tasks.source_totals import count_source_rows, look_at_source


def land(context: RunContext) -> Approval:
    """Sync Postgres, load the dumps, count the source; answers only if the file and landing gates open."""
    with context.stage("sync"):
        look_at_source(context.settings)
        sync(context.settings)
        count_source_rows(context.settings, context.warehouse, context.run)
    with context.stage("inventory"):
        load_dumps(context.settings, context.warehouse, context.run)
    with context.stage("file gate"):
        hold_gate(Gate.FILE, context.settings, context.warehouse, context.run)
    with context.stage("landing gate"):
        return hold_gate(Gate.LANDING, context.settings, context.warehouse, context.run)
