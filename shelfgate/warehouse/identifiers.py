"""Names as SQL text: the one place where an identifier is quoted."""

from __future__ import annotations


def quoted(name: str) -> str:
    """The name as an identifier of standard SQL, whatever it holds. DuckDB ignores its case, Snowflake does not."""
    return '"' + name.replace('"', '""') + '"'
