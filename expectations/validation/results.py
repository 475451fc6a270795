"""Great Expectations' results to ours: refuses to take `success` for an answer where nothing was looked at."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any

from expectations.compiler.waivable import is_waivable
from shelfgate.model import CheckResult, Gate, Severity
from shelfgate.redaction import withhold_values

if TYPE_CHECKING:
    from great_expectations.core import ExpectationSuiteValidationResult, ExpectationValidationResult

# Raw and cleaned columns hold values; in the marts a column of NULLs can be the answer: `wks_sply_4w` has none in the
# first three weeks of history, and stock is unknown before the first snapshot.
_MUST_HOLD_VALUES = frozenset({Gate.FILE, Gate.LANDING, Gate.STAGING})


def as_check(result: ExpectationValidationResult, by_id: dict[str, dict[str, Any]], gate: Gate) -> CheckResult:
    """What one expectation found; one that raised, or that met no value to look at, has not passed."""
    configuration = result.expectation_config
    assert configuration is not None
    meta = configuration.meta or {}
    raised = _raised(result.exception_info)
    must_hold_values = gate in _MUST_HOLD_VALUES and meta.get("may_be_all_null") != "true"
    blind = not raised and must_hold_values and _met_no_value(configuration.type, result.result)
    seen = f"the check itself failed: {raised}" if raised else _seen(result.result)
    return CheckResult(
        check_id=meta["check_id"],
        severity=Severity(configuration.severity),
        passed=bool(result.success) and not raised and not blind,
        seen="no value: every row is NULL" if blind else seen,
        wanted=meta.get("wanted", configuration.description or ""),
        what_to_do=meta.get("what_to_do", ""),
        raised=bool(raised),
        observed=None if raised or blind else _observed(result.result),
        waivable=is_waivable(by_id[meta["check_id"]]),
    )


def _met_no_value(kind: str, result: dict[str, Any]) -> bool:
    """A check of values passes over a column of NULLs: it has looked at nothing."""
    rows, nulls = int(result.get("element_count") or 0), int(result.get("missing_count") or 0)
    return kind != "expect_column_values_to_be_null" and 0 < rows == nulls


def _observed(result: dict[str, Any]) -> float | None:
    """How much is wrong: what a waiver limits. Values or rows, or what the contract's `observed` sums up over rows."""
    number = (result.get("details") or {}).get("observed", result.get("unexpected_count", result.get("observed_value")))
    return None if isinstance(number, bool) or not isinstance(number, int | float | Decimal) else float(number)


def _raised(info: dict[str, Any] | None) -> str:
    """The message of an exception inside a check: either flat, or keyed by metric id."""
    if not info:
        return ""
    flat = [info] if "raised_exception" in info else [one for one in info.values() if isinstance(one, dict)]
    messages = [
        str(one.get("exception_message") or "exception without a message")
        for one in flat
        if one.get("raised_exception")
    ]
    return withhold_values(messages[0]) if messages else ""


def _seen(result: dict[str, Any]) -> str:
    sample = (result.get("details") or {}).get("sample")
    if sample:
        first = "; ".join(", ".join(f"{k} {v}" for k, v in row.items()) for row in sample)
        return f"{result['observed_value']:,} offending rows, first: {first}"
    if "unexpected_count" in result:
        return f"{int(result['unexpected_count'] or 0):,} of {int(result.get('element_count') or 0):,} values"
    return f"{result.get('observed_value', 'nothing')}"


def rows_seen(result: ExpectationSuiteValidationResult) -> int:
    """How many rows the window holds, by the check that every suite begins with; 0 if it did not run."""
    for one in result.results:
        configuration = one.expectation_config
        if configuration is not None and (configuration.meta or {}).get("check_id") == "rows_seen":
            return int(one.result.get("observed_value") or 0)
    return 0
