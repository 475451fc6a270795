"""A disk that is full, a folder that may not be written: a clear error, nothing half published, the next run heals."""

from __future__ import annotations

from pathlib import Path

import pytest

from shelfgate.errors import PermanentFailure
from tests.reliability.processes.small_process import converges, ended, look, start
from tests.reliability.processes.small_run import run_day

MANY_ROWS = "200000"
# From the first write (the lease) to the last: of 200,000 rows a week the file would need 10 MB more.
LIMITS = [8_000, 100_000, 1_000_000, 6_000_000]


@pytest.mark.parametrize(
    "limit", [100_000, *(pytest.param(n, marks=pytest.mark.proofs) for n in LIMITS if n != 100_000)]
)
def test_a_full_disk_ends_the_run_with_a_clear_error_and_the_next_run_works(file: Path, limit: int) -> None:
    status, said = ended(start(file, 1, "--rows", MANY_ROWS, "--file-limit", str(limit)))

    assert status == PermanentFailure.exit_status, said
    assert "File too large" in said
    assert "room on their disk" in said
    assert "Traceback" not in said
    assert look(file) == 0
    converges(file, 1)


@pytest.mark.parametrize(("folder_mode", "file_mode"), [(0o555, 0o644), (0o755, 0o444)])
def test_a_warehouse_that_may_not_be_written_is_a_clear_error(file: Path, folder_mode: int, file_mode: int) -> None:
    folder = file.parent / "kept"
    folder.mkdir()
    kept = file.rename(folder / file.name)
    kept.chmod(file_mode)
    folder.chmod(folder_mode)
    try:
        status, said = ended(start(kept, 1, "--obey-modes"))
    finally:
        folder.chmod(0o755)
        kept.chmod(0o644)

    assert status == PermanentFailure.exit_status, said
    assert "Permission denied" in said
    assert "Expected a file and a folder that this user may write" in said
    assert look(kept) == 0
    converges(kept, 1)


def test_a_folder_that_does_not_exist_and_cannot_be_made_is_a_clear_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file, where a folder was wanted")

    with pytest.raises(PermanentFailure, match="Expected a file and a folder that this user may write"):
        run_day(tmp_path / "taken" / "warehouse.duckdb", 0)
