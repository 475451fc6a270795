"""What may be shown of an error: refuses the text of an engine that quotes the value it stumbled over."""

from __future__ import annotations

import re

LONGEST = 300

# How DuckDB's errors begin. In those about names no value of a row can stand; in all others it may: "Could not convert
# 'a@b'", and that value may itself look like an error, so the first one on the line decides.
_OF_DUCKDB = re.compile(r"\b([A-Z][A-Za-z -]{1,40}?) Error: ")
_ABOUT_NAMES = frozenset({"Catalog", "Binder", "Parser"})
# Snowflake numbers its errors: those of class 42 and 02 are about names and privileges; 22 quotes the value.
_OF_SNOWFLAKE = re.compile(r"\b(\d{6}) \((\w{5})\): ?(?:[0-9a-f-]{36}: )?(.*?)(?:\[SQL: .*)?$", re.S)
# From the first quote to the last: an apostrophe inside a value ends none.
_QUOTED = re.compile(r"'.*'|\".*\"|`.*`")

_FAILURES = frozenset({"FATAL", "INTERNAL", "IO", "TransactionContext", "Serialization", "Permission"})
_ANNOUNCES_A_VALUE = re.compile(r"[\[{=]|\b(?:values?|strings?|keys?|rows?:|chunk):? ", re.IGNORECASE)
_FILE = "\N{OBJECT REPLACEMENT CHARACTER}"


def withhold_values(message: str) -> str:
    """The first line of an error without anything that could be a value of a row."""
    if numbered := _OF_SNOWFLAKE.search(message):
        number, state, said = numbered.groups()
        if state.startswith(("02", "42")):
            return f"Snowflake error {number}: {' '.join(said.split())}"[:LONGEST]
        return f"Snowflake error {number} ({state}; its text is withheld: it may quote a row)"
    line = next((one for one in message.splitlines() if one.strip()), "error without a message")
    if kind := _OF_DUCKDB.search(line):
        if kind.group(1) in _ABOUT_NAMES:
            return line[kind.start() :][:LONGEST]
        return f"{kind.group(1)} Error (its text is withheld: it may quote a row)"
    return _QUOTED.sub("'...'", line)[:LONGEST]


def withhold_in_failure(reason: str, file_name: str) -> str:
    """DuckDB's reason for a failure of the engine, of the disk or of the file, without what a row may have brought.

    Quoted text is withheld unless it names the file; so is all that follows a further error, a bracket, or a word that
    announces a value: `Failed to delete all rows from index ... Chunk` prints the rows, for one.
    """
    named = re.search(rf'"[^"\']*{re.escape(file_name)}[^"\']*"', reason)
    text = reason.replace(named[0], _FILE) if named else reason
    further = next((one for one in _OF_DUCKDB.finditer(text) if one.group(1) not in _FAILURES), None)
    if further:
        text = f"{text[: further.start()]}{further.group(1)} Error (its text is withheld: it may quote a row)"
    text = _QUOTED.sub("'...'", text)
    if value := _ANNOUNCES_A_VALUE.search(text):
        text = f"{text[: value.end()].rstrip()} ... (withheld: it may quote a row)"
    return text.replace(_FILE, named[0] if named else "")[:LONGEST]
