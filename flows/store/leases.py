"""Leases: who is doing something that only one may do. A dead holder's lease ends with its process, never needs a hand.

In SQLite, which is one machine's, a dead process is recognised by its pid, and a lease lasts six hours at most. In a PostgreSQL that several hosts share a
holder says every BEAT that it lives, and one that was not heard of for LASTS, by the database's clock, is replaced. It may live nevertheless, cut off from
the network: what it then wants to write is refused, see engines.py.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

import sqlalchemy as sql

from flows.store import engines
from flows.store.engines import LeaseLost, LeaseTaken
from flows.store.ledger import Ledger, metadata, text
from flows.store.rows import put

__all__ = ["LeaseLost", "LeaseTaken", "extend", "holder", "lease", "leases", "myself", "only_while", "owner_is_dead", "process_of", "process_started"]

leases = sql.Table(
    "leases", metadata,
    sql.Column("name", sql.Text, primary_key=True),
    sql.Column("owner", sql.Text, nullable=False),          # token@host~machine:pid:start of the process, so that a dead owner is recognised
    sql.Column("purpose", sql.Text, nullable=False),
    sql.Column("taken_at", sql.Text, nullable=False),
    sql.Column("expires_at", sql.Text, nullable=False),
)

SIX_HOURS = timedelta(hours=6)
LASTS = timedelta(minutes=2)            # where hosts share the ledger; six beats
BEAT = timedelta(seconds=20)


def myself() -> str:
    """This process as a lease owner: host, pid and the kernel's start time of the pid, which tells a reused pid from the old one."""
    return f"{socket.gethostname()}{_machine()}:{os.getpid()}:{process_started(os.getpid())}"


@cache
def _machine() -> str:
    """Tells two hosts apart that call themselves the same, `localhost` for instance; '' where the system has no name for itself."""
    try:
        written = Path("/etc/machine-id").read_text(encoding="utf-8").strip()
    except OSError:
        written = ""
    return f"~{hashlib.sha256(written.encode()).hexdigest()[:8]}" if written else ""


def process_started(pid: int) -> str:
    """The kernel's start time of a process, in clock ticks since boot; '0' when it is gone, a zombie, or the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
        return "0" if fields[0] == "Z" else fields[19]
    except (OSError, IndexError):
        return "0"


def owner_is_dead(owner: str) -> bool:
    """True only when the owner ran on this host and is certainly gone."""
    where, pid, started = owner.rpartition("@")[2].rsplit(":", 2)
    host, _, machine = where.partition("~")
    is_here = host == socket.gethostname() and f"~{machine}" in ("~", _machine())       # earlier versions wrote no machine
    return is_here and Path("/proc/self").exists() and process_started(int(pid)) != started


def process_of(owner: str) -> str:
    """For people."""
    return f"process {owner.rsplit(':', 2)[1]} on {engines.host_of(owner)}"


def holder(ledger: Ledger, name: str, *, now: datetime) -> str | None:
    """The owner who holds `name` and lives; None: nobody does."""
    with ledger.begin() as connection:
        row = connection.execute(sql.select(leases).where(leases.c.name == name)).mappings().first()
        return row["owner"] if row is not None and _lives(row, _clock(connection, now)) else None


def _lives(row: sql.RowMapping, now: datetime) -> bool:
    return not owner_is_dead(row["owner"]) and row["expires_at"] > (text(now) or "")


def _clock(connection: sql.Connection, now: datetime) -> datetime:
    """Between hosts the database's clock counts: theirs may differ by more than a lease lasts."""
    return connection.execute(sql.text("select clock_timestamp()")).scalar_one() if _is_shared(connection) else now


def _is_shared(by: sql.Connection | Ledger) -> bool:
    return by.dialect.name == "postgresql"


def extend(ledger: Ledger, name: str, owner: str, *, now: datetime, lasts: timedelta = SIX_HOURS) -> None:
    """Hold on to what this owner holds. Where hosts share the ledger a lease does that by itself."""
    if not _is_shared(ledger):
        _extend(ledger, name, owner, now, lasts)


def _extend(ledger: Ledger, name: str, owner: str, now: datetime, lasts: timedelta) -> bool:
    with engines.unfenced(), ledger.begin() as connection:
        until = text(_clock(connection, now) + lasts)
        return bool(connection.execute(sql.update(leases).where(leases.c.name == name, leases.c.owner == owner).values(expires_at=until)).rowcount)


@contextmanager
def lease(
    ledger: Ledger, name: str, *, purpose: str, now: datetime, lasts: timedelta = SIX_HOURS, lost: Callable[[], object] = lambda: None,
) -> Iterator[str]:
    """Hold `name` alone. Raises LeaseTaken with the holder and the next move. A dead holder on this host, or an expired one, is replaced.

    lost: called, in another thread, when somebody else has it. Within, on a shared ledger, every transaction raises LeaseLost from then on.
    """
    owner = f"{secrets.token_hex(4)}@{myself()}"
    is_shared = _is_shared(ledger)
    try:
        _take(ledger, name, owner, purpose, now, min(lasts, LASTS) if is_shared else lasts)
    except sql.exc.IntegrityError:                  # a database that lets two begin: the other one's row was there first
        raise LeaseTaken(f"somebody has taken {name!r} at this very moment; try again when they are done") from None
    try:
        with ExitStack() as held:
            if is_shared:
                engines.hold(ledger, name, owner)
                held.callback(engines.let_go, ledger, name)
                held.enter_context(_beating(ledger, name, owner, min(lasts, LASTS), now, lost))
            yield owner
    finally:
        unreached = [sql.exc.DBAPIError, OSError] if is_shared else []          # it runs out by itself
        with suppress(*unreached), engines.unfenced(), ledger.begin() as connection:
            connection.execute(sql.delete(leases).where(leases.c.name == name, leases.c.owner == owner))


@contextmanager
def only_while(ledger: Ledger, name: str, owner: str) -> Iterator[None]:
    """Within, on a shared ledger: every transaction raises LeaseLost once `owner`, another process that we work for, does not hold `name` any more."""
    engines.hold(ledger, name, owner)
    try:
        yield
    finally:
        engines.let_go(ledger, name)


@contextmanager
def _beating(ledger: Ledger, name: str, owner: str, lasts: timedelta, now: datetime, lost: Callable[[], object]) -> Iterator[None]:
    """Within, a thread says that we live. What keeps it from the ledger is not its affair: the next beat may get through."""
    over = threading.Event()

    def beat() -> None:
        while not over.wait(BEAT.total_seconds()):
            with suppress(sql.exc.SQLAlchemyError, OSError):
                if not _extend(ledger, name, owner, now, lasts) and not over.is_set():
                    lost()
                    return

    thread = threading.Thread(target=beat, name=f"lease {name}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()


def _take(ledger: Ledger, name: str, owner: str, purpose: str, now: datetime, lasts: timedelta) -> None:
    with ledger.begin() as connection:
        now = _clock(connection, now)
        row = connection.execute(sql.select(leases).where(leases.c.name == name)).mappings().first()
        if row is not None and _lives(row, now):
            raise LeaseTaken(
                f"{row['purpose']} has held {name!r} since {row['taken_at'][:19]} UTC ({process_of(row['owner'])}); "
                f"wait for it to end, or stop that process: the hold ends with it" + (" or at the latest in two minutes" if _is_shared(connection) else "")
            )
        put(connection, leases, {"name": name}, {"owner": owner, "purpose": purpose, "taken_at": text(now), "expires_at": text(now + lasts)})
