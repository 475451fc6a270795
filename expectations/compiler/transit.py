"""The check that every stream of Airbyte's owes: it says of each row which values it could not carry.

Derived, not written in a contract: a contract that is added gets it too.
"""

from __future__ import annotations

import re
from typing import Any

AIRBYTE_LANDS = "raw_sales."
"""Begins the physical name of what Airbyte lands. The inventory comes through the loader."""

CHECK_ID = "nothing_was_nulled_in_transit"

# Lines that a sync does not bring again were judged when they came; a window that names no such set is the whole table.
_ARRIVING = re.compile(r"\$\{arriving_\w+\}")

# Without blanks: Airbyte's destinations write JSON with and without them. A row without the mark tells nothing.
_QUERY = """select _airbyte_raw_id
from {rows} as landed
where coalesce(replace(cast(_airbyte_meta as varchar), ' ', ''), '') not like '%"changes":[]%'"""


def transit_check(physical_name: str, window: str) -> dict[str, Any] | None:
    """The check of one landed stream as a suite holds it; None for a table that Airbyte does not land."""
    if not physical_name.startswith(AIRBYTE_LANDS):
        return None
    arriving = _ARRIVING.search(window)
    return {
        "type": "expect_no_offending_rows",
        "kwargs": {"query": _QUERY.format(rows=arriving.group() if arriving else physical_name)},
        "severity": "critical",
        "description": "Airbyte reports no value that it could not carry",
        "meta": {
            "check_id": CHECK_ID,
            "wanted": "no entry under changes in _airbyte_meta",
            "what_to_do": (
                "see _airbyte_meta of these rows and the job in Airbyte: a value was too large or of another type, and "
                "is NULL here; mend it at the source, then refresh the stream"
            ),
            "evidence": "No entry in any stream at scale 0.01 and 0.1",
        },
    }
