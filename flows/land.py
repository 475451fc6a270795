"""The first third of the day: everything that arrives, and the two gates before anybody reads it."""

from __future__ import annotations

from flows.day import Day
from shelfgate.model import Approval, Gate
from tasks.airbyte_sync import sync
from tasks.gates import hold_gate
from tasks.inventory_load import load_dumps
from tasks.source_totals import count_source_rows, look_at_source


def land(day: Day) -> Approval:
    """Sync Postgres, load the dumps, count the source; answers only if the file and landing gates open."""
    with day.stage("sync"):
        look_at_source(day.settings)
        sync(day.settings)
        count_source_rows(day.settings, day.warehouse, day.run)
    with day.stage("inventory"):
        load_dumps(day.settings, day.warehouse, day.run)
    with day.stage("file gate"):
        hold_gate(Gate.FILE, day.settings, day.warehouse, day.run)
    with day.stage("landing gate"):
        return hold_gate(Gate.LANDING, day.settings, day.warehouse, day.run)
