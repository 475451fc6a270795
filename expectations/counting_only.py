"""Column checks that count; refuses to fetch the values that failed, which may not be shown anyway.

The stock checks send one more query each for a sample of values, even where nothing failed.
"""

from __future__ import annotations

from typing import Any

from great_expectations.expectations import core
from great_expectations.expectations.expectation import BatchExpectation
from great_expectations.validator.validator import ValidationDependencies


class _CountingOnly(BatchExpectation):
    def get_validation_dependencies(
        self, execution_engine: Any = None, runtime_configuration: dict[str, Any] | None = None, **kwargs: Any
    ) -> ValidationDependencies:
        found = super().get_validation_dependencies(execution_engine, runtime_configuration, **kwargs)
        for name in found.get_metric_names():
            if name.endswith(".unexpected_values"):
                found.remove_metric_configuration(name)
        return found


class ExpectColumnValuesToNotBeNull(_CountingOnly, core.ExpectColumnValuesToNotBeNull):
    """Stands in the registry before the stock check of that name."""


class ExpectColumnValuesToBeBetween(_CountingOnly, core.ExpectColumnValuesToBeBetween):
    """Stands in the registry before the stock check of that name."""
