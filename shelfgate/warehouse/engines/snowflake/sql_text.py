"""Snowflake's statements and errors as text: where one ends, what another asks for; shows no value of a customer."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from shelfgate.errors import (
    ConfigurationError,
    ExternalServiceUnavailable,
    NotVisible,
    PermanentFailure,
    ShelfgateError,
    WarehouseBusy,
)

if TYPE_CHECKING:
    from snowflake.connector.errors import Error

# Errors by number, as Snowflake's documentation and its connector name them.
LOCKED = frozenset({625, 635, 639})
LOGIN_REFUSED = frozenset({390100, 390101, 390144, 390189, 394509})
STOPPED = frozenset({604, 630})
NOT_VISIBLE = frozenset({2003, 2043, 3001})


def explained(error: Error, sql: str, query_id: str | None) -> ShelfgateError:
    """The connector's error by what to do next; never its text where that may quote a customer's value."""
    number, state = abs(error.errno or 0), str(error.sqlstate or "")
    where = f"Snowflake: {first_words(sql)}" + (f" (query {query_id})" if query_id else "")
    if number in LOCKED:
        return WarehouseBusy(f"{where}: another session held the lock for too long. Nothing was changed; run again.")
    if number in LOGIN_REFUSED or 251000 <= number < 252000:
        return ConfigurationError(
            f"{where}: refused (error {number}). Wanted a user, role and key that the "
            "account knows; see docs/snowflake.md, Keys."
        )
    if number in STOPPED:
        return ExternalServiceUnavailable(
            f"{where}: stopped after its time (error {number}). Nothing was changed; run again, on a larger warehouse "
            "or with a larger SHELFGATE_SNOWFLAKE_STATEMENT_SECONDS."
        )
    if state.startswith("08") or 250000 <= number < 251000 or number in {390104, 390111, 390114}:
        return ExternalServiceUnavailable(
            f"{where}: the account does not answer (error {number}). Nothing was changed; run again."
        )
    # 22: a value was wrong, and the message would show it.
    said = "a value does not fit" if state.startswith("22") else " ".join(str(error.raw_msg or error.msg).split())[:300]
    refused = NotVisible if number in NOT_VISIBLE else PermanentFailure
    return refused(f"{where}: error {number:06d} ({state}): {said}. The statement changed nothing.")


def first_words(sql: str) -> str:
    """The statement's first words: what it does and to which table."""
    return " ".join(without_comments(sql).split()[:5])


def without_comments(sql: str) -> str:
    return re.sub(r"('(?:[^']|'')*')|--[^\n]*|/\*.*?\*/", lambda found: found[1] or " ", sql, flags=re.S).strip()


def statements_of(script: str) -> list[str]:
    """The statements of a script, at the semicolons that stand in no string and no comment."""
    found, at = [], 0
    for mark in re.finditer(r"'(?:[^']|'')*'|--[^\n]*|/\*.*?\*/|\$\$.*?\$\$|;", script, re.S):
        if mark[0] == ";":
            found.append(script[at : mark.start()])
            at = mark.end()
    return [one.strip() for one in [*found, script[at:]] if without_comments(one)]
