"""DuckDB's errors as Snowflake's; what has no counterpart stays an error with the emulator's name on it."""

from __future__ import annotations

import duckdb
from snowflake.connector.errors import Error

from ..errors import error


def translated(reason: Exception, cancelled: str | None) -> Error:
    said = str(reason).splitlines()[0] if str(reason) else type(reason).__name__
    if cancelled is not None:
        return error(630 if "timeout" in cancelled else 604, "57014", cancelled)
    if isinstance(reason, Error):
        return _stock(reason)
    if "Division by zero" in said:
        return error(100051, "22012", "Division by zero")
    if isinstance(reason, duckdb.ConstraintException) and "NOT NULL" in said:
        return error(100072, "22000", "NULL result in a non-nullable column")
    if isinstance(reason, duckdb.ConversionException):
        return error(100038, "22018", f"Value is not recognized: {said}")
    if isinstance(reason, duckdb.OutOfRangeException):
        return error(100132, "22003", f"Numeric value is out of range: {said}")
    if isinstance(reason, duckdb.TransactionException) and "aborted" in said:
        return error(
            9998,
            "25000",
            "[emulator] an error has ended DuckDB's transaction, where Snowflake's would go on: roll it back",
        )
    return error(9998, "0A000", f"[emulator] {type(reason).__name__}: {said}")


def _stock(reason: Error) -> Error:
    if reason.errno is None or reason.errno < 0:
        return error(9998, "0A000", f"[emulator] {reason.msg}")
    return reason
