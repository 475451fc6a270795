"""The target `duckdb`: a file of this machine. Apart: whoever only names the target loads no driver."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from shelfgate.settings import Settings
    from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse


@dataclass(frozen=True)
class DuckDBTarget:
    """Implements `shelfgate.warehouse.protocol.Target`."""

    settings: Settings

    @property
    def place(self) -> str:
        return str(self.settings.warehouse_file.absolute())

    @property
    def needed_settings(self) -> tuple[str, ...]:
        return ()

    @property
    def keys_in_blocks(self) -> bool:
        return False

    @property
    def missing_file(self) -> Path | None:
        file = self.settings.warehouse_file
        return None if file.exists() else file

    def check(self) -> None:
        """Nothing: the first turn finds whether the file can be used."""

    def open_warehouse(self, on_wait: Callable[[str], None] | None = None) -> DuckDBWarehouse:
        return self._warehouse_in(self.settings.warehouse_file, on_wait)

    @contextmanager
    def open_to_read(self, on_wait: Callable[[str], None] | None = None) -> Iterator[DuckDBWarehouse]:
        """A file that does not exist is not created: the sandbox takes no file that it did not make."""
        if self.missing_file is None:
            yield self.open_warehouse(on_wait)
            return
        with tempfile.TemporaryDirectory() as folder:
            yield self._warehouse_in(Path(folder) / "empty.duckdb", on_wait)

    def _warehouse_in(self, file: Path, on_wait: Callable[[str], None] | None) -> DuckDBWarehouse:
        from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse

        return DuckDBWarehouse(file, wait_seconds=self.settings.warehouse_wait_seconds, on_wait=on_wait)
