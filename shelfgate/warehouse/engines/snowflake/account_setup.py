"""An account's roles, schemas, tables and grants from deployments/snowflake; refuses a value it cannot vouch for."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from shelfgate.errors import ConfigurationError
from shelfgate.settings import Settings
from shelfgate.warehouse.engines.snowflake.foreign_objects import Foreign, foreign_objects, former_objects, refuse
from shelfgate.warehouse.engines.snowflake.sql_text import first_words, statements_of
from shelfgate.warehouse.migrate import apply_migrations, known_migrations, views_sql
from shelfgate.warehouse.protocol import Session

FOLDER = Path(__file__).parents[4] / "deployments" / "snowflake"
# Workloads; the users and roles of the account are these behind the prefix of `names`.
USERS = ("airbyte", "loader", "metabase_ro", "publisher", "transformer")

# What may stand in the place of `&{name}`: these are written into statements that no bind variable can reach.
ALLOWED = {
    "names": re.compile(r"[A-Za-z][A-Za-z0-9_]{0,40}_"),
    "database": re.compile(r"[A-Za-z_][A-Za-z0-9_]*"),
    "bucket": re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]"),
    "prefix": re.compile(r"([A-Za-z0-9_.=-]+/)*"),
    "storage_role_arn": re.compile(r"arn:aws[a-z-]*:iam::\d{12}:role/[\w+=,.@/-]+"),
    "credits_a_month": re.compile(r"[1-9]\d{0,5}"),
}
_PLACE = re.compile(r"&\{(\w+)\}")
_MIGRATE = re.compile(r"^!migrate$", re.M)
_PUBLIC_KEY = re.compile(r"[A-Za-z0-9+/]{300,}={0,2}")


@dataclass(frozen=True)
class SetupStep:
    """One statement and the file it is of."""

    file: str
    sql: str
    installs: bool = False
    """Of a migration, which runs once, or of the views, which run again when their text or a table has changed."""

    @property
    def summary(self) -> str:
        return first_words(self.sql)


def plan_for(settings: Settings, public_keys: Path | None = None) -> list[SetupStep]:
    """The plan for the account that the settings name.

    Raises:
        ConfigurationError: a setting is missing, or could be something else than a value.
    """
    values = {
        "names": settings.snowflake_prefix,
        "database": settings.need("snowflake_database"),
        "bucket": settings.need("s3_bucket"),
        "prefix": settings.s3_prefix,
        "storage_role_arn": settings.need("snowflake_storage_role_arn"),
        "credits_a_month": str(settings.snowflake_credits_a_month),
    }
    return plan(values, public_keys)


def plan(values: Mapping[str, str], public_keys: Path | None = None) -> list[SetupStep]:
    """Every statement in order, its places filled in. Each may be run again: nothing is replaced or dropped.

    Raises:
        ConfigurationError: a value is missing or could be something else than a value.
    """
    for name, pattern in ALLOWED.items():
        if not pattern.fullmatch(values.get(name, "")):
            raise ConfigurationError(
                f"snowflake apply: {name} is {values.get(name)!r}; wanted something like {pattern.pattern}."
            )
    known = {**values, "mark": mark_of(values["database"])}
    steps = [step for file in sorted(FOLDER.glob("[0-9][0-9]_*.sql")) for step in _of_file(file, known)]
    return [*steps, *(_keys(public_keys, values["names"]) if public_keys else ())]


def mark_of(database: str) -> str:
    """How the comment begins of each object of the account that the installation in this database has made."""
    return f"Shelfgate {database.upper()}: "


def _of_file(file: Path, values: Mapping[str, str]) -> Iterator[SetupStep]:
    text = file.read_text(encoding="utf-8")
    own = _PLACE.sub(lambda found: values[found[1]], _MIGRATE.sub("", text))
    yield from (SetupStep(file.name, one) for one in statements_of(own))
    if _MIGRATE.search(text):
        scripts = (*(migration.sql for migration in known_migrations()), views_sql())
        yield from (SetupStep(file.name, one, installs=True) for script in scripts for one in statements_of(script))


def _keys(folder: Path, names: str) -> Iterator[SetupStep]:
    """`<user>.pub` goes into the first slot, `<user>.2.pub` into the second; a slot without a file stays as it is."""
    files = sorted(folder.glob("*.pub"))
    if not files:
        raise ConfigurationError(f"snowflake apply: {folder} holds no <user>.pub.")
    yield SetupStep("keys", "use role securityadmin")
    for file in files:
        user, _, slot = file.stem.partition(".")
        if user not in USERS or slot not in {"", "2"}:
            raise ConfigurationError(
                f"snowflake apply: {file.name}: wanted <user>.pub or <user>.2.pub of {', '.join(USERS)}."
            )
        key = "".join(line for line in file.read_text(encoding="ascii").split("\n") if "-----" not in line).strip()
        if not _PUBLIC_KEY.fullmatch(key):
            raise ConfigurationError(f"snowflake apply: {file.name} is no RSA public key of 2048 bits or more (PEM).")
        yield SetupStep("keys", f"alter user {names}{user} set rsa_public_key{'_2' if slot else ''} = '{key}'")


def check_ownership(session: Session, steps: list[SetupStep], database: str, *, adopt: bool = False) -> list[Foreign]:
    """Look whether what already bears our names is this installation's; answers with what `adopt` has taken over.

    Raises:
        ConfigurationError: something is not, and is not to be adopted. Nothing was changed.
    """
    mark = mark_of(database)
    foreign = foreign_objects(session, (step.sql for step in steps), database, mark)
    if not adopt:
        refuse(foreign, mark)
    for sql in filter(None, (one.adoption(mark) for one in foreign)):
        session.run(sql)
    return foreign


def found_in_the_account(
    session: Session, steps: list[SetupStep], database: str
) -> tuple[list[Foreign], list[Foreign]]:
    """What stands in the way of `apply`, and what a release before the prefix has left. Reads only."""
    statements = (step.sql for step in steps)
    return foreign_objects(session, statements, database, mark_of(database)), former_objects(session)


def apply(session: Session, steps: list[SetupStep]) -> int:
    """Run the steps; returns how many objects were made that were not there, tables and views not counted."""
    made = 0
    installed = False
    for step in steps:
        if step.installs:
            if not installed:
                apply_migrations(session)
            installed = True
            continue
        answer = session.rows(step.sql)
        made += any("successfully created" in str(row.get("status", "")) for row in answer)
    return made
