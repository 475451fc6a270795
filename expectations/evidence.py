"""What may be kept of an error: refuses the text of an engine that quotes the value it stumbled over."""

from __future__ import annotations

import re

LONGEST = 300

# DuckDB's errors about names: no value of a row can stand in them. In all others it may: "Could not convert 'a@b'".
_ABOUT_NAMES = re.compile(r"\b(?:Catalog|Binder|Parser) Error: .*")
_ABOUT_VALUES = re.compile(r"\b([A-Z][A-Za-z ]{2,40}) Error: ")
# Snowflake numbers its errors: those of class 42 and 02 are about names and privileges; 22 quotes the value.
_OF_SNOWFLAKE = re.compile(r"\b(\d{6}) \((\w{5})\): ?(?:[0-9a-f-]{36}: )?(.*?)(?:\[SQL: .*)?$", re.S)
_QUOTED = re.compile(r"'[^']*'|\"[^\"]*\"|`[^`]*`")


def withhold_values(message: str) -> str:
    """The first line of an error without anything that could be a value of a row."""
    if numbered := _OF_SNOWFLAKE.search(message):
        number, state, said = numbered.groups()
        if state.startswith(("02", "42")):
            return f"Snowflake error {number}: {' '.join(said.split())}"[:LONGEST]
        return f"Snowflake error {number} ({state}; its text is withheld: it may quote a row)"
    line = next((one for one in message.splitlines() if one.strip()), "error without a message")
    if named := _ABOUT_NAMES.search(line):
        return named.group()[:LONGEST]
    if kind := _ABOUT_VALUES.search(line):
        return f"{kind.group(1).strip()} Error (its text is withheld: it may quote a row)"
    return _QUOTED.sub("'...'", line)[:LONGEST]
