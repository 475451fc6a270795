"""How much room a disk has. Apart, because a full disk is met by libraries that hide it behind errors of their own."""

from __future__ import annotations

import os
from pathlib import Path

from shelfgate.errors import PermanentFailure

LEAST_BYTES = 50_000_000
"""What a run writes beside its data, several times over. Measured on 2026-12-01 over one refresh at scale 0.01: a fresh
Prefect server's database with its write-ahead log 4.9 MB, after the refresh 6.1 MB; the pages of the run 2.1 MB."""


def free_bytes(folder: Path) -> int:
    """Room for this user on the disk of a folder, or of the nearest one above it that is there."""
    there = next(one for one in (folder.absolute(), *folder.absolute().parents) if one.exists())
    found = os.statvfs(there)
    return found.f_bavail * found.f_frsize


def refuse_full_disk(folder: Path, purpose: str, needed: int = LEAST_BYTES) -> None:
    """
    Raises:
        PermanentFailure: fewer than `needed` bytes are free.
    """
    if (free := free_bytes(folder)) < needed:
        raise PermanentFailure(
            f"{folder.absolute()}: {free / 1e6:.1f} MB are free on its disk. Expected {needed / 1e6:.0f} MB for "
            f"{purpose}. Readers keep the last publication. Make room there, then run again."
        )
