"""One run at a time; refuses to let a run go on whose lease another run has taken over.

The lease keeps a second run from doing work in vain; what keeps it from doing harm is its token and the compare-and-set
of the pointer, both looked at inside the publishing transaction. So it may be wrong about who is alive without harm.
"""

from __future__ import annotations

import os
import socket
from dataclasses import dataclass
from datetime import datetime, timedelta

from shelfgate.errors import WarehouseBusy
from shelfgate.warehouse import Session

NAME = "refresh"
DURATION = timedelta(minutes=30)
"""Longer than any stage at scale 1 takes (under a minute), and every stage and every look at Airbyte renews it."""


@dataclass(frozen=True)
class Lease:
    """The right to be the one run, as long as no later token has been given out."""

    owner: str
    token: int
    expires_at: datetime


def take(session: Session, owner: str, duration: timedelta = DURATION) -> Lease:
    """Take the lease if nobody has it, if it has expired by the warehouse's clock, or if its holder's process is gone.

    Raises:
        WarehouseBusy: another run has it.
    """
    with session.transaction("lease"):
        found = session.rows("select * from ops.lease where name = ?", [NAME])[0]
        now = warehouse_time(session)
        free = found["owner"] is None or found["owner"] == owner or found["expires_at"] <= now
        if not free and not _gone(found["holder"]):
            raise _held(found["owner"], found["expires_at"])
        lease = Lease(owner, found["token"] + 1, now + duration)
        moved = session.run(
            "update ops.lease set owner = ?, token = ?, expires_at = ?, holder = ? where name = ? and token = ?",
            [owner, lease.token, lease.expires_at, _here(), NAME, found["token"]],
        )
        if moved != 1:
            raise _held(None, None)
    return lease


def renew(session: Session, lease: Lease, duration: timedelta = DURATION) -> Lease:
    """Push the expiry on.

    Raises:
        WarehouseBusy: another run has taken the lease over.
    """
    with session.transaction("lease"):
        until = warehouse_time(session) + duration
        moved = session.run(
            "update ops.lease set expires_at = ? where name = ? and token = ?", [until, NAME, lease.token]
        )
        if moved != 1:
            raise lost(lease.token)
    return Lease(lease.owner, lease.token, until)


def release(session: Session, lease: Lease) -> bool:
    """Give the lease back; False if it was another run's already."""
    with session.transaction("lease"):
        moved = session.run(
            "update ops.lease set owner = null, expires_at = null, holder = null where name = ? and token = ?",
            [NAME, lease.token],
        )
    return moved == 1


def refuse_while_held(session: Session) -> None:
    """For work on the whole file, which no run may share; takes no lease.

    Raises:
        WarehouseBusy: a run that is alive, or may be, has it.
    """
    for found in session.rows("select * from ops.lease where name = ?", [NAME]):
        free = found["owner"] is None or found["expires_at"] <= warehouse_time(session)
        if not free and not _gone(found["holder"]):
            raise _held(found["owner"], found["expires_at"])


def release_of(session: Session, owner: str) -> None:
    """Give back whatever lease this run has: for one that does not know whether it got one."""
    with session.transaction("lease"):
        session.run(
            "update ops.lease set owner = null, expires_at = null, holder = null where name = ? and owner = ?",
            [NAME, owner],
        )


def refuse_a_lost_lease(session: Session, token: int) -> None:
    """Inside the publishing transaction: only the holder of the newest token may go on. The update makes a write
    conflict of a takeover that commits at the same time.

    Raises:
        WarehouseBusy: another run has taken the lease over.
    """
    if session.run("update ops.lease set token = token where name = ? and token = ?", [NAME, token]) != 1:
        raise lost(token)


def lost(token: int) -> WarehouseBusy:
    return WarehouseBusy(
        f"lease: another run has taken over since this one last renewed its lease (token {token}). Nothing was "
        "published by this run; the other one goes on."
    )


def warehouse_time(session: Session) -> datetime:
    """UTC by the warehouse's clock: the only one that all runs share."""
    return session.rows(f"select {session.utc_now} as now")[0]["now"]


def _held(owner: str | None, expires_at: datetime | None) -> WarehouseBusy:
    holder = f"run {owner}" if owner else "another run"
    until = f" until {expires_at:%Y-%m-%d %H:%M:%S} UTC at the latest" if expires_at else ""
    return WarehouseBusy(f"lease: {holder} holds the warehouse{until}. Nothing was changed; run again after it.")


def _here() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


def _gone(holder: str | None) -> bool:
    """True only if the holder ran on this machine and its process is no more; unknown is not gone."""
    host, _, pid = (holder or "").rpartition(":")
    if host != socket.gethostname() or not pid.isdigit():
        return False
    try:
        os.kill(int(pid), 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False
