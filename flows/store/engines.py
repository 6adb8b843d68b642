"""An engine on the ledger's database, in which transactions come one after the other: SQLite's file, or a PostgreSQL that several hosts share.

`begin immediate` lets one SQLite transaction write at a time, and all that reads first and writes then is right because of it. PostgreSQL's counterpart is
an advisory lock that every transaction of the ledger takes at its beginning and lets go of with its end; statements behind it see all that was committed
before. It costs one more round trip (0.1 ms on one machine), and no function of the ledger has to know.

With the lock in hand a transaction also asks for the leases that its process believes to hold (leases.py). Whoever has lost one, cut off from the
network while somebody else took over, writes nothing any more: that is asked where nobody can take a lease in between.
"""

from __future__ import annotations

import os
import socket
import ssl
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import cache
from pathlib import Path
from typing import Any
from weakref import WeakKeyDictionary

import sqlalchemy as sql

from flows.store.pg import CONNECT_WITHIN, is_here, refusal
from flows.store.postgres_options import ALLOW_PLAIN, TLS_CA
from flows.store.refused import DiskFull, LedgerUnreachable, full, says_disk_full

LOCK = 0x4D6572696469616E              # pg_advisory_xact_lock's key: "Meridian"
IDLE_WITHIN = 60                        # seconds; of a host that fell silent in a transaction PostgreSQL lets go of the lock by then
WAIT_WITHIN = 90                        # for the lock; longer than IDLE_WITHIN
ANSWER_WITHIN = 120                     # for any answer; longer than WAIT_WITHIN
SILENT_WITHIN = 30                      # for the acknowledgement of a packet, on both sides

# Classes of "PostgreSQL Error Codes" that say something of the server or of who we are there, and nothing of the statement.
NOT_OURS = ("08", "25", "28", "3D", "53", "55", "57", "58")

_held: WeakKeyDictionary[sql.Engine, dict[str, str]] = WeakKeyDictionary()     # lease -> owner, as this process believes
_free = threading.local()               # set in the thread that just now takes, extends or lets go of a lease


class LeaseTaken(Exception):
    """Somebody else is doing this right now."""


class LeaseLost(LeaseTaken):
    """We were doing this, were not heard of for too long, and somebody else does it now. Nothing of the transaction that met it was written."""


def engine_of(url: str) -> sql.Engine:
    """Of an SQLAlchemy URL. One engine a PostgreSQL and process: each keeps up to 15 connections."""
    return _postgres(url, os.getpid()) if is_postgres(url) else _sqlite(url)


def is_postgres(url: str) -> bool:
    return url.partition("://")[0].partition("+")[0] in ("postgresql", "postgres")


def _sqlite(url: str) -> sql.Engine:
    engine = sql.create_engine(url)
    if engine.dialect.name == "sqlite":
        @sql.event.listens_for(engine, "connect")
        def configure(connection: Any, _record: Any) -> None:
            # WAL lets `meridian status` read while a night writes; FULL makes a commit survive a power cut.
            connection.isolation_level = None
            connection.execute("pragma journal_mode = wal")
            connection.execute("pragma synchronous = full")
            connection.execute("pragma busy_timeout = 30000")

        @sql.event.listens_for(engine, "begin")
        def begin(connection: sql.Connection) -> None:
            # pysqlite's deferred begin lets two writers deadlock on the upgrade; immediate makes the second wait.
            connection.exec_driver_sql("begin immediate")

    return engine


@cache
def _postgres(address: str, _pid: int) -> sql.Engine:
    try:
        url = sql.make_url(address)
    except sql.exc.ArgumentError:
        raise LedgerUnreachable("the ledger's address cannot be read; it looks like postgresql://user:password@host/database") from None
    if not url.host or not url.database:
        raise LedgerUnreachable("the ledger's address names no host or no database; it looks like postgresql://user:password@host/database")
    options = dict(url.query)
    tls_ca, allow_plain = options.pop(TLS_CA, None), options.pop(ALLOW_PLAIN, None)
    if options:
        raise LedgerUnreachable(f"the ledger's address has options ({', '.join(sorted(options))}); what there is to set stands in [state]: ledger_tls_ca, "
                                "ledger_allow_plain")
    context = None if is_here(url.host) or allow_plain else ssl.create_default_context(cafile=str(tls_ca) if tls_ca else None)
    engine = sql.create_engine(
        url.set(drivername="postgresql+pg8000", query={}), hide_parameters=True, pool_pre_ping=True,
        connect_args={"application_name": "meridian", "ssl_context": context, "timeout": CONNECT_WITHIN})

    @sql.event.listens_for(engine, "connect")
    def configure(connection: Any, _record: Any) -> None:
        own: socket.socket = connection._usock
        own.settimeout(ANSWER_WITHIN)
        with suppress(OSError, AttributeError):             # not every system has it
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, SILENT_WITHIN * 1000)
        with suppress(OSError, AttributeError):
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE, 10)
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL, 5)
            own.setsockopt(socket.IPPROTO_TCP, socket.TCP_KEEPCNT, 4)
        cursor = connection.cursor()
        for name, value in {"timezone": "UTC", "lock_timeout": f"{WAIT_WITHIN}s", "idle_in_transaction_session_timeout": f"{IDLE_WITHIN}s",
                            "tcp_keepalives_idle": 10, "tcp_keepalives_interval": 5, "tcp_keepalives_count": 4,
                            "tcp_user_timeout": SILENT_WITHIN * 1000}.items():
            cursor.execute(f"set {name} = '{value}'")
        connection.commit()

    @sql.event.listens_for(engine, "begin")
    def begin(connection: sql.Connection) -> None:
        connection.exec_driver_sql(f"select pg_advisory_xact_lock({LOCK})")
        if not getattr(_free, "is_set", False):
            _ask_for_leases(connection, _held.get(engine, {}))

    return engine


def _ask_for_leases(connection: sql.Connection, held: Mapping[str, str]) -> None:
    for name, owner in list(held.items()):
        found = connection.execute(sql.text("select owner from leases where name = :name"), {"name": name}).scalar()
        if found != owner:
            now = f"process {found.rsplit(':', 2)[1]} on {host_of(found)} has it now" if found else "somebody had it since and is done"
            raise LeaseLost(f"this run was not heard of for too long and lost {name!r}: {now}. Nothing more of it is written; what it had sealed counts, "
                            "and whoever took over goes on behind it")


def host_of(owner: str) -> str:
    """The host's name out of an owner, `[<token>@]<host>[~<machine>]:<pid>:<start>`."""
    return owner.rsplit(":", 2)[0].rpartition("@")[2].partition("~")[0]


def hold(engine: sql.Engine, name: str, owner: str) -> None:
    """From now on this process writes only while it has that lease."""
    _held.setdefault(engine, {})[name] = owner


def let_go(engine: sql.Engine, name: str) -> None:
    _held.get(engine, {}).pop(name, None)


@contextmanager
def unfenced() -> Iterator[None]:
    """Within, in this thread: transactions that are about leases themselves."""
    _free.is_set = True
    try:
        yield
    finally:
        _free.is_set = False


@contextmanager
def told(engine: sql.Engine) -> Iterator[None]:
    """Say in words what keeps us from the ledger's PostgreSQL, or from its file on a full disk. Raises LedgerUnreachable, DiskFull."""
    try:
        yield
    except sql.exc.DBAPIError as error:
        if engine.dialect.name == "sqlite" and engine.url.database and says_disk_full(error, Path(engine.url.database).parent):
            raise DiskFull(full(Path(engine.url.database))) from None
        code, words = refusal(error)
        if engine.dialect.name != "postgresql" or (code and code[:2] not in NOT_OURS):
            raise
        url = engine.url
        words = words.replace(str(url.password or "***"), "***")
        raise LedgerUnreachable(f"the ledger at {url.host}:{url.port or 5432}/{url.database} cannot be used: {words}. See [state] in meridian.toml") from None
