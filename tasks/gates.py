"""Holding a gate: judge, record, show, and only then open; refuses to be retried."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from shelfgate.landing import fingerprint
from shelfgate.ledger import Run, record_verdict
from shelfgate.model import Approval, Candidate, CheckResult, Gate, Publication, SuiteResult, Verdict
from shelfgate.reading_back import published_verdict
from shelfgate.settings import Settings
from shelfgate.warehouse import Warehouse
from tasks.retrying import ONCE


@task(name="hold gate", task_run_name="hold {gate} gate", **ONCE)
def hold_gate(
    gate: Gate, settings: Settings, warehouse: Warehouse, run: Run, candidate: Candidate | None = None
) -> Approval:
    """Judge what has arrived and answer with the permission to go on.

    Raises:
        GateClosed: with every reason; the verdict is in `ops.gate_result` and in Data Docs before that.
    """
    from expectations.docs import build
    from expectations.gates import Judge, Window

    judge = Judge(warehouse.sqlalchemy_url, settings.docs_folder)
    judged_at = datetime.now(UTC).replace(tzinfo=None)
    through = run.base.business_date if run.base else None
    window = Window(run.run_id, run.business_date, judged_at, run.judged_until, through)
    with warehouse.turn() as session:
        landed = fingerprint(session) if gate is Gate.LANDING else None
        verdict = judge.verdict(gate, window, data_digest=candidate.digest if candidate else landed)
        record_verdict(session, verdict, judged_at)
    _show(verdict)
    if not verdict.open:
        build(settings.docs_folder, run.run_id)
    return verdict.approve()


@task(name="hold gate", task_run_name="hold published gate", **ONCE)
def hold_published_gate(warehouse: Warehouse, candidate: Candidate, publication: Publication) -> Approval:
    """Read back what readers see: it must be the candidate, under one publication.

    Raises:
        GateClosed: it is not; the pointer has moved, so this asks for `shelfgate rollback`.
    """
    judged_at = datetime.now(UTC).replace(tzinfo=None)
    with warehouse.turn() as session:
        verdict = published_verdict(session, candidate, publication.publication_id)
        record_verdict(session, verdict, judged_at)
    _show(verdict)
    return verdict.approve()


def _show(verdict: Verdict) -> None:
    """Log the verdict and leave a table that an operator can act on."""
    checks = [(suite, check) for suite in verdict.suites for check in suite.checks]
    warned = [check for _, check in checks if not check.passed and not check.closes and not check.waived]
    waived = [check for _, check in checks if check.waived]
    logger = get_run_logger()
    logger.info(
        "%s gate %s: %d checks over %s rows%s",
        verdict.gate,
        "open" if verdict.open else "CLOSED",
        len(checks),
        f"{sum(suite.rows_seen for suite in verdict.suites):,}",
        (f", {len(warned)} warnings" if warned else "") + (f", {len(waived)} WAIVED" if waived else ""),
    )
    for used in verdict.waivers:
        logger.warning(
            "waiver used: %(check)s, %(window)s: %(observed)g seen, %(max_observed)g allowed until %(expires_at)s "
            "(%(approved_by)s: %(reason)s)",
            used,
        )
    create_table_artifact(
        key=f"gate-{verdict.gate}",
        table=[_line(suite, check) for suite, check in sorted(checks, key=lambda pair: pair[1].passed)],
        description=f"{verdict.gate} gate, {verdict.business_date}: {'open' if verdict.open else 'closed'}",
    )


def _line(suite: SuiteResult, check: CheckResult) -> dict[str, Any]:
    return {
        "result": _outcome(check),
        "check": f"{suite.dataset}.{check.check_id}",
        "seen": check.seen,
        "wanted": check.wanted,
        "rows": suite.rows_seen,
        "what to do": "" if check.passed else (check.waiver_refused or check.what_to_do),
    }


def _outcome(check: CheckResult) -> str:
    if check.passed or check.closes:
        return "passed" if check.passed else "closes the gate"
    return f"waived until {check.waiver.expires_at}" if check.waived and check.waiver else str(check.severity)
