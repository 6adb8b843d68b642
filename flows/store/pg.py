"""A connection to the PostgreSQL that marts are published to: how it is made, what its refusals mean, and waiting politely for its readers."""

from __future__ import annotations

import ipaddress
import socket
import ssl
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, TypeVar

import sqlalchemy as sql

LOCK_TIMEOUT = "700ms"      # below deadlock_timeout (1 s by default): it is we who give way, never a reader whom PostgreSQL chooses
BETWEEN_ATTEMPTS = 1.0      # seconds
CONNECT_WITHIN = 15         # seconds
# "PostgreSQL Error Codes": lock_not_available, dependent_objects_still_exist, program_limit_exceeded
IN_USE, STILL_NEEDED, TOO_LONG = "55P03", "2BP01", "54000"

Outcome = TypeVar("Outcome")


class PostgresError(Exception):
    """The marts are not in PostgreSQL as they should be; the text says why and what to do. Never holds the password."""

    def __init__(self, text: str, *, code: str = "") -> None:
        super().__init__(text)
        self.code = code


@contextmanager
def connected(address: str, *, tls_ca: str | None = None, allow_plain: bool = False) -> Iterator[sql.Connection]:
    """One session, in UTC. Raises PostgresError, for whatever PostgreSQL refuses within as well."""
    try:
        url = sql.make_url(address)
    except sql.exc.ArgumentError:
        raise PostgresError("its address cannot be read; it looks like postgresql://user:password@host/database") from None
    if url.drivername.split("+")[0] not in ("postgresql", "postgres") or not url.host or not url.database or url.query:
        raise PostgresError("its address is to be postgresql://user:password@host/database, without options: TLS is on, see tls_ca and allow_plain")
    context = None if is_here(url.host) or allow_plain else ssl.create_default_context(cafile=tls_ca)
    engine = sql.create_engine(url.set(drivername="postgresql+pg8000"), poolclass=sql.NullPool, hide_parameters=True,
                               connect_args={"application_name": "meridian", "ssl_context": context, "timeout": CONNECT_WITHIN})
    try:
        # pg8000 knows one time-out for everything, and loading may take its time: a host that is gone, or accepts and never answers, must not cost as long
        socket.create_connection((url.host, url.port or 5432), timeout=CONNECT_WITHIN).close()
        with engine.connect() as connection:
            connection.connection.driver_connection._usock.settimeout(None)  # type: ignore[union-attr]
            run(connection, "set time zone 'UTC'")
            connection.commit()
            yield connection
    except (sql.exc.DBAPIError, OSError) as error:
        code, words = refusal(error)
        raise PostgresError(words.replace(str(url.password or "***"), "***"), code=code) from None
    finally:
        engine.dispose()


def is_here(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def refusal(error: BaseException) -> tuple[str, str]:
    """(SQLSTATE, PostgreSQL's own words), without the statement and its parameters."""
    cause: Any = getattr(error, "orig", None) or error
    said = cause.args[0] if getattr(cause, "args", ()) else None
    if isinstance(said, dict):                      # pg8000: the fields of the protocol's ErrorResponse
        return str(said.get("C", "")), " ".join(f"{said.get('M', '')} {said.get('D', '')}".split())[:400]
    return "", " ".join(str(cause).split())[:400] or type(cause).__name__


def run(connection: sql.Connection, statement: str) -> Any:
    """A statement as it stands. Names and values in it went through quoted() and literal()."""
    return connection.exec_driver_sql(statement)


def rows(connection: sql.Connection, statement: str) -> Sequence[Any]:
    return run(connection, statement).fetchall()


def patiently(
    connection: sql.Connection, act: Callable[[], Outcome], *, patience: float, sleep: Callable[[float], None] = time.sleep,
    what: str = "a table is being read and cannot be changed",
) -> Outcome:
    """`act` in a transaction of its own, again while readers hold a table that it wants for itself alone. Nobody waits for us longer than LOCK_TIMEOUT.

    patience: seconds. Raises PostgresError that names who is in the way.
    """
    waited = 0.0
    while True:
        try:
            with connection.begin():
                run(connection, f"set local lock_timeout = '{LOCK_TIMEOUT}'")
                return act()
        except sql.exc.DBAPIError as error:
            if refusal(error)[0] != IN_USE:
                raise
            if waited >= patience:
                raise PostgresError(f"{what}: {_sessions(connection)}", code=IN_USE) from None
        sleep(BETWEEN_ATTEMPTS)
        waited += BETWEEN_ATTEMPTS


def _sessions(connection: sql.Connection) -> str:
    with connection.begin():
        found = rows(connection, "select usename, coalesce(nullif(application_name, ''), '?'), pid from pg_stat_activity "
                                 "where datname = current_database() and pid <> pg_backend_pid() and xact_start is not null order by xact_start limit 3")
    return "; ".join(f"{user} with {application} (pid {pid})" for user, application, pid in found) or "by somebody who has gone by now"
