"""Session parameters: kept, shown, and where they do something, done; refuses a value whose effect is not imitated."""

from __future__ import annotations

import re

from ..errors import error, not_imitated

DEFAULTS = {
    "QUERY_TAG": "",
    "LOCK_TIMEOUT": "43200",
    "STATEMENT_TIMEOUT_IN_SECONDS": "172800",
    "TRANSACTION_ABORT_ON_ERROR": "false",
    "ABORT_DETACHED_QUERY": "false",
    "TIMEZONE": "UTC",
    "WEEK_START": "0",
    "WEEK_OF_YEAR_POLICY": "0",
    "AUTOCOMMIT": "true",
    "QUOTED_IDENTIFIERS_IGNORE_CASE": "false",
    "ERROR_ON_NONDETERMINISTIC_MERGE": "true",
    "ERROR_ON_NONDETERMINISTIC_UPDATE": "false",
    "USE_CACHED_RESULT": "true",
    "READ_CONSISTENCY_MODE": "SESSION",
    "TIMESTAMP_TYPE_MAPPING": "TIMESTAMP_NTZ",
    "DATE_OUTPUT_FORMAT": "YYYY-MM-DD",
    "MULTI_STATEMENT_COUNT": "1",
}

# Of these, only what is so anyway.
_AS_IT_IS = {
    "TIMEZONE": {"UTC", "ETC/UTC"},
    "QUOTED_IDENTIFIERS_IGNORE_CASE": {"FALSE"},
    "ERROR_ON_NONDETERMINISTIC_MERGE": {"TRUE"},
    "TIMESTAMP_TYPE_MAPPING": {"TIMESTAMP_NTZ"},
    "DATE_OUTPUT_FORMAT": {"YYYY-MM-DD", "AUTO"},
    "WEEK_START": {"0", "1"},
    "WEEK_OF_YEAR_POLICY": {"0"},
}

_PAIR = re.compile(r"\s*,?\s*([A-Za-z_]\w*)\s*=\s*('(?:[^']|'')*'|[^\s,]+)")


class Parameters:
    """The parameters of one session."""

    def __init__(self, given: dict[str, object]) -> None:
        self.values = dict(DEFAULTS)
        for name, value in given.items():
            self.set(name, str(value).lower() if isinstance(value, bool) else str(value))

    def __getitem__(self, name: str) -> str:
        return self.values[name]

    def seconds(self, name: str) -> float:
        return float(self.values[name])

    def is_on(self, name: str) -> bool:
        return self.values[name].lower() == "true"

    def set(self, name: str, value: str) -> None:
        name = name.upper()
        # Clients keep settings of their own there.
        own = name.startswith(("CLIENT_", "PYTHON_CONNECTOR_", "GO_", "JDBC_", "ENABLE_", "SNOWPARK_"))
        if name not in DEFAULTS and not own:
            raise error(1006, "22023", f"invalid session parameter '{name}'")
        if name in _AS_IT_IS and value.upper() not in _AS_IT_IS[name]:
            raise not_imitated(f"{name} = {value}")
        self.values[name] = value

    def alter(self, verb: str, rest: str) -> None:
        """ALTER SESSION SET a = b .. | UNSET a, b."""
        if verb.upper() == "UNSET":
            for name in re.split(r"[\s,]+", rest.strip().upper()):
                self.values[name] = DEFAULTS[name]
            return
        at = 0
        while found := _PAIR.match(rest, at):
            value = found[2]
            self.set(found[1], value[1:-1].replace("''", "'") if value.startswith("'") else value)
            at = found.end()
        if rest[at:].strip():
            raise error(1003, "42000", f"SQL compilation error:\nsyntax error: unexpected '{rest[at:].strip()}'")
