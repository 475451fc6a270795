"""Estates to run whole days on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from sandbox import estate
from tests.e2e.house import House


@contextmanager
def house_at(home: Path) -> Iterator[House]:
    estate.up(home, with_parent=os.getpid(), on_progress=lambda _: None)
    try:
        yield House(home)
    finally:
        estate.down(home)


@pytest.fixture
def house(
    tmp_path: Path, prefect_server: str, generated: Path, _clean_environment: None, monkeypatch: pytest.MonkeyPatch
) -> Iterator[House]:
    """An empty estate, and an environment in which commands and flows find it."""
    monkeypatch.setenv("SHELFGATE_HOME", str(tmp_path))
    monkeypatch.setenv("SHELFGATE_SANDBOX_CACHE", str(generated))
    monkeypatch.setenv("PREFECT_API_URL", prefect_server)
    with house_at(tmp_path) as one:
        yield one
