"""Whole files, copied so that nobody takes an unfinished one for a finished one, and held as DuckDB holds them."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from shelfgate.disk_room import free_bytes
from shelfgate.errors import PermanentFailure, WarehouseBusy

_CHUNK = 8 * 1024 * 1024


@contextmanager
def unfinished(target: Path) -> Iterator[Path]:
    """A name of this process's own beside the target; whatever is left of it, or of one that died, is removed."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as error:
        raise PermanentFailure(
            f"{target.parent.absolute()}: {error.strerror}. Expected a folder that this user may write. Nothing was "
            "changed."
        ) from error
    for left in target.parent.glob(f".{target.name}.*.part*"):
        if not _alive(left.name.removeprefix(f".{target.name}.").partition(".")[0]):
            left.unlink(missing_ok=True)
    part = target.with_name(f".{target.name}.{os.getpid()}.part")
    try:
        yield part
    finally:
        part.unlink(missing_ok=True)
        for log, _ in logs_of(part):
            log.unlink(missing_ok=True)


def _alive(pid: str) -> bool:
    try:
        os.kill(int(pid), 0)
    except PermissionError:
        return True  # another user's
    except (ValueError, OverflowError, ProcessLookupError):
        return False
    return True


@contextmanager
def held(file: Path) -> Iterator[BinaryIO]:
    """Hold the file as DuckDB would. Never while this process has it open: closing one of two drops the lock of both.

    Raises:
        WarehouseBusy: another process has it.
    """
    with file.open("r+b") as handle:
        try:
            fcntl.lockf(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise WarehouseBusy(
                f"warehouse {file.name}: another process holds the file. Nothing was changed; run again after it."
            ) from None
        yield handle


def copy_of(source: Path, target: Path) -> int:
    """As `copied`, of a file that nobody holds."""
    with source.open("rb") as handle:
        return copied(handle, target)


def copied(source: BinaryIO, target: Path) -> int:
    """Copy the bytes to a new file that only this user may read, and to the disk; answers how many."""
    size = os.fstat(source.fileno()).st_size
    try:
        with os.fdopen(_created(target), "wb") as written:
            while chunk := source.read(_CHUNK):
                written.write(chunk)
            written.flush()
            os.fsync(written.fileno())
    except OSError as error:
        raise PermanentFailure(
            f"{target.parent.absolute()}: {error.strerror} while {Path(source.name).name} was copied. Expected room "
            f"for {size / 1e6:,.0f} MB there, {free_bytes(target.parent) / 1e6:,.0f} MB are free. The copy was "
            "removed, nothing else was changed."
        ) from error
    return size


def _created(file: Path) -> int:
    return os.open(file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)


def flush(folder: Path) -> None:
    """A name is on the disk when its folder is."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def logs_of(file: Path) -> list[tuple[Path, str]]:
    """The logs beside a file, each with what its name has beyond the file's: DuckDB 1.5 keeps up to three while
    it checkpoints."""
    suffixes = (".wal", ".wal.checkpoint", ".wal.recovery")
    return [(log, suffix) for suffix in suffixes if (log := beside(file, suffix)).exists()]


def drop_logs_kept_aside(file: Path) -> None:
    """End a restore that was killed: remove the logs that it has kept aside for the file before this one."""
    if _logs_kept_aside(file):
        # Whoever holds the file does this, or has done it; what cannot be held, DuckDB cannot open either.
        with suppress(WarehouseBusy, OSError), held(file):
            for log in _logs_kept_aside(file):
                log.unlink(missing_ok=True)


def _logs_kept_aside(file: Path) -> list[Path]:
    """Those with a second name beside another file than this one; DuckDB gives a log of its own one name."""
    if not file.exists():
        return []
    return [
        log
        for log, suffix in logs_of(file)
        for kept in file.parent.glob(f"{file.name}.aside-*{suffix}")
        if _same(kept, log) and not _same(kept.with_name(kept.name.removesuffix(suffix)), file)
    ]


def _same(one: Path, other: Path) -> bool:
    try:
        return one.samefile(other)
    except FileNotFoundError:
        return False


def beside(file: Path, suffix: str) -> Path:
    return file.with_name(f"{file.name}{suffix}")
