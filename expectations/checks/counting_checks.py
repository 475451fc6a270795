"""Checks of a window's rows and columns that count; refuses to fetch a value of a row, which may not be shown anyway.

The stock checks read a row of the window to learn its columns and send one more query each for a sample of values, even
where nothing failed.
"""

from __future__ import annotations

from typing import Any, cast

from great_expectations.expectations import core

from expectations.checks.gx_logs import suppress_gx_logs
from expectations.checks.suite_query import Asked, Counts
from expectations.checks.suite_query_check import SuiteQueryCheck


class _CountingOnly(SuiteQueryCheck):
    """What a contract can say of a window's rows and columns, and no more."""

    def _asks(self) -> dict[str, Any]:
        assert self.row_condition is None, "a contract has no row conditions: it says so in its window"
        strict = [name for name in ("strict_min", "strict_max") if getattr(self, name, False)]
        assert not strict, "a contract's bounds are in range themselves"
        return Asked.by({name: getattr(self, name, None) for name in Asked._fields})._asdict()


with suppress_gx_logs():

    class ExpectTableRowCountToBeBetween(_CountingOnly, core.ExpectTableRowCountToBeBetween):
        """Stands in the registry in place of the stock check of that name."""

        def _judged(self, answer: Counts) -> dict[str, Any]:
            low, high = cast("int | None", self.min_value), cast("int | None", self.max_value)
            within = (low is None or answer.rows >= low) and (high is None or answer.rows <= high)
            return {"success": within, "result": {"observed_value": answer.rows}}

    class ExpectColumnValuesToNotBeNull(_CountingOnly, core.ExpectColumnValuesToNotBeNull):
        """Stands in the registry in place of the stock check of that name."""

        def _judged(self, answer: Counts) -> dict[str, Any]:
            return _judged_share(answer.nulls, answer.rows, self.mostly, {"element_count": answer.rows})

    class ExpectColumnValuesToBeBetween(_CountingOnly, core.ExpectColumnValuesToBeBetween):
        """Stands in the registry in place of the stock check of that name.

        A NULL is in no range and out of none, so it does not count.
        """

        def _judged(self, answer: Counts) -> dict[str, Any]:
            missing = 100 * answer.nulls / answer.rows if answer.rows else None
            told = {"element_count": answer.rows, "missing_count": answer.nulls, "missing_percent": missing}
            return _judged_share(answer.outside, answer.rows - answer.nulls, self.mostly, told)


def _judged_share(unexpected: int, values: int, mostly: Any, told: dict[str, Any]) -> dict[str, Any]:
    share = unexpected / values if values else 0.0
    counted = {"unexpected_count": unexpected, "unexpected_percent": 100 * share}
    return {"success": 1 - share >= cast(float, mostly), "result": told | counted}
