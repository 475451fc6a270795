"""`make faults`: each fault of the catalogue, the gate that had to stop it, the gate that did, and what fired."""

from __future__ import annotations

import argparse
import json
import sys
import warnings

from cli.console import plain_run_logs, say

plain_run_logs()


def main() -> int:
    """0 if every fault met what the catalogue says, no gate closed without one, and no critical check kept silent."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults", description=__doc__)
    parser.add_argument("--only", metavar="F07", help="faults whose name begins so")
    parser.add_argument("--json", action="store_true", help="one JSON object on standard output")
    asked = parser.parse_args()
    # A model mutant is built outside a flow, on purpose: Prefect warns once for each.
    warnings.filterwarnings("ignore", message="Artifact creation outside of a flow")
    from tests.faults.catalogue import FAULTS
    from tests.faults.injecting import inject_all
    from tests.faults.report import Report

    chosen = [fault for fault in FAULTS if fault.fault_id.startswith(asked.only or "")]
    if not chosen:
        parser.error(f"no fault begins with {asked.only}; there are {', '.join(fault.fault_id for fault in FAULTS)}")
    met, false_stops = inject_all(chosen, say)
    report = Report(met, false_stops, whole=len(chosen) == len(FAULTS))
    if asked.json:
        print(json.dumps(report.as_json(), indent=2))
    else:
        report.show()
    return 0 if report.good else 1


if __name__ == "__main__":
    sys.exit(main())
