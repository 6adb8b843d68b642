"""Leases: who is doing something that only one may do. A dead holder's lease ends with its process, never needs a hand."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sql

from flows.store.ledger import Ledger, metadata, put, text

leases = sql.Table(
    "leases", metadata,
    sql.Column("name", sql.Text, primary_key=True),
    sql.Column("owner", sql.Text, nullable=False),          # host:pid:start of the process, so that a dead owner is recognised
    sql.Column("purpose", sql.Text, nullable=False),
    sql.Column("taken_at", sql.Text, nullable=False),
    sql.Column("expires_at", sql.Text, nullable=False),
)


class LeaseTaken(Exception):
    """Somebody else is doing this right now."""


def myself() -> str:
    """This process as a lease owner: host, pid and the kernel's start time of the pid, which tells a reused pid from the old one."""
    return f"{socket.gethostname()}:{os.getpid()}:{process_started(os.getpid())}"


def process_started(pid: int) -> str:
    """The kernel's start time of a process, in clock ticks since boot; '0' when it is gone, a zombie, or the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return "0" if fields[0] == "Z" else fields[19]
    except (OSError, IndexError):
        return "0"


def owner_is_dead(owner: str) -> bool:
    """True only when the owner ran on this host and is certainly gone."""
    host, pid, started = owner.rsplit(":", 2)
    return host == socket.gethostname() and Path("/proc/self").exists() and process_started(int(pid)) != started


def holder(ledger: Ledger, name: str, *, now: datetime) -> str | None:
    """The owner who holds `name` and lives; None: nobody does."""
    with ledger.begin() as connection:
        row = connection.execute(sql.select(leases).where(leases.c.name == name)).mappings().first()
    return row["owner"] if row is not None and not owner_is_dead(row["owner"]) and row["expires_at"] > (text(now) or "") else None


def extend(ledger: Ledger, name: str, owner: str, *, now: datetime, lasts: timedelta = timedelta(hours=6)) -> None:
    """Hold on to what this owner holds."""
    with ledger.begin() as connection:
        connection.execute(sql.update(leases).where(leases.c.name == name, leases.c.owner == owner).values(expires_at=text(now + lasts)))


@contextmanager
def lease(ledger: Ledger, name: str, *, purpose: str, now: datetime, lasts: timedelta = timedelta(hours=6)) -> Iterator[str]:
    """Hold `name` alone. Raises LeaseTaken with the holder and the next move. A dead holder on this host, or an expired one, is replaced."""
    owner = myself()
    try:
        _take(ledger, name, owner, purpose, now, lasts)
    except sql.exc.IntegrityError:                  # a database that lets two begin: the other one's row was there first
        raise LeaseTaken(f"somebody has taken {name!r} at this very moment; try again when they are done") from None
    try:
        yield owner
    finally:
        with ledger.begin() as connection:
            connection.execute(sql.delete(leases).where(leases.c.name == name, leases.c.owner == owner))


def _take(ledger: Ledger, name: str, owner: str, purpose: str, now: datetime, lasts: timedelta) -> None:
    with ledger.begin() as connection:
        row = connection.execute(sql.select(leases).where(leases.c.name == name)).mappings().first()
        if row is not None and not owner_is_dead(row["owner"]) and row["expires_at"] > (text(now) or ""):
            host, pid, _ = row["owner"].rsplit(":", 2)
            raise LeaseTaken(
                f"{row['purpose']} has held {name!r} since {row['taken_at'][:19]} UTC (process {pid} on {host}); "
                f"wait for it to end, or stop that process: the hold ends with it"
            )
        put(connection, leases, {"name": name}, {"owner": owner, "purpose": purpose, "taken_at": text(now), "expires_at": text(now + lasts)})
