"""The lease on a real DuckDB file: one holder, an expiry by the warehouse's clock, a token that fences."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from shelfgate.errors import WarehouseBusy
from shelfgate.ops.lease import refuse_a_lost_lease, release, renew, take
from shelfgate.warehouse import Session, install
from shelfgate.warehouse.engines.duckdb.warehouse import DuckDBWarehouse


@pytest.fixture
def session(tmp_path: Path) -> Iterator[Session]:
    with DuckDBWarehouse(tmp_path / "w.duckdb").turn() as one:
        install(one)
        yield one


def test_a_second_run_is_told_who_holds_it_and_until_when(session: Session) -> None:
    lease = take(session, "first")

    with pytest.raises(WarehouseBusy, match=f"run first holds the warehouse until {lease.expires_at:%Y-%m-%d %H:%M}"):
        take(session, "second")


def test_a_lease_that_was_given_back_is_free_and_its_token_is_never_given_again(session: Session) -> None:
    first = take(session, "first")

    assert release(session, first)
    assert take(session, "second").token == first.token + 1


def test_a_run_that_begins_again_takes_its_own_lease(session: Session) -> None:
    first = take(session, "same")

    assert take(session, "same").token == first.token + 1


def test_an_expired_lease_is_taken_over_and_its_old_holder_is_fenced(session: Session) -> None:
    old = take(session, "sleeper", timedelta(seconds=-1))
    new = take(session, "next")

    assert new.token > old.token
    for step in (lambda: renew(session, old), lambda: refuse_a_lost_lease(session, old.token)):
        with pytest.raises(WarehouseBusy, match="another run has taken over"):
            step()
    assert not release(session, old)
    refuse_a_lost_lease(session, new.token)


def test_renewing_pushes_the_expiry_on(session: Session) -> None:
    lease = take(session, "one", timedelta(seconds=5))

    assert renew(session, lease, timedelta(hours=1)).expires_at > lease.expires_at


def test_a_holder_whose_process_is_gone_is_not_waited_for(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: ended.pid)
        take(session, "killed")

    assert take(session, "next").owner == "next"


def test_a_process_that_is_gone_here_may_live_on_another_machine(
    session: Session, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    with monkeypatch.context() as patch:
        patch.setattr("os.getpid", lambda: ended.pid)
        patch.setattr("socket.gethostname", lambda: "elsewhere")
        take(session, "there")

    with pytest.raises(WarehouseBusy, match="run there holds"):
        take(session, "here")


def test_a_holder_on_another_machine_is_waited_for(session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        patch.setattr("socket.gethostname", lambda: "elsewhere")
        take(session, "there")

    with pytest.raises(WarehouseBusy, match="run there holds"):
        take(session, "here")
