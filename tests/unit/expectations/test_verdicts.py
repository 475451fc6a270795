"""An approval needs positive evidence: each way of having none must keep the gate closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import pytest

from shelfgate.errors import GateClosed
from shelfgate.model import CheckResult, Gate, Severity, SuiteResult, Verdict, Waiver

DAY = date(2002, 12, 28)
PASSED = CheckResult("rows_seen", Severity.CRITICAL, passed=True, seen="5", wanted="at least 1 row")
SUITE = SuiteResult(Gate.LANDING, "inventory", "landing.inventory", "ab", 1, 5, (PASSED,))


def verdict(*suites: SuiteResult, expected: tuple[str, ...] = ("inventory",)) -> Verdict:
    return Verdict(Gate.LANDING, "run-1", DAY, suites, expected, data_digest="d1")


def test_an_open_verdict_gives_an_approval_that_carries_the_digest() -> None:
    approval = verdict(SUITE).approve()

    assert (approval.gate, approval.run_id, approval.data_digest) == (Gate.LANDING, "run-1", "d1")


@pytest.mark.parametrize(
    ("suites", "reason"),
    [
        ((), "no check ran"),
        ((), "inventory: its suite did not run"),
        ((replace(SUITE, checks_expected=0, checks=()),), "the suite holds no check"),
        ((replace(SUITE, checks_expected=2),), "1 checks ran, 2 expected"),
        ((replace(SUITE, rows_seen=0),), "no row was seen"),
        (
            (replace(SUITE, checks=(replace(PASSED, passed=False, seen="0"),)),),
            "inventory.rows_seen: 0; wanted at least",
        ),
        (
            (replace(SUITE, checks=(replace(PASSED, passed=False, raised=True, severity=Severity.INFO),)),),
            "inventory.rows_seen",
        ),
    ],
)
def test_without_evidence_the_gate_stays_closed(suites: tuple[SuiteResult, ...], reason: str) -> None:
    with pytest.raises(GateClosed, match="Nothing was published") as closed:
        verdict(*suites).approve()

    assert reason in str(closed.value)
    assert "landing gate closed for 2002-12-28" in str(closed.value)


def test_a_warning_alone_does_not_close_the_gate() -> None:
    warned = replace(PASSED, check_id="share", passed=False, severity=Severity.WARNING)
    suite = replace(SUITE, checks_expected=2, checks=(PASSED, warned))

    assert verdict(suite).open
    assert suite.warnings == (warned,)


def test_a_second_suite_that_fails_closes_the_gate_of_the_first() -> None:
    other = replace(SUITE, dataset="web_sales", checks=(replace(PASSED, passed=False),))

    assert verdict(SUITE, other, expected=("inventory", "web_sales")).reasons == (
        "web_sales.rows_seen: 5; wanted at least 1 row",
    )


@pytest.mark.parametrize("raised", [True, False])
def test_a_check_that_closes_says_why_its_waiver_was_ignored(raised: bool) -> None:
    failed = replace(PASSED, passed=False, raised=raised, waiver_refused="expired on 2002-12-27")

    with pytest.raises(GateClosed, match=r"\[waiver ignored: expired on 2002-12-27\]"):
        verdict(replace(SUITE, checks=(failed,))).approve()


def test_a_suite_that_could_not_be_run_never_opens_a_gate_even_if_its_check_says_passed() -> None:
    suite = SuiteResult.unjudged(Gate.LANDING, "inventory", "landing.inventory", "ab", 1, PASSED)

    assert not verdict(suite).open


def test_a_waiver_that_was_used_goes_along_with_the_approval() -> None:
    waiver = Waiver("inventory.share", "inventory", "2002-12-28", "known", "r.mueller", DAY, DAY, 2.0)
    waived = CheckResult("share", Severity.CRITICAL, False, "1", "0", observed=1.0, waivable=True, waiver=waiver)
    suite = replace(SUITE, checks_expected=2, checks=(PASSED, waived))

    (used,) = verdict(suite).approve().waivers

    assert (used["gate"], used["check"], used["observed"], used["max_observed"]) == ("landing", "inventory.share", 1, 2)
    assert used["expires_at"] == "2002-12-28"
