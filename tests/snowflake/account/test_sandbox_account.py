"""The sandbox's estate with an account for a warehouse: what `down` and `up` keep, and what is left behind."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox import stack
from sandbox.home import Home
from shelfgate.errors import ConfigurationError
from shelfgate.settings import Settings, read_settings_file
from shelfgate.warehouse import install, open_warehouse
from tests.conftest import at_home


def up(home: Path, warehouse: str | None = None) -> stack.StackInfo:
    return stack.up(home, warehouse=warehouse, with_parent=os.getpid(), on_progress=lambda _: None)


@pytest.mark.proofs
def test_down_and_up_keep_the_account_and_leave_nothing_in_between(
    tmp_path: Path, prefect_server: str, generated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    at_home(tmp_path, prefect_server, generated, monkeypatch)
    place = Home(tmp_path)
    try:
        assert str(up(tmp_path, "snowflake").warehouse).startswith("snowflake://127.0.0.1:")
        with open_warehouse(Settings.load()).turn() as session:
            install(session)
            session.insert("ops.source_total", ["run_id", "dataset", "row_count"], [("kept", "item", 7)])
        keys = {file.name: file.read_bytes() for file in place.snowflake.glob("*.p8")}
        assert {file.stat().st_mode & 0o777 for file in place.snowflake.glob("*.p8")} == {0o600}
        assert len(keys) == 6
        stack.down(tmp_path)

        assert not (place.snowflake / "staged").exists()
        assert read_settings_file(place.settings) == {"SHELFGATE_TARGET": "snowflake"}
        with pytest.raises(ConfigurationError, match="lands in snowflake; duckdb was asked for"):
            up(tmp_path, "duckdb")

        up(tmp_path)
        assert {file.name: file.read_bytes() for file in place.snowflake.glob("*.p8")} == keys
        with open_warehouse(Settings.load()).turn() as session:
            install(session)
            assert session.rows("select row_count from ops.source_total where run_id = 'kept'") == [{"row_count": 7}]
    finally:
        stack.down(tmp_path)
