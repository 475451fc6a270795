"""Rolls a warehouse of `small_run` back to each publication and reads it back; run as a module, it answers in JSON."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from shelfgate.ops.lease import release, take
from shelfgate.ops.pointer import publications
from shelfgate.ops.runs import begin_run
from shelfgate.publication.readback import promised_by, published_verdict
from shelfgate.publication.rollback import roll_back
from shelfgate.warehouse import Session, install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.reliability.processes.small_run import readers_see


def back_to_each(session: Session) -> dict[str, dict[str, Any]]:
    """By the publication gone back to: the day that readers see, and why its gate would be closed."""
    found = {}
    for target in sorted(publications(session), key=lambda one: one.publication_id):
        lease = take(session, f"back to {target.publication_id}")
        run = begin_run(session, lease, None)
        served = roll_back(session, run, target.publication_id)
        release(session, lease)
        verdict = published_verdict(session, promised_by(session, served), served.publication_id)
        day, units = readers_see(session)
        found[target.publication_id] = {"day": day, "units": sum(units.values()), "reasons": list(verdict.reasons)}
    return found


if __name__ == "__main__":
    with DuckDBWarehouse(Path(sys.argv[1])).turn() as one:
        install(one)
        print(json.dumps(back_to_each(one)))
