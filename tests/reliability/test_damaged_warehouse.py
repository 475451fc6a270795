"""A damaged warehouse says what it is and how to go back; backup and restore, killed at every step too."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import signal
from collections.abc import Callable
from datetime import datetime
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import duckdb
import pytest

from shelfgate.errors import ConfigurationError, PermanentFailure, WarehouseBusy, WarehouseDamaged
from shelfgate.ops.lease import take
from shelfgate.publication.backup import back_up, restore
from shelfgate.warehouse.engines.duckdb.file_copies import unfinished
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse
from tests.reliability.processes.small_process import look
from tests.reliability.processes.small_run import run_day

ROWS = 20_000
"""Of a week: so many that the weeks have blocks of their own."""


@pytest.fixture(scope="module")
def published(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A warehouse whose readers see day 0."""
    file = tmp_path_factory.mktemp("published") / "warehouse.duckdb"
    run_day(file, 0, rows=ROWS)
    return file


@pytest.fixture
def file(published: Path, tmp_path: Path) -> Path:
    home = tmp_path / "home"
    home.mkdir()
    return Path(shutil.copy(published, home / "warehouse.duckdb"))


def at(file: Path) -> DuckDBWarehouse:
    return DuckDBWarehouse(file, wait_seconds=0.2)


def read_all(file: Path) -> None:
    """As the next run would: whoever comes first to the damage tells it."""
    with at(file).turn() as session:
        for name in ("fct_weekly_sales_inventory", "fct_daily_sales"):
            session.rows(f"select sum(hash(whole)) from store.{name} as whole")


def flipped(content: bytes, at: int, length: int) -> bytes:
    return content[:at] + bytes(one ^ 0xFF for one in content[at : at + length]) + content[at + length :]


DAMAGE: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "0 bytes": (lambda _: b"", "it is no DuckDB database"),
    "a text": (lambda _: b"order_number,item\n" * 1000, "it is no DuckDB database"),
    "SQLite": (lambda _: b"SQLite format 3\0" + bytes(8192), "it is no DuckDB database"),
    "random bytes": (lambda all_: os.urandom(len(all_)), "it is no DuckDB database"),
    "a garbage header": (lambda all_: os.urandom(4096) + all_[4096:], "it is no DuckDB database"),
    "a part of the header": (lambda all_: all_[:100], "its end is missing"),
    "half of it": (lambda all_: all_[: len(all_) // 2], "its end is missing"),
    "all but the end": (lambda all_: all_[:-1000], "its end is missing"),
    "a flipped header": (lambda all_: flipped(all_, 100, 8), "a part of it was changed by something else"),
    "flipped bytes": (lambda all_: flipped(all_, len(all_) // 4, len(all_) // 2), "was changed by something else"),
}


@pytest.mark.parametrize("kind", DAMAGE)
def test_a_damaged_warehouse_says_what_it_is_and_how_to_restore(file: Path, kind: str) -> None:
    backup = back_up(at(file)).backup
    damage, what = DAMAGE[kind]
    file.write_bytes(damage(file.read_bytes()))
    damaged = file.read_bytes()

    with pytest.raises(WarehouseDamaged) as told:
        read_all(file)

    said = str(told.value)
    assert told.value.exit_status == 4
    assert what in said
    assert str(file) in said
    assert f"shelfgate restore --from {backup}" in said
    assert "room on their disk" not in said
    assert file.read_bytes() == damaged, "the file was written to"

    done = restore(at(file), Path(backup))
    assert done.content.publication == "pub-000001"
    assert Path(str(done.kept_aside)).read_bytes() == damaged
    assert look(file) == 0


def test_without_a_backup_the_message_says_so(file: Path) -> None:
    file.write_bytes(b"")

    with pytest.raises(WarehouseDamaged, match=r"No backup lies in .*/backups"):
        read_all(file)


def test_a_log_of_another_file_is_told_and_kept(file: Path, tmp_path: Path) -> None:
    """As after a restore by hand that left the log of the file before."""
    backup = Path(back_up(at(file)).backup)
    log = file.with_name(f"{file.name}.wal")
    log.write_bytes(log_of_another(tmp_path / "other.duckdb"))

    with pytest.raises(WarehouseDamaged, match=r"its write-ahead log warehouse\.duckdb\.wal is damaged, or belongs"):
        read_all(file)
    done = restore(at(file), backup)

    assert not log.exists()
    assert Path(f"{done.kept_aside}.wal").exists()
    assert look(file) == 0


def log_of_another(file: Path) -> bytes:
    child = os.fork()
    if child == 0:
        connection = duckdb.connect(str(file))
        connection.execute("create table t as select range as i from range(1000)")
        connection.execute("checkpoint")
        connection.execute("insert into t select range from range(5000)")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    return file.with_name(f"{file.name}.wal").read_bytes()


def test_a_backup_is_the_warehouse_and_was_read(file: Path, tmp_path: Path) -> None:
    done = back_up(at(file), tmp_path / "kept.duckdb")

    assert (tmp_path / "kept.duckdb").read_bytes() == file.read_bytes()
    assert (tmp_path / "kept.duckdb").stat().st_mode & 0o777 == 0o600
    assert done.content.publication == "pub-000001"
    assert done.content.rows > 2 * 6 * ROWS
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home", "kept.duckdb"]


def test_a_backup_holds_what_only_the_log_had(file: Path, tmp_path: Path) -> None:
    child = os.fork()
    if child == 0:
        run_day(file, 1, owner="one that died")
        connection = duckdb.connect(str(file))
        connection.execute("create table in_the_log as select 1 as one")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    assert file.with_name("warehouse.duckdb.wal").exists()

    done = back_up(at(file), tmp_path / "kept.duckdb")

    assert done.content.publication == "pub-000002"
    with duckdb.connect(str(tmp_path / "kept.duckdb")) as connection:
        assert connection.execute("select one from in_the_log").fetchall() == [(1,)]


def test_a_damaged_warehouse_is_not_backed_up(file: Path, tmp_path: Path) -> None:
    damage, _ = DAMAGE["flipped bytes"]
    file.write_bytes(damage(file.read_bytes()))

    with pytest.raises(WarehouseDamaged):
        back_up(at(file), tmp_path / "kept.duckdb")
    assert [one.name for one in tmp_path.iterdir()] == ["home"]


def test_a_damaged_backup_is_refused_and_nothing_changed(file: Path, tmp_path: Path) -> None:
    backup = Path(back_up(at(file), tmp_path / "kept.duckdb").backup)
    backup.write_bytes(backup.read_bytes()[:-1000])
    before = file.read_bytes()

    with pytest.raises(PermanentFailure, match="the backup is no good"):
        restore(at(file), backup)

    assert file.read_bytes() == before
    assert [one.name for one in file.parent.iterdir()] == [file.name]


def test_both_are_refused_while_a_run_has_the_lease(file: Path, tmp_path: Path) -> None:
    backup = Path(back_up(at(file), tmp_path / "kept.duckdb").backup)
    with at(file).turn() as session:
        take(session, "a run")
    before = file.read_bytes()

    with pytest.raises(WarehouseBusy, match="run a run holds the warehouse"):
        back_up(at(file), tmp_path / "another.duckdb")
    with pytest.raises(WarehouseBusy, match="run a run holds the warehouse"):
        restore(at(file), backup)

    assert file.read_bytes() == before
    assert not (tmp_path / "another.duckdb").exists()


def test_both_are_refused_while_another_process_has_the_file(file: Path, tmp_path: Path) -> None:
    backup = Path(back_up(at(file), tmp_path / "kept.duckdb").backup)
    locked, told = os.pipe()
    child = os.fork()
    if child == 0:
        handle = file.open("r+b")
        fcntl.lockf(handle, fcntl.LOCK_EX)
        os.write(told, b"!")
        signal.pause()
    os.read(locked, 1)
    try:
        with pytest.raises(WarehouseBusy, match="still holds the file"):
            back_up(at(file), tmp_path / "another.duckdb")
        with pytest.raises(WarehouseBusy, match="still holds the file"):
            restore(at(file), backup)
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


@pytest.mark.parametrize("name", ["warehouse.duckdb", "backups/none.duckdb"])
def test_what_is_no_backup_is_a_wrong_use(file: Path, name: str) -> None:
    with pytest.raises(ConfigurationError):
        restore(at(file), file.parent / name)


def test_a_backup_never_overwrites(file: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("mine")

    with pytest.raises(ConfigurationError, match="is there already"):
        back_up(at(file), tmp_path / "mine")
    assert (tmp_path / "mine").read_text() == "mine"


CALLS = ("os.open", "os.fsync", "os.link", "pathlib.Path.unlink", "pathlib.Path.replace", "pathlib.Path.rename")


def killed_at(number: int, work: Callable[[], object]) -> bool:
    """Run in a child that dies by SIGKILL before its n-th call that changes files; False: it made fewer."""
    child = os.fork()
    if child == 0:
        _die_at(number)
        try:
            work()
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    return os.WIFSIGNALED(status)


def _die_at(number: int) -> None:
    made = 0

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def call(*given: object, **more: object) -> object:
            nonlocal made
            made += 1
            if made == number:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*given, **more)

        return call

    for name in CALLS:
        owner, _, function = name.rpartition(".")
        where = os if owner == "os" else Path
        setattr(where, function, dying(getattr(where, function)))


def test_a_backup_killed_at_any_step_leaves_no_file_of_its_name(file: Path, tmp_path: Path) -> None:
    kept = tmp_path / "kept.duckdb"
    number = 1
    while killed_at(number, lambda: back_up(at(file), kept)):
        if kept.exists():
            assert kept.read_bytes() == file.read_bytes()
            kept.unlink()
        number += 1

    assert number > 3
    assert kept.read_bytes() == file.read_bytes()
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home", "kept.duckdb"]
    assert look(file) == 0


def test_a_restore_killed_at_any_step_leaves_the_one_or_the_other(file: Path, tmp_path: Path) -> None:
    backup = Path(back_up(at(file), tmp_path / "kept.duckdb").backup)
    day_0 = file.read_bytes()
    run_day(file, 1)
    day_1 = file.read_bytes()
    number = 1
    while killed_at(number, lambda: restore(at(file), backup)):
        now = file.read_bytes()
        assert now in (day_0, day_1), number
        aside = [one.read_bytes() for one in file.parent.glob("*.aside-*")]
        assert now == day_1 or day_1 in aside, "the file before is gone"
        for one in file.parent.glob("*.aside-*"):
            one.unlink()
        file.write_bytes(day_1)
        number += 1

    assert number > 4
    assert file.read_bytes() == day_0
    assert [one.read_bytes() for one in file.parent.glob("*.aside-*")] == [day_1]
    assert not list(file.parent.glob(".*"))
    assert look(file) == 0


def test_a_restore_killed_at_any_step_parts_no_file_from_its_log(tmp_path: Path) -> None:
    file = tmp_path / "home" / "warehouse.duckdb"
    run_day(file, 0, rows=1)
    backup = Path(back_up(at(file), tmp_path / "kept.duckdb").backup)
    with at(file).turn() as session:
        session.run_script("create table of_the_old_one as select 1 as one")
    log = file.with_name(f"{file.name}.wal")
    before = (file.read_bytes(), log_of_another(tmp_path / "other.duckdb"))
    log.write_bytes(before[1])
    found = set()
    number = 1
    while killed_at(number, lambda: restore(at(file), backup)):
        try:
            read_all(file)
        except WarehouseDamaged:
            found.add("the old one")
            assert (file.read_bytes(), log.read_bytes()) == before, number
        else:
            found.add("the new one")
            assert (file.read_bytes(), log.exists()) == (backup.read_bytes(), False), number
        for one in file.parent.glob("*.aside-*"):
            one.unlink()
        file.write_bytes(before[0])
        log.unlink(missing_ok=True)
        log.write_bytes(before[1])
        number += 1

    assert found == {"the old one", "the new one"}
    assert (file.read_bytes(), log.exists()) == (backup.read_bytes(), False)


def test_a_log_without_its_file_is_not_read_into_the_restored_one(file: Path, tmp_path: Path) -> None:
    """The log goes on from the very state that the backup holds: DuckDB takes it for the log of the restored file."""
    backup = Path(back_up(at(file), tmp_path / "kept.duckdb").backup)
    child = os.fork()
    if child == 0:
        connection = duckdb.connect(str(file))
        connection.execute("create table in_the_log as select 1 as one")
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    file.unlink()

    done = restore(at(file), backup)

    assert Path(str(done.kept_aside)).name.endswith(".wal")
    assert Path(str(done.kept_aside)).exists()
    with at(file).turn() as session:
        assert not session.rows("select 1 from duckdb_tables() where table_name = 'in_the_log'")


def test_two_restores_within_a_second_keep_both_files(
    file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    backup = Path(back_up(at(file), tmp_path / "kept.duckdb").backup)
    microseconds = count()
    clock = SimpleNamespace(now=lambda zone: datetime(2026, 1, 1, microsecond=next(microseconds), tzinfo=zone))
    monkeypatch.setattr("shelfgate.publication.backup.datetime", clock)

    kept = {restore(at(file), backup).kept_aside for _ in range(2)}

    assert {str(one) for one in file.parent.glob("*.aside-*")} == kept
    assert len(kept) == 2


def test_a_copy_under_way_of_another_user_is_left_alone(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = file.with_name(f".{file.name}.4711.part")
    theirs.write_bytes(b"half")

    def refused(_pid: int, _signal: int) -> None:
        raise PermissionError

    monkeypatch.setattr("shelfgate.warehouse.engines.duckdb.file_copies.os.kill", refused)
    with unfinished(file) as part:
        part.write_bytes(b"mine")

    assert theirs.exists()
    assert not part.exists()


def test_a_full_disk_ends_both_and_changes_nothing(file: Path, tmp_path: Path) -> None:
    backup = Path(back_up(at(file), tmp_path / "kept.duckdb").backup)
    before = file.read_bytes()
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
    try:
        for work in (lambda: back_up(at(file), tmp_path / "another.duckdb"), lambda: restore(at(file), backup)):
            with pytest.raises(PermanentFailure, match=r"File too large while .* Expected room for \d+ MB there"):
                work()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert file.read_bytes() == before
    assert sorted(one.name for one in tmp_path.iterdir()) == ["home", "kept.duckdb"]
    assert [one.name for one in file.parent.iterdir()] == [file.name]
