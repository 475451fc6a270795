"""The target `snowflake`: a database of an account. Apart: whoever only names the target loads no driver."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shelfgate.settings import Settings
    from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse

NEEDED = ("snowflake_database", "snowflake_warehouse")
NEEDED_OF_PUBLISHER = ("snowflake_user", "snowflake_role")
NEEDED_OF_BUILDER = ("snowflake_build_user", "snowflake_build_role", "snowflake_build_private_key_passphrase")


@dataclass(frozen=True)
class SnowflakeTarget:
    """Implements `shelfgate.warehouse.protocol.Target`."""

    settings: Settings

    @property
    def place(self) -> str:
        return f"snowflake://{self.settings.snowflake_account}/{self.settings.snowflake_database}"

    @property
    def needed_settings(self) -> tuple[str, ...]:
        """What no Prefect block can say, and what the blocks that are not named do not say."""
        return (
            *(() if self.keys_in_blocks else ("snowflake_account",)),
            *NEEDED,
            *(() if self.settings.snowflake_block else NEEDED_OF_PUBLISHER),
            *(() if self.settings.snowflake_build_block else NEEDED_OF_BUILDER),
        )

    @property
    def keys_in_blocks(self) -> bool:
        return bool(self.settings.snowflake_block or self.settings.snowflake_build_block)

    @property
    def missing_file(self) -> None:
        return None

    def check(self) -> None:
        """The account's name, and the key or token of each user that no block says.

        Raises:
            ConfigurationError: a key is missing, not encrypted, or not opened by its passphrase; a token is missing.
        """
        from shelfgate.warehouse.engines.snowflake.warehouse import builder_of, publisher_of

        if not self.keys_in_blocks:
            self.open_warehouse()
        if not self.settings.snowflake_block:
            publisher_of(self.settings).login()
        if not self.settings.snowflake_build_block:
            builder_of(self.settings).login()

    def open_warehouse(self, on_wait: Callable[[str], None] | None = None) -> SnowflakeWarehouse:
        """`on_wait` is never called: in an account nobody waits for a turn."""
        from shelfgate.warehouse.engines.snowflake.warehouse import SnowflakeWarehouse

        return SnowflakeWarehouse.of(self.settings)

    def open_to_read(self, on_wait: Callable[[str], None] | None = None) -> AbstractContextManager[SnowflakeWarehouse]:
        return nullcontext(self.open_warehouse(on_wait))
