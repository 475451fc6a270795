"""The runs that Data Docs show, as their gates judged them; refuses to judge a second time or to delete the newest."""

from __future__ import annotations

import json
import shutil
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from shelfgate.model import CheckResult, Gate, Severity, SuiteResult, Verdict
from shelfgate.untrusted_text import printable
from shelfgate.verdict_words import in_words

EVIDENCE = ".evidence"
VERDICTS = ".verdicts"
PAGES = "validations"

# How Great Expectations names the folder of a moment; it sorts as time does.
MOMENT = "%Y%m%dT%H%M%S.%fZ"
_WORST_FIRST = ["closes", "waived", "warned", "noted", "passed"]
_SEVEREST_FIRST = [str(severity) for severity in Severity]


@dataclass(frozen=True)
class CheckLine:
    """One check in words. `result` is `closes`, `waived`, `warned`, `noted` or `passed`."""

    result: str
    check_id: str
    severity: str
    seen: str
    wanted: str
    what_to_do: str
    note: str


@dataclass(frozen=True)
class SuiteLine:
    """One suite in one run: `verdict` is `closed`, `warned` or `open`, `checks` come worst first.

    `page` is relative to the site's folder; None where the suite could not be run and left no evidence.
    """

    gate: str
    dataset: str
    run_id: str
    business_date: str
    judged_at: str
    page: str | None
    verdict: str
    rows_seen: int
    checks_expected: int
    checks: list[CheckLine]

    @property
    def words(self) -> str:
        return _in_words([self])

    @property
    def judged_at_second(self) -> datetime:
        return datetime.fromisoformat(self.judged_at).replace(tzinfo=UTC)

    @property
    def failed(self) -> list[CheckLine]:
        return [line for line in self.checks if line.result != "passed"]


@dataclass(frozen=True)
class KeptRun:
    """One run and its suites, in the order of the day."""

    run_id: str
    suites: list[SuiteLine]

    @property
    def judged_at(self) -> str:
        return max(suite.judged_at for suite in self.suites)

    @property
    def business_date(self) -> str:
        return self.suites[0].business_date

    @property
    def verdict(self) -> str:
        return _worst(suite.verdict for suite in self.suites)

    @property
    def words(self) -> str:
        return _in_words(self.suites)

    @property
    def closed_by(self) -> list[str]:
        return [f"{s.dataset}.{line.check_id}" for s in self.suites for line in s.checks if line.result == "closes"]

    def at(self, gate: Gate) -> str:
        """The verdict of one gate; empty if the run did not reach it."""
        return _worst(suite.verdict for suite in self.suites if suite.gate == gate)

    def words_at(self, gate: Gate) -> str:
        """The verdict of one gate in words."""
        suites = [suite for suite in self.suites if suite.gate == gate]
        return _in_words(suites) if suites else "not reached"


def keep_verdict(folder: Path, verdict: Verdict, judged_at: datetime) -> None:
    """Leave a verdict for the pages: as the gate gave it, so that a page never says anything else."""
    kept = [asdict(_suite_line(verdict, suite, judged_at)) for suite in verdict.suites]
    path = folder / VERDICTS / verdict.run_id / f"{judged_at:{MOMENT}}-{verdict.gate}.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    write_whole(path, json.dumps(kept, ensure_ascii=False))


def kept_runs(folder: Path) -> list[KeptRun]:
    """Every run with a verdict on disk, newest first."""
    runs = [KeptRun(run, kept_suites(folder, run)) for run in runs_newest_first(folder)]
    return [run for run in runs if run.suites]


def kept_suites(folder: Path, run: str) -> list[SuiteLine]:
    """What was kept of one run; a gate that it held twice stands there twice."""
    found: list[SuiteLine] = []
    for path in sorted((folder / VERDICTS / run).glob("*.json")):
        for kept in json.loads(path.read_text(encoding="utf-8")):
            found.append(SuiteLine(**{**kept, "checks": [CheckLine(**line) for line in kept["checks"]]}))
    return found


def prune(folder: Path, keep: int) -> list[str]:
    """Delete verdicts, evidence and pages of all but the newest runs; returns the runs that went."""
    gone = runs_newest_first(folder)[keep:]
    for run in gone:
        for kind in (PAGES, EVIDENCE):
            for path in list((folder / kind).glob(f"*/*/{run}")):
                shutil.rmtree(path)
        shutil.rmtree(folder / VERDICTS / run, ignore_errors=True)
    return gone


def write_whole(path: Path, text: str) -> None:
    """Readers see the old file or the new one."""
    unfinished = path.with_name(f".{path.name}.unfinished")
    unfinished.write_text(text, encoding="utf-8")
    unfinished.replace(path)


def runs_newest_first(folder: Path) -> list[str]:
    # Evidence lies at `<gate>/<dataset>/<run>/<moment>/<batch>.json`, a verdict at `<run>/<moment>-<gate>.json`.
    seen: dict[str, str] = {}
    for path in (folder / EVIDENCE).glob("*/*/*/*"):
        seen[path.parent.name] = max(path.name, seen.get(path.parent.name, ""))
    for path in (folder / VERDICTS).glob("*/*.json"):
        seen[path.parent.name] = max(path.name, seen.get(path.parent.name, ""))
    return sorted(seen, key=lambda run: seen[run], reverse=True)


def _in_words(suites: list[SuiteLine]) -> str:
    results = [line.result for suite in suites for line in suite.checks]
    is_open = all(suite.verdict != "closed" for suite in suites)
    return in_words(is_open=is_open, waived=results.count("waived"), warnings=results.count("warned"))


def _worst(verdicts: Any) -> str:
    found = set(verdicts)
    return next((word for word in ("closed", "warned", "open") if word in found), "")


def _suite_line(verdict: Verdict, suite: SuiteResult, judged_at: datetime) -> SuiteLine:
    lines = sorted(
        (_check_line(check) for check in suite.checks),
        key=lambda line: (_WORST_FIRST.index(line.result), _SEVEREST_FIRST.index(line.severity)),
    )
    failed = {line.result for line in lines} - {"passed", "noted"}
    return SuiteLine(
        gate=str(suite.gate),
        dataset=suite.dataset,
        run_id=verdict.run_id,
        business_date=str(verdict.business_date),
        judged_at=f"{judged_at:%Y-%m-%d %H:%M:%S}",
        page=suite.docs_path,
        verdict="closed" if suite.reasons else ("warned" if failed else "open"),
        rows_seen=suite.rows_seen,
        checks_expected=suite.checks_expected,
        checks=lines,
    )


def _check_line(check: CheckResult) -> CheckLine:
    return CheckLine(
        result=_result(check),
        check_id=check.check_id,
        severity=str(check.severity),
        seen=f"{int(check.seen):,}" if check.seen.isdecimal() else printable(check.seen),
        wanted=check.wanted,
        what_to_do=check.what_to_do,
        note=_waiver(check),
    )


def _waiver(check: CheckResult) -> str:
    if check.waived and check.waiver is not None:
        return (
            f"waived: {check.waiver.reason} (approved by {check.waiver.approved_by}, expires {check.waiver.expires_at})"
        )
    return f"waiver ignored: {check.waiver_refused}" if check.waiver_refused else ""


def _result(check: CheckResult) -> str:
    if check.passed:
        return "passed"
    if check.closes:
        return "closes"
    if check.severity is Severity.CRITICAL:
        return "waived"
    return "warned" if check.severity is Severity.WARNING else "noted"
