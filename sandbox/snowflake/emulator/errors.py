"""Snowflake's errors by number and SQL state; refuses to invent a message where Snowflake has one."""

from __future__ import annotations

from snowflake.connector.errors import ProgrammingError


def error(number: int, state: str, message: str) -> ProgrammingError:
    return ProgrammingError(msg=message, errno=number, sqlstate=state)


def not_imitated(what: str) -> ProgrammingError:
    """Snowflake may well do this; here it would come out wrong, so it does not come out at all."""
    return error(9998, "0A000", f"[emulator] {what} is not imitated; see docs/snowflake.md.")


def syntax(message: str) -> ProgrammingError:
    return error(1003, "42000", f"SQL compilation error:\nsyntax error: {message}")


def missing(kind: str, name: str) -> ProgrammingError:
    return error(2003, "02000", f"SQL compilation error:\n{kind} '{name}' does not exist or not authorized.")


def exists(name: str) -> ProgrammingError:
    return error(2002, "42710", f"SQL compilation error:\nObject '{name}' already exists.")
