"""What an inventory dump must look like, each bound with its evidence; refuses nothing itself: the readers do."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

DATE, ITEM, WAREHOUSE, QUANTITY = "inv_date_sk", "inv_item_sk", "inv_warehouse_sk", "inv_quantity_on_hand"
COLUMNS = (DATE, ITEM, WAREHOUSE, QUANTITY)

_ALIASES: dict[str, list[str]] = json.loads(
    Path(__file__).parents[1].joinpath("column_aliases.json").read_text(encoding="utf-8")
)
"""Written by `shelfgate contracts compile` from expectations/contracts/inventory.odcs.yaml; it lies in the zip, too."""

_BY_NAME = {
    name.lower() if name.isascii() else name: column for column in COLUMNS for name in (column, *_ALIASES[column])
}

MAX_QUANTITY = 2**63 - 1
"""What the column can hold. Whether a quantity makes sense is for the landing gate."""

LONGEST_LINE = 100
"""Bytes, its newline included. Four values of 64 bits need 84 at most, SF1's longest line has 21."""

MAX_KEY = 2_147_483_647
"""TPC-DS identifiers are 32-bit integers, in Postgres too; SF1 ends at item 18,000 and warehouse 5."""

# All 261 snapshots of TPC-DS SF1 are 224.7 MB of text (52.7 MB gzipped). The text lies in the function's scratch space,
# 512 MB by default, beside its staged copy, a ninth of its size: 400 MB leaves room for both.
MAX_TEXT_BYTES = 400_000_000

MAX_ROWS = 20_000_000
"""SF1's whole history has 11,745,000 rows; MAX_TEXT_BYTES at its 19.1 bytes a row would be 20.9 million."""

MAX_ROWS_OF_A_SNAPSHOT = 2_000_000
"""45,000 at SF1, every week; 1.53 million at SF100. Above: many weeks under one date."""

MAX_SNAPSHOTS = 2_000
"""261 at SF1; 2,000 weeks are 38 years. Any number of dates, weighed one by one, would fill the memory."""

FIRST_SNAPSHOT = date(1998, 1, 1)
"""The first day of TPC-DS's inventory; no source has an earlier one."""

SNAPSHOT_WEEKDAY = 3
"""Thursday, as `date.weekday` counts: all 261 snapshots of SF1 are dated on one."""

_JULIAN_DAY_OF_ORDINAL_0 = 1_721_425
"""TPC-DS's date keys are Julian day numbers: 2,450,815 is 1998-01-01."""


def day_of(inv_date_sk: int) -> date:
    """Tell the day of a date key, a number up to MAX_KEY.

    Raises:
        ValueError: the calendar has no such day.
    """
    return date.fromordinal(inv_date_sk - _JULIAN_DAY_OF_ORDINAL_0)


def column_of(name: str) -> str | None:
    """Give the column that a header calls `name`: by its own name or an alias, in upper or lower case.

    Case is ignored in ASCII only: a letter beyond it may have the lower case of another.
    """
    return _BY_NAME.get(name.lower() if name.isascii() else name)
