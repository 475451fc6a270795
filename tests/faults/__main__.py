"""`make faults`: each fault of the catalogue, the gate that had to stop it, the gate that did, and what fired."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from flows.console import plain_run_logs, say

plain_run_logs()


def main() -> int:
    from rich.console import Console
    from rich.table import Table

    from flows.manual import refresh_now
    from sandbox import estate
    from tests.faults.catalogue import LANDED as FAULTS
    from tests.faults.ground import LANDED, ground

    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        os.environ["SHELFGATE_HOME"] = folder
        estate.up(home, with_parent=os.getpid(), on_progress=say)
        try:
            with ground(home) as landed:
                clean = landed.judge()
                stopped = []
                for number, fault in enumerate(FAULTS, start=1):
                    say(f"fault {number} of {len(FAULTS)}: {fault.fault_id} {fault.what}")
                    stopped.append(landed.stop(fault))
                healed = refresh_now(LANDED)[1].publication
        finally:
            estate.down(home)
    table = Table("fault", "what", "rows", "expected", "stopped at", "checks that fired", "as declared")
    for one in stopped:
        table.add_row(
            one.fault.fault_id,
            one.fault.what,
            f"{one.rows_changed:,}",
            str(one.fault.gate),
            str(one.gate or "nowhere"),
            ", ".join(sorted(one.fired)),
            "yes" if one.as_declared else f"NO: {', '.join(sorted(one.fault.killed_by - one.fired))}",
        )
    Console(width=200).print(table)
    missed = [one for one in stopped if not one.as_declared]
    false_stops = [verdict.gate for verdict in clean if not verdict.open]
    print(
        f"{len(stopped) - len(missed)} of {len(stopped)} faults stopped as declared; false stops of the clean day: "
        f"{len(false_stops)}; with all of them undone the day published {healed.publication_id}: "
        f"{healed.rows_written:,} rows"
    )
    return 1 if missed or false_stops or not healed.new else 0


if __name__ == "__main__":
    sys.exit(main())
