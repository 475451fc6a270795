"""Judging one gate by hand: reads only; refuses to record a verdict or to open anything."""

from __future__ import annotations

import sys
import tempfile
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from flows.console import answer, say
from shelfgate.errors import ConfigurationError, GateClosed
from shelfgate.ledger import Run, evidence_of, judged_until
from shelfgate.model import CheckResult, Gate, Verdict
from shelfgate.publication import current_publication
from shelfgate.reading_back import promised_by, published_verdict
from shelfgate.settings import Settings
from shelfgate.warehouse import Session, install, open_warehouse
from tasks.snowflake_blocks import with_keys


def check_gate(gate: Gate, business_date: date | None, *, as_json: bool) -> None:
    """Judge, show, and exit as a run would: 0 open, 3 closed."""
    verdict = judge_gate(Settings.load(), gate, business_date)
    if as_json:
        answer(_as_answer(verdict))
    else:
        _show(verdict)
    if not verdict.open:
        sys.exit(GateClosed.exit_status)


def judge_gate(settings: Settings, gate: Gate, business_date: date | None = None) -> Verdict:
    """The verdict on what lies in the warehouse now, against what is published now.

    The source is not asked again: a reconciliation uses the counts of the last run.

    Raises:
        ConfigurationError: no business date is given and no run has left one; nothing is published to be read back.
    """
    from expectations.gates import Judge
    from expectations.window import Window

    warehouse = open_warehouse(with_keys(settings), on_wait=say)
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
        return Judge(warehouse.sqlalchemy_url, Path(folder)).verdict(gate, Window.of(run, judged_at))


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


def _show(verdict: Verdict) -> None:
    console = Console()
    table = Table("result", "check", "severity", "seen", "wanted")
    checks = [(suite, check) for suite in verdict.suites for check in suite.checks]
    for suite, check in sorted(checks, key=lambda pair: pair[1].passed):
        table.add_row(
            outcome(check), f"{suite.dataset}.{check.check_id}", str(check.severity), check.seen, check.wanted
        )
    console.print(table)
    for reason in verdict.reasons:
        console.print(f"  - {reason}", markup=False, highlight=False)
    state = "[bold green]open[/bold green]" if verdict.open else "[bold red]closed[/bold red]"
    console.print(f"{verdict.gate} gate {state}, {verdict.business_date}: {len(checks)} checks; nothing was recorded")
