"""The names that a dump's columns may have, from the contract of inventory to a file beside the loader.

The loader stands alone in its zip and reads no contract, so the names lie there compiled.
"""

from __future__ import annotations

import json
import re
from pathlib import Path

from expectations.compiler.contract_files import CONTRACTS, read_contract
from expectations.compiler.suites import HERE
from shelfgate.errors import ConfigurationError

CONTRACT = "inventory.odcs.yaml"
PROPERTY = "aliases"
TARGET = HERE.parent / "lambda" / "inventory_loader" / "column_aliases.json"
NAME = "lambda/inventory_loader/column_aliases.json"

# What a header can hold without a quote, and no number: a file without a header must not pass for one with aliases.
_ALIAS = re.compile(r"(?!\s)[^\x00-\x1f\x7f,;|\"]{1,60}(?<!\s)")


def aliases_text(contracts: Path = CONTRACTS) -> str:
    """The text of the file: the aliases of each column of a dump.

    Raises:
        ConfigurationError: an alias is no name, or stands for two columns.
    """
    contract = read_contract(contracts / CONTRACT)
    found: dict[str, list[str]] = {}
    taken: dict[str, str] = {}
    for column in contract["schema"][0]["properties"]:
        name, custom = column["name"], {one["property"]: one["value"] for one in column.get("customProperties", [])}
        aliases = custom.get(PROPERTY, [])
        for alias in (name, *(aliases if isinstance(aliases, list) else [aliases])):
            if not isinstance(alias, str) or not _ALIAS.fullmatch(alias) or not re.search(r"[^\W\d]", alias):
                raise ConfigurationError(
                    f"contract {CONTRACT}, {name}: alias {alias!r}; expected a name of up to 60 characters, "
                    "with a letter in it and without a comma, semicolon, pipe, quote or blanks around it."
                )
            key = alias.lower() if alias.isascii() else alias
            if taken.setdefault(key, name) != name:
                raise ConfigurationError(
                    f"contract {CONTRACT}, {name}: alias {alias!r} stands for {taken[key]}, too; expected one column."
                )
        found[name] = list(aliases)
    return json.dumps(found, indent=2, ensure_ascii=False) + "\n"


def write_aliases() -> list[str]:
    """Write the file; returns its name if it changed."""
    changed = stale_aliases()
    if changed:
        TARGET.write_text(aliases_text(), encoding="utf-8")
    return changed


def stale_aliases(contracts: Path = CONTRACTS, target: Path = TARGET) -> list[str]:
    """The name of the file if the loader knows other names than the contract."""
    current = target.exists() and target.read_text(encoding="utf-8") == aliases_text(contracts)
    return [] if current else [NAME]
