"""Holding a gate: judge, record, show, and only then open; refuses to be retried."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from prefect import get_run_logger, task
from prefect.artifacts import create_table_artifact

from shelfgate import interruption
from shelfgate.failpoints import outside_call
from shelfgate.model import Approval, Candidate, CheckResult, Gate, Publication, SuiteResult, Verdict
from shelfgate.ops.ledger import record_verdict
from shelfgate.ops.runs import Run
from shelfgate.publication.landing_fingerprint import fingerprint
from shelfgate.publication.readback import published_verdict
from shelfgate.settings import Settings
from shelfgate.untrusted_text import as_markdown, printable
from shelfgate.verdict_words import in_order_of_concern, of_suites
from shelfgate.warehouse import Session, Warehouse
from tasks.data_docs import show_what_closed
from tasks.retries import ONCE


@task(name="hold gate", task_run_name="hold {gate} gate", **ONCE)
def hold_gate(
    gate: Gate, settings: Settings, warehouse: Warehouse, run: Run, candidate: Candidate | None = None
) -> Approval:
    """Judge what has arrived and answer with the permission to go on.

    Raises:
        GateClosed: with every reason; the verdict is in `ops.gate_result` and in Data Docs before that.
    """
    from expectations.checks.window import Window
    from expectations.validation.gate import Judge

    judge = Judge(warehouse, settings.docs_folder)

    def judged(session: Session, judged_at: datetime) -> Verdict:
        landed = fingerprint(session) if gate is Gate.LANDING else None
        window = Window.of(run, judged_at)
        return judge.verdict(gate, window, data_digest=candidate.digest if candidate else landed)

    return _hold(gate, settings, warehouse, run, judged)


@task(name="hold gate", task_run_name="hold published gate", **ONCE)
def hold_published_gate(
    settings: Settings, warehouse: Warehouse, run: Run, candidate: Candidate, publication: Publication
) -> Approval:
    """Read back what readers see: it must be the candidate, under one publication.

    Raises:
        GateClosed: it is not; the pointer has moved, so this asks for `shelfgate rollback`.
    """

    def judged(session: Session, judged_at: datetime) -> Verdict:
        found = published_verdict(session, candidate, publication.publication_id)
        return _kept(found, settings, judged_at)

    return _hold(Gate.PUBLISHED, settings, warehouse, run, judged)


@outside_call("gate")
def _hold(
    gate: Gate, settings: Settings, warehouse: Warehouse, run: Run, judged: Callable[[Session, datetime], Verdict]
) -> Approval:
    """Judge, record, show; a crash of any of these leaves no approval, one while judging leaves a verdict as well.

    Raises:
        Interrupted: a signal asked the process to end, at whatever moment of the gate; there is no approval.
    """
    from expectations.validation.gate import ANY_CRASH, ENGINE_GONE, crashed

    interruption.raise_if_requested()
    judged_at = datetime.now(UTC).replace(tzinfo=None)
    with warehouse.turn() as session:
        try:
            verdict = judged(session, judged_at)
        except ENGINE_GONE:
            raise
        except ANY_CRASH as error:
            interruption.raise_if_requested()
            verdict = _kept_if_possible(crashed(gate, run.run_id, run.business_date, error), settings, judged_at)
        record_verdict(session, verdict, judged_at, settings.docs_site)
    _show(verdict, settings)
    if not verdict.open:
        show_what_closed(settings, run.run_id)
    interruption.raise_if_requested()
    return verdict.approve()


def _kept(verdict: Verdict, settings: Settings, judged_at: datetime) -> Verdict:
    """A verdict that plain code gave, with its pages."""
    from expectations.data_docs.code_verdicts import with_pages
    from expectations.data_docs.run_history import keep_verdict

    paged = with_pages(verdict, judged_at)
    keep_verdict(settings.docs_folder, paged, judged_at)
    return paged


def _kept_if_possible(verdict: Verdict, settings: Settings, judged_at: datetime) -> Verdict:
    try:
        return _kept(verdict, settings, judged_at)
    except OSError:
        # A full disk may be what the gate crashed of; the verdict without a page is in ops.gate_result all the same.
        return verdict


def _show(verdict: Verdict, settings: Settings) -> None:
    """Log the verdict and leave a table that an operator can act on."""
    checks = [(suite, check) for suite in verdict.suites for check in suite.checks]
    logger = get_run_logger()
    logger.info(
        "%s gate %s: %d checks over %s rows",
        verdict.gate,
        of_suites(verdict.suites, is_open=verdict.open),
        len(checks),
        f"{sum(suite.rows_seen for suite in verdict.suites):,}",
    )
    for used in verdict.waivers:
        logger.warning(
            "waiver used: %(check)s, %(window)s: %(observed)g observed, %(max_observed)g allowed until %(expires_at)s "
            "(%(approved_by)s: %(reason)s)",
            used,
        )
    create_table_artifact(
        key=f"gate-{verdict.gate}",
        table=[_line(suite, check) for suite, check in in_order_of_concern(checks)],
        description=_described(verdict, settings),
    )


def _described(verdict: Verdict, settings: Settings) -> str:
    """Markdown above the table: the verdict, and where its pages stand."""
    site = settings.docs_site
    pages = [f"[{as_markdown(suite.dataset)}]({site}/{suite.docs_path})" for suite in verdict.suites if suite.docs_path]
    state = of_suites(verdict.suites, is_open=verdict.open)
    shown = f"; Data Docs: {', '.join(pages)}" if pages else ""
    return f"{verdict.gate} gate, {verdict.business_date}: {state}{shown}"


def _line(suite: SuiteResult, check: CheckResult) -> dict[str, Any]:
    return {
        "result": _outcome(check),
        "check": f"{suite.dataset}.{check.check_id}",
        "observed": printable(check.seen),
        "expected": check.wanted,
        "rows": suite.rows_seen,
        "what to do": "" if check.passed else (check.waiver_refused or check.what_to_do),
    }


def _outcome(check: CheckResult) -> str:
    if check.passed or check.closes:
        return "passed" if check.passed else "closes the gate"
    return f"waived until {check.waiver.expires_at}" if check.waived and check.waiver else str(check.severity)
