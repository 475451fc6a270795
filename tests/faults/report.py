"""What became of the catalogue, for people and programs; refuses to call it good while a critical check is silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from expectations.validation.gate import suites_of
from shelfgate.model import Gate
from tests.faults.fault import PASSES
from tests.faults.ground import Met

CRITICAL = frozenset(
    f"{gate}.{suite['meta']['dataset']}.{expectation['meta']['check_id']}"
    for gate in Gate
    for suite in suites_of(gate)
    for expectation in suite["expectations"]
    if expectation["severity"] == "critical"
)
"""Every check of the committed suites that can keep a gate closed, as `gate.dataset.check`."""


@dataclass(frozen=True)
class Report:
    """`clean` names the gates that stayed closed without any fault: false stops."""

    met: Sequence[Met]
    false_stops: Sequence[str]
    whole: bool
    """All faults were injected: only then does a silent check say anything."""

    @property
    def missed(self) -> list[Met]:
        return [one for one in self.met if one.shortcomings]

    @property
    def killed_by(self) -> dict[str, list[str]]:
        """The faults that fired each critical check, at the gate that stopped them."""
        found: dict[str, list[str]] = {check: [] for check in sorted(CRITICAL)}
        for one in self.met:
            if one.stopped_at == PASSES:
                continue
            for check in one.fired:
                # A check named alike at two gates counts for the one that stopped.
                found.get(f"{one.stopped_at}.{check}", []).append(one.fault.fault_id)
        return found

    @property
    def silent(self) -> list[str]:
        """Critical checks that no fault fired."""
        return [check for check, by in self.killed_by.items() if not by] if self.whole else []

    @property
    def good(self) -> bool:
        return not (self.missed or self.false_stops or self.silent)

    def as_json(self) -> dict[str, Any]:
        return {
            "good": self.good,
            "faults": [
                {
                    "fault": one.fault.fault_id,
                    "what": one.fault.what,
                    "at": str(one.fault.at),
                    "scale": one.fault.scale,
                    "changed": one.changed,
                    "expected": one.fault.stops_at,
                    "stopped_at": one.stopped_at,
                    "fired": sorted(one.fired),
                    "shortcomings": one.shortcomings,
                }
                for one in self.met
            ],
            "false_stops": list(self.false_stops),
            "killed_by": self.killed_by,
            "silent": self.silent,
        }

    def show(self) -> None:
        from rich.console import Console
        from rich.table import Table

        console = Console(width=200)
        table = Table(
            "fault", "what", "injected", "changed", "expected", "stopped at", "checks that fired", "as declared"
        )
        for one in self.met:
            fired = sorted(one.fired & one.fault.killed_by) or sorted(one.fired)
            more = len(one.fired) - len(fired)
            table.add_row(
                one.fault.fault_id,
                one.fault.what,
                f"{one.fault.at}, scale {one.fault.scale:g}",
                f"{one.changed:,}",
                one.fault.stops_at,
                one.stopped_at,
                ", ".join(fired[:6])
                + (f" (+{more + max(len(fired) - 6, 0)})" if more + max(len(fired) - 6, 0) else ""),
                "yes" if not one.shortcomings else "NO: " + "; ".join(one.shortcomings),
            )
        console.print(table)
        if self.whole:
            killed = Table("critical check", "fired by")
            for check, by in self.killed_by.items():
                killed.add_row(check, ", ".join(sorted(set(by))) or "NO FAULT")
            console.print(killed)
        wrong = [one for one in self.met if one.shortcomings]
        print(
            f"{len(self.met) - len(wrong)} of {len(self.met)} faults met as declared; false stops without a fault: "
            f"{', '.join(self.false_stops) or 'none'}; "
            + (
                f"{len(self.silent)} of {len(CRITICAL)} critical checks fired by no fault"
                if self.whole
                else "a part only"
            )
        )
