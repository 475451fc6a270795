"""Candidate, Verdict, Approval, Publication: the values that a day is made of, each made from the one before only."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, datetime
from enum import StrEnum
from typing import Any

from shelfgate.errors import GateClosed


class Gate(StrEnum):
    """A boundary that data crosses only with positive evidence, in the order of the day."""

    FILE = "file"
    LANDING = "landing"
    STAGING = "staging"
    MARTS = "marts"
    PUBLISHED = "published"


class Severity(StrEnum):
    """By consequence: critical stops the run, warning publishes with a note, info is recorded."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@dataclass(frozen=True)
class Waiver:
    """A reviewed, expiring exception to one check in one window (`expectations/waivers.yml`)."""

    check: str
    dataset: str
    window: str
    reason: str
    approved_by: str
    approved_at: date
    expires_at: date
    max_observed: float


@dataclass(frozen=True)
class CheckResult:
    """What one check saw. `seen` holds counts, dates and surrogate keys only, never a customer's value.

    `observed` is the number behind `seen`, where there is one: a waiver has a largest value that it may not exceed.
    `waivable` is False unless somebody says otherwise; `waiver_refused` says why a waiver for this check was ignored.
    """

    check_id: str
    severity: Severity
    passed: bool
    seen: str
    wanted: str
    what_to_do: str = ""
    raised: bool = False
    observed: float | None = None
    waivable: bool = False
    waiver: Waiver | None = None
    waiver_refused: str = ""

    @classmethod
    def critical(cls, check_id: str, passed: bool, seen: str, wanted: str, what_to_do: str = "") -> CheckResult:
        """A critical check that plain code made."""
        return cls(check_id, Severity.CRITICAL, passed, seen, wanted, what_to_do)

    @property
    def closes(self) -> bool:
        """A check that raised closes the gate whatever its severity: nothing is known about the data."""
        return self.raised or (not self.passed and self.severity is Severity.CRITICAL and not self.waived)

    @property
    def waived(self) -> bool:
        return self.waiver is not None and self.waivable and not self.raised and not self.passed


@dataclass(frozen=True)
class SuiteResult:
    """One suite over one dataset in one window.

    `rows_seen` counts the rows of the window; `checks_expected` is read from the suite file, not from what ran.
    `may_be_empty`: the contract allows a window without rows and brings another proof that somebody looked.
    """

    gate: Gate
    dataset: str
    suite: str
    suite_sha256: str
    checks_expected: int
    rows_seen: int
    checks: tuple[CheckResult, ...]
    docs_path: str | None = None
    may_be_empty: bool = False

    @classmethod
    def of_code(cls, gate: Gate, dataset: str, rows_seen: int, checks: tuple[CheckResult, ...]) -> SuiteResult:
        """A suite that stands in code and not in a file: its digest is that of its checks' names."""
        names = ",".join(check.check_id for check in checks)
        sha256 = hashlib.sha256(names.encode()).hexdigest()
        return cls(gate, dataset, f"{gate}.{dataset}", sha256, len(checks), rows_seen, checks)

    @classmethod
    def unjudged(
        cls, gate: Gate, dataset: str, suite: str, suite_sha256: str, checks_expected: int, check: CheckResult
    ) -> SuiteResult:
        """A suite that could not be run: `check` says why. It never opens a gate."""
        return cls(gate, dataset, suite, suite_sha256, checks_expected, 0, (replace(check, passed=False, raised=True),))

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why this suite keeps the gate closed; empty if it does not."""
        found: list[str] = []
        if not self.checks_expected:
            found.append(f"{self.dataset}: the suite holds no check")
        if len(self.checks) != self.checks_expected:
            found.append(f"{self.dataset}: {len(self.checks)} checks ran, {self.checks_expected} expected")
        if not self.rows_seen and not self.may_be_empty:
            found.append(f"{self.dataset}: no row was seen")
        found += [
            f"{self.dataset}.{check.check_id}: {check.seen}; wanted {check.wanted}"
            + (f" ({check.what_to_do})" if check.what_to_do else "")
            + (f" [waiver ignored: {check.waiver_refused}]" if check.waiver_refused else "")
            for check in self.checks
            if check.closes
        ]
        return tuple(found)

    @property
    def warnings(self) -> tuple[CheckResult, ...]:
        """Checks that failed without closing the gate."""
        return tuple(c for c in self.checks if not c.passed and not c.closes and c.severity is Severity.WARNING)

    @property
    def waivers(self) -> tuple[dict[str, Any], ...]:
        """The waivers that kept this suite from closing the gate, with what was observed, ready to be shown."""
        return tuple(
            {
                "gate": str(self.gate),
                "dataset": self.dataset,
                "check": c.waiver.check,
                "window": c.waiver.window,
                "observed": c.observed,
                "max_observed": c.waiver.max_observed,
                "reason": c.waiver.reason,
                "approved_by": c.waiver.approved_by,
                "approved_at": c.waiver.approved_at.isoformat(),
                "expires_at": c.waiver.expires_at.isoformat(),
            }
            for c in self.checks
            if c.waived and c.waiver is not None
        )


@dataclass(frozen=True)
class Verdict:
    """All that one gate found in one run. `data_digest` names the data that was judged, where it has a digest."""

    gate: Gate
    run_id: str
    business_date: date
    suites: tuple[SuiteResult, ...]
    expected_suites: tuple[str, ...]
    data_digest: str | None = None

    @property
    def reasons(self) -> tuple[str, ...]:
        """Why the gate stays closed; empty only with positive evidence from every expected suite."""
        found: list[str] = []
        if not any(suite.checks for suite in self.suites):
            found.append("no check ran")
        ran = {suite.dataset for suite in self.suites}
        found += [f"{name}: its suite did not run" for name in self.expected_suites if name not in ran]
        for suite in self.suites:
            found += suite.reasons
        return tuple(found)

    @property
    def open(self) -> bool:
        return not self.reasons

    @property
    def waivers(self) -> tuple[dict[str, Any], ...]:
        """The waivers without which the gate would be closed."""
        return tuple(one for suite in self.suites for one in suite.waivers)

    def approve(self) -> Approval:
        """Turn an open gate into the permission to go on.

        Raises:
            GateClosed: the gate did not open; the message lists every reason.
        """
        return Approval(self)


class Approval:
    """The permission that only an open verdict gives; carries the digest of the data judged and the waivers used."""

    __slots__ = ("business_date", "data_digest", "gate", "run_id", "verdict", "waivers")

    def __init__(self, verdict: Verdict) -> None:
        if not verdict.open:
            raise GateClosed(closed_message(verdict))
        self.verdict = verdict
        self.gate = verdict.gate
        self.run_id = verdict.run_id
        self.business_date = verdict.business_date
        self.data_digest = verdict.data_digest
        self.waivers = verdict.waivers


def closed_message(verdict: Verdict) -> str:
    """Say which gate, which day, what was seen and wanted, and what happens now."""
    reasons = verdict.reasons
    shown = "\n  - ".join(reasons[:12])
    more = f"\n  (+{len(reasons) - 12} more; all of them in ops.gate_result)" if len(reasons) > 12 else ""
    return (
        f"{verdict.gate} gate closed for {verdict.business_date}:\n  - {shown}{more}\n"
        "Nothing was published; readers keep the last publication. Fix the input, then run again."
    )


@dataclass(frozen=True, order=True)
class Partition:
    """A week of a table (or a whole one: `week_start_date` None) and the digest of its content.

    `input_digest` names all that a week was built from, `through_date` is the last day among it; `touched` is False
    for one that the base goes on serving.
    """

    table_name: str
    week_start_date: date | None
    rows: int
    digest: str
    input_digest: str | None = None
    through_date: date | None = None
    touched: bool = True


@dataclass(frozen=True)
class Candidate:
    """What a run built in schema `candidate`, measured; `base` is the publication that it would follow."""

    run_id: str
    business_date: date
    base: str | None
    partitions: tuple[Partition, ...]

    @property
    def digest(self) -> str:
        return digest_of(self.partitions)

    def through(self, table_name: str) -> date | None:
        """The last day among the inputs of a table; None if it has no dated ones."""
        days = [p.through_date for p in self.partitions if p.table_name == table_name and p.through_date is not None]
        return max(days, default=None)

    @property
    def rows(self) -> int:
        return sum(partition.rows for partition in self.partitions)

    @property
    def rows_built(self) -> int:
        """Rows in schema `candidate`: those of the touched weeks and of the tables that are published whole."""
        return sum(partition.rows for partition in self.partitions if partition.touched)


@dataclass(frozen=True)
class Publication:
    """What readers see. `new` is False when the run found nothing to publish and left the pointer where it was."""

    publication_id: str
    parent_id: str | None
    action: str
    run_id: str
    business_date: date
    published_at: datetime
    sales_through: date | None
    inventory_through: date | None
    candidate_digest: str
    partitions_changed: int
    rows_written: int
    judged_run_id: str
    """The run whose gates judged the content: another one's after a rollback."""
    new: bool = True

    @classmethod
    def from_row(cls, row: dict[str, Any], *, new: bool) -> Publication:
        """Read a row of `ops.publication`."""
        return cls(
            publication_id=row["publication_id"],
            parent_id=row["parent_id"],
            action=row["action"],
            run_id=row["run_id"],
            business_date=row["business_date"],
            published_at=row["published_at"],
            sales_through=row["sales_through"],
            inventory_through=row["inventory_through"],
            candidate_digest=row["candidate_digest"],
            partitions_changed=row["partitions_changed"],
            rows_written=row["rows_written"],
            judged_run_id=row["judged_run_id"],
            new=new,
        )


def digest_of(partitions: Iterable[Partition]) -> str:
    """SHA-256 over every partition's name, week, row count and content digest, order independent."""
    lines = sorted(f"{p.table_name}|{p.week_start_date or ''}|{p.rows}|{p.digest}" for p in partitions)
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()
