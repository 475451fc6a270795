"""The one way from settings to the warehouse, for flows and commands: first the keys, from Prefect blocks if the
settings name any, then the engine."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager

from shelfgate.settings import Settings
from shelfgate.warehouse import Session, Warehouse, open_to_read, open_warehouse
from shelfgate.warehouse.registry import target_of


def connect(settings: Settings, on_wait: Callable[[str], None] | None = None) -> Warehouse:
    """The warehouse that the settings name; its first turn connects. `on_wait` takes a line while a turn is awaited.

    Raises:
        ConfigurationError: the target is missing or unknown; a setting or a block is missing or cannot be used.
        ExternalServiceUnavailable: Prefect did not answer.
    """
    return open_warehouse(_with_keys(settings), on_wait)


def connect_to_read(
    settings: Settings, on_wait: Callable[[str], None] | None = None
) -> AbstractContextManager[Session]:
    """A turn at the warehouse for a command that only looks. A warehouse whose file does not exist reads as empty.

    Raises:
        ConfigurationError, ExternalServiceUnavailable: as `connect`.
    """
    return open_to_read(_with_keys(settings), on_wait)


def _with_keys(settings: Settings) -> Settings:
    if not target_of(settings).keys_in_blocks:
        return settings
    # The HTTP client costs every other command 0.1 s, and emergency commands must run without Prefect.
    from tasks.snowflake_blocks import with_keys

    return with_keys(settings)
