"""What a command by hand looks at before it starts anything: arguments, settings, and what is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from cli.console import say
from shelfgate.clients.source_postgres import refuse_bad_dsn
from shelfgate.errors import ConfigurationError
from shelfgate.model import Publication
from shelfgate.ops.pointer import current_publication
from shelfgate.ops.runs import refuse_an_earlier_day
from shelfgate.publication.rollback import readable
from shelfgate.settings import PREFIX, Settings, refuse_unusable_home
from shelfgate.warehouse import Session, install
from shelfgate.warehouse.registry import TARGETS, target_of
from tasks.connect import connect_to_read

NEEDED_BY_A_RUN = (
    "target",
    "source_dsn",
    "airbyte_url",
    "airbyte_client_id",
    "airbyte_client_secret",
    "airbyte_connection_id",
    "lambda_function",
)


def before_refresh(settings: Settings, business_date: date | None) -> None:
    """
    Raises:
        ConfigurationError: a setting is missing or cannot be used, or the business date lies before the published one.
    """
    refuse_unusable_home(settings.home, to_write=True)
    _refuse_missing_settings(settings)
    refuse_bad_dsn(settings.need("source_dsn"))
    target_of(settings).check()
    if business_date is not None and _can_be_read_already(settings):
        with _reading(settings) as session:
            refuse_an_earlier_day(current_publication(session), business_date)


def _refuse_missing_settings(settings: Settings) -> None:
    """All of them at once.

    Raises:
        ConfigurationError: names every setting that the run would miss.
    """
    needed = [*NEEDED_BY_A_RUN]
    if settings.s3_block is None:
        needed.append("s3_bucket")
    if settings.target in TARGETS:
        needed += target_of(settings).needed_settings
    missing = [name for name in needed if getattr(settings, name) is None]
    if missing:
        names = ", ".join(f"{PREFIX}{name.upper()}" for name in missing)
        raise ConfigurationError(
            f"{names}: not set. Nothing was run. Set {'it' if len(missing) == 1 else 'them'} (see .env.example), or "
            "bring the sandbox up: `shelfgate sandbox up` sets all of them."
        )


def before_backfill(settings: Settings, from_date: date, to_date: date) -> None:
    """
    Raises:
        ConfigurationError: the range runs backwards, or a setting is missing.
    """
    if to_date < from_date:
        raise ConfigurationError(
            f"backfill: from {from_date} to {to_date}. Expected a range that does not run backwards. Nothing was run."
        )
    before_refresh(settings, None)


def before_rollback(settings: Settings, to: str) -> None:
    """
    Raises:
        ConfigurationError: nothing is published, or this publication cannot be read.
    """
    with _reading(settings) as session:
        _something_published(session)
        readable(session, to)


def before_vacuum(settings: Settings) -> None:
    """
    Raises:
        ConfigurationError: nothing is published.
    """
    with _reading(settings) as session:
        _something_published(session)


def _something_published(session: Session) -> Publication:
    found = current_publication(session)
    if found is None:
        raise ConfigurationError("nothing is published yet: `shelfgate refresh` first. Nothing was changed.")
    return found


def _can_be_read_already(settings: Settings) -> bool:
    """The first run creates a missing file; keys in a Prefect block wait for Prefect's server."""
    target = target_of(settings)
    return target.missing_file is None and not target.keys_in_blocks


@contextmanager
def _reading(settings: Settings) -> Iterator[Session]:
    with connect_to_read(settings, on_wait=say) as session:
        install(session)
        yield session
