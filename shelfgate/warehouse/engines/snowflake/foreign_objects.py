"""Whether what already bears our names in a shared account is ours: nothing of others is taken over unasked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from shelfgate.errors import ConfigurationError, NotVisible
from shelfgate.warehouse import Row, Session
from shelfgate.warehouse.engines.snowflake.sql_text import without_comments

_CREATE = re.compile(r"create (role|user|warehouse|resource monitor|storage integration) if not exists (\w+)", re.I)
_SHOWN_AS = {"storage integration": "integrations"}
# CREATE RESOURCE MONITOR has no COMMENT: one is ours if the roles beside it are.
_UNMARKED = frozenset({"resource monitor"})


# What the releases before the prefix called their roles, and said of them; each had one user of its name.
_BEFORE_THE_PREFIX = {
    "LOADER": "The Lambda: inventory dumps into raw_inventory, its ledger in ops",
    "AIRBYTE": "Airbyte: the tables of raw_sales",
    "TRANSFORMER": "dbt: staging, candidate and quarantine",
    "PUBLISHER": "The flows: gates, records, and the only writer of store and ops.pointer",
    "METABASE_RO": "Dashboards: reads marts and nothing else",
}


@dataclass(frozen=True)
class Foreign:
    """An object of the account that bears one of our names and not our mark."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind} {self.name}"

    def adoption(self, mark: str) -> str | None:
        """The statement that marks it as ours; None where there is nothing to mark, or nothing that can be."""
        if self.kind in {"database", *_UNMARKED}:
            return None
        return f"alter {self.kind} {self.name} set comment = '{mark}taken over'"


def foreign_objects(session: Session, statements: Iterable[str], database: str, mark: str) -> list[Foreign]:
    """What the statements would take for theirs by `if not exists`. Reads only, as ACCOUNTADMIN."""
    session.run("use role accountadmin")
    there = [one for sql in statements for one in _there(session, sql)]
    marked = [row for _, _, row in there if str(row.get("comment") or "").startswith(mark)]
    found = [
        Foreign(kind, name) for kind, name, row in there if row not in marked and not (kind in _UNMARKED and marked)
    ]
    return [*found, *([Foreign("database", database.upper())] if _is_foreign_database(session, database) else ())]


def former_objects(session: Session) -> list[Foreign]:
    """Roles and users of a release whose names had no prefix yet: nothing uses them any more. Reads only."""
    session.run("use role accountadmin")
    roles = [
        name
        for name, comment in _BEFORE_THE_PREFIX.items()
        if any(str(row.get("comment") or "") == comment for row in _named(session, "role", name))
    ]
    users = [name for name in roles if _named(session, "user", name)]
    return [*(Foreign("user", name) for name in users), *(Foreign("role", name) for name in roles)]


def refuse(foreign: list[Foreign], mark: str) -> None:
    """
    Raises:
        ConfigurationError: there is one.
    """
    if foreign:
        raise ConfigurationError(
            f"snowflake apply: observed {', '.join(map(str, foreign))}, not made by this installation; expected names "
            f"that are free, or objects whose comment begins with {mark.strip()!r}. Nothing was changed. Set "
            "SHELFGATE_SNOWFLAKE_PREFIX (and SHELFGATE_SNOWFLAKE_DATABASE) to names that nobody has, or look at each "
            "object and take all of them over with --adopt."
        )


def _there(session: Session, sql: str) -> Iterator[tuple[str, str, Row]]:
    found = _CREATE.match(without_comments(sql))
    if found is None:
        return
    kind, name = found[1].lower(), found[2].upper()
    for row in _named(session, kind, name):
        yield kind, name, row


def _named(session: Session, kind: str, name: str) -> list[Row]:
    # LIKE takes `_` for any character.
    rows = session.rows(f"show {_SHOWN_AS.get(kind, f'{kind}s')} like '{name}'")
    return [row for row in rows if str(row["name"]).upper() == name]


def _is_foreign_database(session: Session, database: str) -> bool:
    """It has schemas, and none of them is where an installation says what it has installed."""
    try:
        names = {str(row["name"]).upper() for row in session.rows(f"show schemas in database {database}")}
    except NotVisible:
        return False
    return bool(names - {"PUBLIC", "INFORMATION_SCHEMA"}) and "OPS" not in names
