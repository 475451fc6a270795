"""A waiver counts only if it is exact, approved, live, large enough and allowed; otherwise it says why it did not."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from expectations.compiler.suites import compiled_suites
from expectations.compiler.waivable import is_waivable
from expectations.validation.waivers import WAIVERS, WaiverFile, lint, malformed, read_waivers, with_waiver
from shelfgate.model import CheckResult, Severity

DAY = date(2002, 12, 28)
NOW = datetime(2002, 12, 29, 4, 0)
FAILED = CheckResult(
    "shipped_after_sold", Severity.CRITICAL, False, "1 offending rows", "none", observed=1.0, waivable=True
)
ENTRY: dict[str, Any] = {
    "check": "catalog_sales.shipped_after_sold",
    "dataset": "catalog_sales",
    "window": DAY,
    "reason": "the shop system was down",
    "approved_by": "r.mueller",
    "approved_at": date(2002, 12, 28),
    "expires_at": date(2003, 1, 4),
    "max_observed": 1,
}


def judged(entry: dict[str, Any], check: CheckResult = FAILED, now: datetime = NOW, day: date = DAY) -> CheckResult:
    return with_waiver(check, "catalog_sales", WaiverFile((entry,)), day, now)


def test_a_live_waiver_for_exactly_this_check_and_day_is_used() -> None:
    used = judged(ENTRY)

    assert used.waived
    assert not used.closes
    assert used.waiver is not None
    assert (used.waiver.approved_by, used.waiver.window, used.waiver_refused) == ("r.mueller", "2002-12-28", "")


def test_a_waiver_counts_through_its_last_day_and_not_beyond() -> None:
    assert judged(ENTRY, now=datetime(2003, 1, 4, 23, 59)).waived
    assert judged(ENTRY, now=datetime(2003, 1, 5)).waiver_refused == "expired on 2003-01-04"


def test_a_week_covers_its_seven_business_dates_only() -> None:
    week = {**ENTRY, "window": "week of 2002-12-23"}

    covered = [judged(week, day=date(2002, 12, day)).waived for day in range(22, 31)]

    assert covered == [False] + [True] * 7 + [False]


@pytest.mark.parametrize(
    ("change", "check", "why"),
    [
        ({"window": date(2002, 12, 27)}, FAILED, "it is for 2002-12-27, not for 2002-12-28"),
        ({"expires_at": date(2002, 12, 28)}, FAILED, "expired on 2002-12-28"),
        ({"approved_at": date(2002, 12, 30)}, FAILED, "approved on 2002-12-30, which is not yet"),
        ({"approved_by": None}, FAILED, "approved_by is missing"),
        ({"approved_by": "  "}, FAILED, "approved_by: wanted text"),
        ({"expires_at": date(2003, 1, 5)}, FAILED, "expires_at must be 0 to 7 days after approved_at"),
        ({"dataset": "web_sales"}, FAILED, "check catalog_sales.shipped_after_sold is not of dataset web_sales"),
        ({"max_observed": 0}, FAILED, "1 observed, at most 0 allowed"),
        ({"max_observed": float("inf")}, FAILED, "max_observed: wanted a number"),
        ({"max_observed": float("nan")}, FAILED, "max_observed: wanted a number"),
        ({}, replace(FAILED, observed=float("nan")), "nan observed, at most 1 allowed"),
        ({}, replace(FAILED, observed=None), "the check gave no number"),
        ({}, replace(FAILED, waivable=False), "cannot be waived"),
        ({}, replace(FAILED, raised=True), "a check that raised cannot be waived"),
        ({}, replace(FAILED, raised=True, severity=Severity.INFO), "a check that raised cannot be waived"),
    ],
)
def test_a_waiver_that_does_not_count_is_ignored_and_says_why(
    change: dict[str, Any], check: CheckResult, why: str
) -> None:
    refused = judged({**ENTRY, **change}, check)

    assert refused.closes
    assert not refused.waived
    assert why in refused.waiver_refused


def test_a_waiver_for_another_check_is_not_mentioned() -> None:
    other = judged({**ENTRY, "check": "catalog_sales.item_is_known"})

    assert (other.closes, other.waiver_refused) == (True, "")


def test_a_second_entry_may_cover_what_the_first_does_not() -> None:
    file = WaiverFile(({**ENTRY, "window": date(2002, 12, 27)}, ENTRY))

    assert with_waiver(FAILED, "catalog_sales", file, DAY, NOW).waived


def test_a_check_that_passed_or_only_warns_takes_no_waiver() -> None:
    for check in (replace(FAILED, passed=True), replace(FAILED, severity=Severity.WARNING)):
        assert judged(ENTRY, check) == check


def test_setting_a_waiver_on_a_check_that_may_not_have_one_does_not_open_it() -> None:
    used = judged(ENTRY)

    assert replace(used, waivable=False).closes
    assert replace(used, raised=True).closes


@pytest.mark.parametrize("text", ["waivers: [", "waivers:\n  check: x", "[]", "", "waivers: [1]"])
def test_a_file_that_cannot_be_read_waives_nothing_and_says_so(tmp_path: Path, text: str) -> None:
    path = tmp_path / "waivers.yml"
    path.write_text(text)

    refused = with_waiver(FAILED, "catalog_sales", read_waivers(path), DAY, NOW)

    assert refused.closes
    assert "waivers.yml" in refused.waiver_refused
    assert lint(path)


def test_a_missing_file_waives_nothing(tmp_path: Path) -> None:
    assert "cannot be read" in read_waivers(tmp_path / "none.yml").unreadable


def test_the_committed_waivers_are_in_order() -> None:
    assert lint(WAIVERS) == []


GOOD = """
waivers:
  - check: catalog_sales.shipped_after_sold
    dataset: catalog_sales
    window: 2002-12-28
    reason: the shop system was down
    approved_by: r.mueller
    approved_at: 2002-12-28
    expires_at: 2002-12-31
    max_observed: 1
"""


def test_a_good_waiver_passes_the_lint(tmp_path: Path) -> None:
    (tmp_path / "waivers.yml").write_text(GOOD)

    assert lint(tmp_path / "waivers.yml") == []


@pytest.mark.parametrize(
    ("old", "new", "fault"),
    [
        ("shipped_after_sold", "no_such_check", "no check catalog_sales.no_such_check in any suite"),
        ("shipped_after_sold", "reconciles_by_day", "cannot be waived"),
        ("shipped_after_sold", "key_is_unique", "cannot be waived"),
        ("shipped_after_sold", "rows_seen", "cannot be waived"),
        ("shipped_after_sold", "cs_net_profit_is_known", "cannot be waived"),
        ("expires_at: 2002-12-31", "expires_at: 2003-01-05", "0 to 7 days"),
        ("expires_at: 2002-12-31", "expires_at: soon", "expires_at: wanted a date"),
        ("    approved_by: r.mueller\n", "", "approved_by is missing"),
        ("window: 2002-12-28", "window: week of 2002-12-28", "begins on a Monday, that is a Saturday"),
        ("window: 2002-12-28", "window: always", "wanted a business date"),
        ("max_observed: 1", "max_observed: many", "max_observed: wanted a number"),
        ("max_observed: 1", "max_observed: 1\n    ticket: 7", "ticket is no field of a waiver"),
    ],
)
def test_the_lint_names_each_fault(tmp_path: Path, old: str, new: str, fault: str) -> None:
    assert old in GOOD
    (tmp_path / "waivers.yml").write_text(GOOD.replace(old, new))

    found = lint(tmp_path / "waivers.yml")

    assert any(fault in one and one.startswith("waivers.yml, entry 1: ") for one in found), found


def test_the_lint_finds_a_second_waiver_for_the_same_window(tmp_path: Path) -> None:
    (tmp_path / "waivers.yml").write_text(GOOD + GOOD.replace("\nwaivers:\n", ""))

    assert "has a second waiver" in lint(tmp_path / "waivers.yml")[0]


def test_keys_columns_reconciliation_and_evidence_can_never_be_waived() -> None:
    waivable = {
        f"{suite['meta']['gate']}: {suite['meta']['dataset']}.{one['meta']['check_id']}"
        for suite in compiled_suites()
        for one in suite["expectations"]
        if is_waivable(one)
    }
    never = re.compile(
        r"rows_seen|source_was_counted|columns_equal|_unique$|key_is|reconcil|equals?_|cleaning_keeps|unchanged|overlap"
        r"|ledger_knows|members|is_current|_sk_is_known|_id_is_known|number_is_known|day_is_that_of_its_key|contract"
    )

    assert sorted(one for one in waivable if never.search(one)) == []
    # Behind the landing gate only a range is anybody's to judge: the rest is arithmetic of our own.
    assert {one for one in waivable if one.startswith(("staging", "marts", "published"))} == {
        f"marts: fct_weekly_sales_inventory.{column}_in_range"
        for column in (
            *("week_num", "sum_qty_wk", "sum_amt_wk", "ret_qty_wk", "ret_amt_wk"),
            *("inv_on_hand_qty_wk", "wks_sply", "wks_sply_4w"),
        )
    }
    assert {"landing: catalog_sales.shipped_after_sold", "landing: inventory.unknown_stock_is_usual"} <= waivable
    # A week with a day missing would count as complete.
    assert "landing: catalog_sales.no_day_is_missing" not in waivable


def test_a_contract_can_forbid_a_waiver_itself() -> None:
    expectation = {"type": "expect_no_offending_rows", "kwargs": {"observed": "1"}, "meta": {"check_id": "x"}}

    assert is_waivable(expectation)
    assert not is_waivable({**expectation, "meta": {"check_id": "x", "waivable": "false"}})
    assert not is_waivable({**expectation, "kwargs": {}})
    assert malformed({}) == [
        f"{name} is missing"
        for name in ("check", "dataset", "window", "reason", "approved_by", "approved_at", "expires_at", "max_observed")
    ]
