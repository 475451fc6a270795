"""Judging one gate by hand: reads only; refuses to record a verdict or to open anything."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from cli.console import Styled, answer, say, show, show_table
from shelfgate.errors import ConfigurationError, GateClosed
from shelfgate.model import CheckResult, Gate, Verdict
from shelfgate.ops.ledger import evidence_of
from shelfgate.ops.pointer import current_publication
from shelfgate.ops.runs import Run, judged_until
from shelfgate.publication.readback import promised_by, published_verdict
from shelfgate.settings import Settings
from shelfgate.verdict_words import in_order_of_concern, of_suites
from shelfgate.warehouse import Session, install
from shelfgate.warehouse.registry import target_of
from tasks.connect import connect


def check_gate(gate: Gate, business_date: date | None, *, as_json: bool, all_checks: bool = False) -> None:
    """Judge, show, and exit as a run would: 0 open, 3 closed."""
    verdict = judge_gate(Settings.load(), gate, business_date)
    if as_json:
        answer(_as_answer(verdict))
    else:
        show_verdict(verdict, all_checks=all_checks)
    if not verdict.open:
        sys.exit(GateClosed.exit_status)


def judge_gate(settings: Settings, gate: Gate, business_date: date | None = None) -> Verdict:
    """The verdict on what lies in the warehouse now, against what is published now.

    The source is not asked again: a reconciliation uses the counts of the last run.

    Raises:
        ConfigurationError: there is no warehouse yet; no business date is given and no run has left one; nothing is
            published to be read back.
    """
    from expectations.checks.window import Window
    from expectations.validation.gate import Judge

    if (file := target_of(settings).missing_file) is not None:
        raise ConfigurationError(
            f"gates check: no file {file.absolute()}. Expected a warehouse: run `shelfgate refresh` "
            "first. Nothing was judged."
        )
    warehouse = connect(settings, on_wait=say)
    with warehouse.turn() as session, tempfile.TemporaryDirectory() as folder:
        install(session)
        base = current_publication(session)
        if gate is Gate.PUBLISHED:
            if base is None:
                raise ConfigurationError("gate published: nothing is published yet. Run `shelfgate refresh` first.")
            return published_verdict(session, promised_by(session, base), base.publication_id)
        day = business_date or settings.business_date or _last_day(session)
        judged_at = datetime.now(UTC).replace(tzinfo=None)
        run = Run(_run_that_counted_the_source(session), day, base, judged_until(session, base))
        return Judge(warehouse, Path(folder)).verdict(gate, Window.of(run, judged_at))


def _last_day(session: Session) -> date:
    found = session.rows("select business_date from ops.gate_result order by judged_at desc limit 1")
    if not found:
        raise ConfigurationError("gates check: no run has left a business date. Give --business-date.")
    return found[0]["business_date"]


def _run_that_counted_the_source(session: Session) -> str:
    found = session.rows("select max(run_id) as run_id from ops.source_total")
    return found[0]["run_id"] or "no run"


def _as_answer(verdict: Verdict) -> dict[str, Any]:
    return {
        "gate": str(verdict.gate),
        "result": "open" if verdict.open else "closed",
        "verdict": of_suites(verdict.suites, is_open=verdict.open),
        "business_date": verdict.business_date,
        "reasons": list(verdict.reasons),
        "waivers": list(verdict.waivers),
        "suites": [
            {
                "dataset": suite.dataset,
                "suite_sha256": suite.suite_sha256,
                "rows_seen": suite.rows_seen,
                "checks_expected": suite.checks_expected,
                "checks": [{**evidence_of(check), "result": outcome(check)} for check in suite.checks],
            }
            for suite in verdict.suites
        ],
    }


def outcome(check: CheckResult) -> str:
    """What a check means for the gate, in two words."""
    if check.passed:
        return "passed"
    if check.closes:
        return "closes the gate"
    return "waived" if check.waived else str(check.severity)


def show_verdict(verdict: Verdict, *, all_checks: bool) -> None:
    """What failed, what closes the gate first; of the rest a number, unless all are asked for."""
    checks = in_order_of_concern((suite, check) for suite in verdict.suites for check in suite.checks)
    failed = sum(not check.passed for _, check in checks)
    shown = checks if all_checks else checks[:failed]
    if shown:
        show_table(
            ("result", "check", "severity", "observed", "expected"),
            [
                (outcome(check), f"{suite.dataset}.{check.check_id}", str(check.severity), check.seen, check.wanted)
                for suite, check in shown
            ],
        )
    for reason in verdict.reasons:
        show(f"  - {reason}")
    passed = f"{len(checks) - failed} of {len(checks)} checks passed"
    hidden = "" if all_checks or failed == len(checks) else " (`--all` shows them)"
    state = Styled(of_suites(verdict.suites, is_open=verdict.open), "bold green" if verdict.open else "bold red")
    show(f"{verdict.gate} gate ", state, f", {verdict.business_date}: {passed}{hidden}; nothing was recorded")
