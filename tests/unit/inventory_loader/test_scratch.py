"""What a killed load leaves behind is cleared away by a later one; what a living one works on is not."""

from __future__ import annotations

import os
import tempfile
import time
from pathlib import Path

import pytest
from inventory_loader.errors import ScratchSpaceFailed
from inventory_loader.load import MARK, SCRATCH, SCRATCH_LIVES_SECONDS, _mark, clear_away_the_dead


def test_scratch_of_the_dead_is_cleared_away_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    dead, living, other = tmp_path / f"{SCRATCH}dead", tmp_path / f"{SCRATCH}living", tmp_path / f"{SCRATCH}of-2025"
    for folder in (dead, living, other):
        folder.mkdir()
        (folder / "rows.parquet").write_bytes(b"rows")
    for folder in (dead, living):
        (folder / MARK).touch()
    long_ago = time.time() - SCRATCH_LIVES_SECONDS - 1
    for folder in (dead, other):
        os.utime(folder, (long_ago, long_ago))

    clear_away_the_dead()

    assert {one.name for one in tmp_path.iterdir()} == {living.name, other.name}


def test_a_load_marks_its_scratch_as_its_own(tmp_path: Path) -> None:
    _mark(tmp_path)

    assert (tmp_path / MARK).exists()
    with pytest.raises(ScratchSpaceFailed, match="Nothing was loaded"):
        _mark(tmp_path / "gone")
