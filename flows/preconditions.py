"""What a command by hand looks at before it starts anything: arguments, settings, and what is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date

from flows.console import say
from shelfgate.errors import ConfigurationError
from shelfgate.ledger import refuse_an_earlier_day
from shelfgate.model import Publication
from shelfgate.publication import current_publication
from shelfgate.rollback import readable
from shelfgate.settings import PREFIX, Settings, refuse_unusable_home
from shelfgate.warehouse import Session, install, open_warehouse

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
        ConfigurationError: a setting is missing, or the business date lies before the published one.
    """
    refuse_unusable_home(settings.home, to_write=True)
    missing = [name for name in NEEDED_BY_A_RUN if getattr(settings, name) is None]
    if settings.s3_bucket is None and settings.s3_block is None:
        missing.append("s3_bucket")
    if missing:
        names = ", ".join(f"{PREFIX}{name.upper()}" for name in missing)
        raise ConfigurationError(
            f"{names}: not set. Nothing was run. Set {'it' if len(missing) == 1 else 'them'} (see .env.example), or "
            "bring the sandbox up: `shelfgate sandbox up` sets all of them."
        )
    if business_date is not None and _can_be_read_already(settings):
        with _reading(settings) as session:
            refuse_an_earlier_day(current_publication(session), business_date)


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
    """A first run makes the DuckDB file; keys in a Prefect block wait for Prefect's server."""
    if settings.target == "duckdb":
        return settings.warehouse_file.exists()
    return settings.snowflake_block is None


@contextmanager
def _reading(settings: Settings) -> Iterator[Session]:
    from tasks.snowflake_blocks import with_keys

    with open_warehouse(with_keys(settings), on_wait=say).turn() as session:
        install(session)
        yield session
