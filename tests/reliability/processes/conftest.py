"""A small warehouse on which day 0 is published."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.reliability.processes.small_process import look
from tests.reliability.processes.small_run import run_day


@pytest.fixture(scope="session")
def day_0(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("small") / "day_0.duckdb"
    assert run_day(file, 0).publication_id == "pub-000001"
    assert look(file) == 0
    return file


@pytest.fixture
def file(day_0: Path, tmp_path: Path) -> Path:
    copied = tmp_path / "warehouse.duckdb"
    shutil.copy(day_0, copied)
    return copied
