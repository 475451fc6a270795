"""The operations tables that a run writes as it goes; refuses to hold anything but names, counts, dates and digests."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from shelfgate.clients.landing_bucket import NO_VERSION, DroppedObject
from shelfgate.clients.source_postgres import SourceTotal
from shelfgate.model import CheckResult, SuiteResult, Verdict
from shelfgate.warehouse import Row, Session


def not_yet_judged(session: Session, dropped: Iterable[DroppedObject]) -> list[DroppedObject]:
    """The object versions that the loader has no verdict on, in the order given."""
    known = {
        (row["object_key"], row["version_id"]): (row["etag"], row["last_modified"])
        for row in session.rows("select object_key, version_id, etag, last_modified from ops.load_ledger")
    }

    def is_judged(one: DroppedObject) -> bool:
        judged = known.get((one.object_key, one.version_id))
        return judged is not None and _is_same_upload(one, *judged)

    return [one for one in dropped if not is_judged(one)]


def record_bucket_findings(session: Session, prefix: str, objects: Sequence[DroppedObject]) -> None:
    """Replace what the last listing of the landing bucket found beside its dumps: `ops.bucket_finding` says what.

    A listing says nothing of an object in another folder or another bucket: what was found of it before is kept.
    """
    if not objects:
        return
    listed = {(one.object_key, one.version_id): one for one in objects}
    known = {(row["object_key"], row["version_id"]): row["finding"] for row in session.rows(_FOUND_OF_QUARANTINED)}
    ledger = session.rows(
        "select object_key, version_id, last_modified, etag, status, loaded_at, run_id from ops.load_ledger"
    )
    still_listed = [row for row in ledger if _is_listed(row, listed)]
    since = min((row["loaded_at"] for row in still_listed), default=None)
    runs = {row["run_id"] for row in still_listed} - {None}
    findings: list[tuple[Any, ...]] = []
    for row in (row for row in ledger if row["status"] == "quarantined"):
        name = row["object_key"], row["version_id"]
        one = listed.get(name)
        # The ledger names no bucket. An object was in this one if the run that loaded it, or one before it, loaded
        # another that is still there: after a change of buckets, all that is there was loaded later.
        was_here = since is not None and (row["loaded_at"] >= since or row["run_id"] in runs)
        if one is not None:
            finding = None if one.is_dump else "ignored"
        elif was_here and row["object_key"].startswith(prefix):
            finding = "deleted"
        else:
            finding = known.get(name)
        if finding:
            findings.append((*name, row["last_modified"], finding))
    newest = {one.object_key: one for one in objects if one.looks_like_a_dump}
    findings += [(one.object_key, one.version_id, one.last_modified, "like_a_dump") for one in newest.values()]
    with session.transaction("bucket_findings"):
        session.run("delete from ops.bucket_finding")
        session.insert("ops.bucket_finding", ["object_key", "version_id", "last_modified", "finding"], findings)


_FOUND_OF_QUARANTINED = (
    "select object_key, version_id, finding from ops.bucket_finding where finding in ('deleted', 'ignored')"
)


def _is_listed(row: Row, listed: Mapping[tuple[str, str], DroppedObject]) -> bool:
    """Whether the bucket still holds what this line of the ledger judged."""
    one = listed.get((row["object_key"], row["version_id"]))
    return one is not None and _is_same_upload(one, row["etag"], row["last_modified"])


def _is_same_upload(one: DroppedObject, etag: str | None, last_modified: datetime | None) -> bool:
    """In a bucket that keeps no versions, ETag and time tell a new upload from the one that was judged."""
    return one.version_id != NO_VERSION or (one.etag, one.last_modified) == (etag, last_modified)


def record_source_totals(session: Session, run_id: str, totals: Iterable[SourceTotal]) -> None:
    """Replace the counts of the source; only the newest run's are kept, the gate that used them has its own record."""
    with session.transaction("source_totals"):
        session.run("delete from ops.source_total")
        session.insert(
            "ops.source_total",
            ["run_id", "dataset", "business_day", "row_count", "units", "amount", "profit", "placement"],
            ((run_id, t.dataset, t.business_day, t.rows, t.units, t.amount, t.profit, t.placement) for t in totals),
        )


def record_verdict(session: Session, verdict: Verdict, judged_at: datetime, site: str | None = None) -> None:
    """One row a suite in `ops.gate_result`, one more for each expected suite that did not run; never none at all.

    `site` is where readers find Data Docs; the rows link to their pages there.
    """
    ran = {suite.dataset for suite in verdict.suites}
    absent = [name for name in verdict.expected_suites if name not in ran]
    if not ran and not absent:
        absent = ["(no suite)"]
    suites = [*verdict.suites, *(_absent(verdict, name) for name in absent)]
    rows = [_gate_row(verdict, suite, judged_at, site) for suite in suites]
    with session.transaction("verdict"):
        session.insert("ops.gate_result", list(rows[0]), [tuple(row.values()) for row in rows])


def _absent(verdict: Verdict, dataset: str) -> SuiteResult:
    check = CheckResult.critical("suite_ran", False, "its suite did not run", "a verdict from every expected suite")
    return SuiteResult(verdict.gate, dataset, f"{verdict.gate}.{dataset}", "", 1, 0, (check,))


def _gate_row(verdict: Verdict, suite: SuiteResult, judged_at: datetime, site: str | None) -> dict[str, Any]:
    failed = [check for check in suite.checks if not check.passed]
    waivers = {one["check"]: one for one in suite.waivers}
    return {
        "run_id": verdict.run_id,
        "gate": str(verdict.gate),
        "dataset": suite.dataset,
        "suite": suite.suite,
        "suite_sha256": suite.suite_sha256,
        "business_date": verdict.business_date,
        "judged_at": judged_at,
        "checks_expected": suite.checks_expected,
        "checks_evaluated": len(suite.checks),
        "rows_seen": suite.rows_seen,
        "critical_failed": sum(c.closes for c in failed),
        "warnings_failed": len(suite.warnings),
        "errors_raised": sum(c.raised for c in failed),
        "data_digest": verdict.data_digest,
        "result": "closed" if suite.reasons else "open",
        "evidence": json.dumps([evidence_of(c, waivers.get(f"{suite.dataset}.{c.check_id}")) for c in failed]),
        "docs_path": suite.docs_path,
        "docs_link": f"{site}/{suite.docs_path}" if site and suite.docs_path else None,
    }


def evidence_of(check: CheckResult, waiver: dict[str, Any] | None = None) -> dict[str, Any]:
    """A check as people and programs read it; `waiver` is the one that was used, `waiver_ignored` why one was not."""
    found = {
        "check": check.check_id,
        "severity": str(check.severity),
        "seen": check.seen,
        "wanted": check.wanted,
        "what_to_do": check.what_to_do,
        "observed": check.observed,
    }
    if waiver is not None:
        found["waiver"] = waiver
    if check.waiver_refused:
        found["waiver_ignored"] = check.waiver_refused
    return found
