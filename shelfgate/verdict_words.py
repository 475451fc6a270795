"""A verdict in words, the same wherever it is shown: Data Docs, terminal, Prefect's artifacts, logs."""

from __future__ import annotations

from collections.abc import Iterable

from shelfgate.model import CheckResult, SuiteResult


def in_words(*, is_open: bool, waived: int = 0, warnings: int = 0) -> str:
    """`closed`, `open`, or `open, 1 waived, 2 warnings`: a gate that only a waiver opened is never just `open`."""
    if not is_open:
        return "closed"
    said = ["open"]
    if waived:
        said.append(f"{waived} waived")
    if warnings:
        said.append(f"{warnings} warning{'s' if warnings > 1 else ''}")
    return ", ".join(said)


def of_suites(suites: Iterable[SuiteResult], *, is_open: bool) -> str:
    """The same for what suites found, taken together."""
    suites = tuple(suites)
    return in_words(
        is_open=is_open,
        waived=sum(check.waived for suite in suites for check in suite.checks),
        warnings=sum(len(suite.warnings) for suite in suites),
    )


def in_order_of_concern(checks: Iterable[tuple[SuiteResult, CheckResult]]) -> list[tuple[SuiteResult, CheckResult]]:
    """What closes the gate, what a waiver keeps from it, what else failed, what passed."""
    return sorted(checks, key=lambda pair: (not pair[1].closes, not pair[1].waived, pair[1].passed))
