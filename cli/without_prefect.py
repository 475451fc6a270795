"""Rollback and vacuum as this process's own work, for the hour in which Prefect does not start. Knows no Prefect."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from contextlib import contextmanager

from cli.console import say
from shelfgate.model import Publication
from shelfgate.ops.leased_run import leased
from shelfgate.ops.runs import Run
from shelfgate.publication.rollback import roll_back
from shelfgate.publication.vacuum import Vacuumed, vacuum
from shelfgate.settings import Settings
from shelfgate.warehouse import Session
from tasks.connect import connect


def roll_back_here(settings: Settings, to: str) -> Publication:
    """What the flow `rollback` does, under the same lease and in the same transaction, without a flow run."""
    with _standing_run(settings) as (session, run):
        return roll_back(session, run, to)


def vacuum_here(settings: Settings, keep: int) -> Vacuumed:
    """What the flow `vacuum` does, under the same lease and in the same transaction, without a flow run."""
    with _standing_run(settings) as (session, run):
        return vacuum(session, run, keep)


@contextmanager
def _standing_run(settings: Settings) -> Iterator[tuple[Session, Run]]:
    run_id = f"by-hand-{uuid.uuid4()}"
    with (
        connect(settings, on_wait=say).keeping() as warehouse,
        leased(warehouse, run_id, None, say) as (run, _),
        warehouse.tagged(run=run_id).turn() as session,
    ):
        yield session, run
