"""Which checks may ever have a waiver.

What can never be waived: that rows were seen, that every check ran, keys, columns that must be known, the columns
themselves, and reconciliation. Publishing over one of those would make every other number a guess. Nor can a check
whose contract does not say how much is wrong: "one week" may be a line of it or all of it.
"""

from __future__ import annotations

import re
from typing import Any

Json = dict[str, Any]

# By class of check, so that a check added tomorrow falls into its class by what it is called (tests hold the list).
NEVER_BY_ID = re.compile(
    r"^rows_seen$|^columns_equal_the_contract$|_unique$|reconcil|_equals?_(the_source|raw|daily_sales)$|^cleaning_keeps_"
)
NEVER_BY_TYPE = frozenset({"expect_column_values_to_not_be_null"})


def is_waivable(expectation: Json) -> bool:
    """Whether a check of a compiled suite may have a waiver; `waivable: false` in its meta forbids it, too.

    A check of values counts them. A query counts its rows, which may stand for anything: it has to bring `observed`.
    """
    meta = expectation["meta"]
    is_measured = expectation["type"] != "expect_no_offending_rows" or expectation["kwargs"].get("observed")
    return (
        bool(is_measured)
        and expectation["type"] not in NEVER_BY_TYPE
        and not NEVER_BY_ID.search(meta["check_id"])
        and str(meta.get("waivable", True)).lower() != "false"
    )
