"""From `SHELFGATE_TARGET` to the engine that it names. The one place that knows which engines there are."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

from shelfgate import failpoints
from shelfgate.errors import ConfigurationError
from shelfgate.warehouse.engines.duckdb.target import DuckDBTarget
from shelfgate.warehouse.engines.snowflake.target import SnowflakeTarget
from shelfgate.warehouse.protocol import Session, Target, Warehouse

if TYPE_CHECKING:
    from shelfgate.settings import Settings

TARGETS: Final[Mapping[str, Callable[[Settings], Target]]] = {
    "duckdb": DuckDBTarget,
    "snowflake": SnowflakeTarget,
}

# A new engine is refused until somebody has decided otherwise: failpoints end runs on purpose.
TARGET_OF_FAILPOINTS: Final = "duckdb"


def target_of(settings: Settings) -> Target:
    """The target that `SHELFGATE_TARGET` names. Nothing is opened.

    Raises:
        ConfigurationError: no target, or one that this installation does not know; failpoints on another target.
    """
    name = settings.need("target")
    if os.environ.get(failpoints.VARIABLE) and name != TARGET_OF_FAILPOINTS:
        raise ConfigurationError(
            f"{failpoints.VARIABLE} is set, and SHELFGATE_TARGET is {name!r}. Failpoints end runs on purpose: unset it."
        )
    if name not in TARGETS:
        raise ConfigurationError(f"SHELFGATE_TARGET is {name!r}; this installation knows: {', '.join(TARGETS)}.")
    return TARGETS[name](settings)


def open_warehouse(settings: Settings, on_wait: Callable[[str], None] | None = None) -> Warehouse:
    """The warehouse that the settings name; its first turn connects. `on_wait` takes a line while a turn is awaited.

    Raises:
        ConfigurationError: as `target_of`; or a setting of this engine is missing or cannot be used.
    """
    return target_of(settings).open_warehouse(on_wait)


@contextmanager
def open_to_read(settings: Settings, on_wait: Callable[[str], None] | None = None) -> Iterator[Session]:
    """A turn at the warehouse for a command that only looks. A warehouse whose file does not exist reads as empty.

    Raises:
        ConfigurationError: as `open_warehouse`.
    """
    with target_of(settings).open_to_read(on_wait) as warehouse, warehouse.turn() as session:
        yield session
