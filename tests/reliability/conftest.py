"""What the proofs share: an installed warehouse file to copy."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.reliability.model.engine_room import make_template


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "warehouse.duckdb"
    make_template(path)
    return path
