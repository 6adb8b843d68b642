"""Tables and views of PostgreSQL, MySQL or MariaDB, most often a replica of an ERP. How they are declared: sql_tables.py.

How reading stays complete:

- Keyset pages, in the order of (cursor, key): a page begins behind the last row of the one before, so ties on a page's border are neither skipped
  nor read twice, and a row that changes while it is read moves behind us and is met again. A stamp is asked for from `>=`, cut to the second.
- Rows whose stamp is null or lies more than a day ahead would be in no window ever: they are read every night.
- A row becomes visible when its transaction commits, with the stamp of its beginning: `lag_minutes` says how long one may last. On a PostgreSQL
  standby nothing counts as read beyond the last transaction that was replayed there ("Recovery Information Functions", pg_last_xact_replay_timestamp).
- A key that does not name one row, or is null, is an error: the pages' borders would lose rows.

How the database stays unharmed: each page is a read-only REPEATABLE READ transaction of its own with a statement time-out. One cursor over the whole
table would be simpler, but a standby cancels what is in the way of replay for longer than max_standby_streaming_delay ("Hot Standby", "Handling Query
Conflicts"), and on a primary it keeps vacuum from its work. Within a page rows come by server-side cursor, and a page ends early at PAGE_BYTES.

Drivers: pg8000 (BSD) and PyMySQL (MIT), both pure Python.
"""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import fields, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any, TypeVar

import sqlalchemy as sql
from sqlalchemy.sql.elements import ColumnElement

from connectors import sql_values as values
from connectors.rest import LOOPBACK, Quota, system_clock
from connectors.sql_catalogue import Known, behind, reflect, value
from connectors.sql_errors import as_source_error
from connectors.sql_tables import SqlOptions, Table, declare, nearest, zone_of
from connectors.stream import Json, Listed, Misconfigured, Page, Record, SourceError, Stream, UnexpectedShape, Window, landed_key, stamp_of

DRIVERS = {"postgresql": "postgresql+pg8000", "postgres": "postgresql+pg8000", "mysql": "mysql+pymysql", "mariadb": "mysql+pymysql"}
CONNECT_WITHIN = 10         # seconds
PAGE_BYTES = 32 * 1024 * 1024
ROWS_AT_ONCE = 200          # what the server-side cursor fetches; a page is cut at this granularity
ATTEMPTS = 3
FAR_AHEAD = timedelta(days=1)
PATIENCE = 300.0            # seconds to wait for a place in the quota

T = TypeVar("T")


def connect(
    name: str, options: Mapping[str, Any], *, secrets: Mapping[str, str], quota: Quota | None = None, memory: Callable[[str], Json] | None = None,
    clock: Callable[[], datetime] = system_clock, sleep: Callable[[float], None] = time.sleep,
    seal: Callable[[Stream, str], str] = lambda stream, key: key, **_: Any,
) -> Sql:
    """secrets: {"url": ...}, which is never shown. quota: statements that we may send, shared with other processes.

    seal: a landed key as it may be kept. What it changes is kept nowhere else either: such a stream is not resumed in its middle.
    """
    known = {field.name for field in fields(SqlOptions)}
    for unknown in sorted(set(options) - known):
        raise Misconfigured(f"unknown option {unknown}", source=name, mend=nearest(unknown, known))
    if not options.get("streams"):
        raise Misconfigured("no stream is declared", source=name, mend=f"add [sources.{name}.streams.<stream>] with table and key")
    chosen = SqlOptions(**options)
    tables = [declare(name, stream, settings, chosen.schema) for stream, settings in chosen.streams.items()]
    return Sql(name, _engine(name, chosen, secrets.get("url", "")), tables, chosen, quota, memory or (lambda stream: None), clock, sleep,
               seal)


def _engine(source: str, options: SqlOptions, address: str) -> sql.Engine:
    mend = 'name the environment variable that holds it: url_env = "..."; it looks like postgresql://user:password@host/database'
    try:
        url = sql.make_url(address)
    except sql.exc.ArgumentError:
        raise Misconfigured("the address of the database cannot be read" if address else "no address is set", source=source, mend=mend) from None
    driver = DRIVERS.get(url.drivername.split("+")[0])
    if driver is None or not url.host or not url.database:
        raise Misconfigured("the address names no PostgreSQL, MySQL or MariaDB with host and database", source=source, mend=mend)
    if url.query:
        raise Misconfigured(f"the address has options ({', '.join(sorted(url.query))})", source=source,
                            mend="take them out; TLS is on and verified unless the host is this machine: see tls_ca and allow_plain")
    context = None
    if url.host not in LOOPBACK and not options.allow_plain:
        context = ssl.create_default_context(cafile=options.tls_ca or None)
    patience = options.statement_timeout + 30
    is_postgres = driver.startswith("postgresql")
    arguments: dict[str, Any] = {"application_name": "meridian", "ssl_context": context, "timeout": patience} if is_postgres else {
        "connect_timeout": CONNECT_WITHIN, "read_timeout": patience, "write_timeout": patience, "charset": "utf8mb4", "ssl": context,
        "program_name": "meridian"}
    try:
        engine = sql.create_engine(url.set(drivername=driver), connect_args=arguments, hide_parameters=True, pool_pre_ping=True, pool_size=8)
    except ModuleNotFoundError as error:
        raise Misconfigured(f"the driver {error.name} is not installed", source=source, mend="run `make install`") from None
    if is_postgres:
        @sql.event.listens_for(engine, "do_connect")
        def knock(_dialect: Any, _record: Any, _arguments: Any, _keywords: Any) -> None:
            # pg8000 knows one time-out for both; a host that is gone must not cost as long as a statement may take.
            socket.create_connection((str(url.host), url.port or 5432), timeout=CONNECT_WITHIN).close()
    else:
        @sql.event.listens_for(engine, "connect")
        def begin(connection: Any, _record: Any) -> None:
            with connection.cursor() as cursor:
                cursor.execute("set session transaction isolation level repeatable read, read only")
                cursor.execute("set session time_zone = '+00:00'")
                cursor.execute("select version()")
                limit = "max_statement_time = %s" if "MariaDB" in cursor.fetchone()[0] else "max_execution_time = %s * 1000"
                cursor.execute(f"set session {limit}", [options.statement_timeout])
    return engine


class Sql:
    """See the module. Every stream may be read by a thread of its own."""

    kind = "sql"

    def __init__(
        self, name: str, engine: sql.Engine, tables: Sequence[Table], options: SqlOptions, quota: Quota | None, memory: Callable[[str], Json],
        clock: Callable[[], datetime], sleep: Callable[[float], None], seal: Callable[[Stream, str], str],
    ) -> None:
        self.name, self._engine, self._options, self._quota = name, engine, options, quota
        self._tables = {table.stream.name: table for table in tables}
        self._zone = zone_of(name, options.time_zone)
        self._memory, self._clock, self._sleep = memory, clock, sleep
        self._is_sealed = lambda stream: seal(self._tables[stream].stream, "") != ""
        self._is_postgres = engine.dialect.name == "postgresql"
        self._known: dict[str, Known] = {}
        self._counts: Counter[str] = Counter()
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"Sql({self.name!r})"

    def streams(self) -> Sequence[Stream]:
        return [table.stream for table in self._tables.values()]

    def requests_made(self, stream: str) -> int:
        """Statements sent for this stream."""
        with self._lock:
            return self._counts[stream]

    def close(self) -> None:
        self._engine.dispose()

    def check(self) -> str:
        """Names the tables that cannot be read; raises only when none can, because streams fail apart."""
        version, user = self._ask("", lambda connection: (self._scalar(connection, "select version()"), self._scalar(connection, "select current_user")))
        wrong: list[SourceError] = []
        for stream in self._tables:
            try:
                self._look_up(stream)
            except SourceError as error:
                wrong.append(error)
        if len(wrong) == len(self._tables):
            raise wrong[0]
        behind = self._replayed("")
        vendor = " ".join(str(version).split()[:2]) if self._is_postgres else str(version)
        url = self._engine.url
        said = f"{vendor} at {url.host}/{url.database} as {user}: {len(self._tables) - len(wrong)} of {len(self._tables)} tables"
        return said + (f", a standby at {behind:%Y-%m-%d %H:%M:%S}" if behind else "") + "".join(f"; {error}" for error in wrong)

    def keys(self, stream: Stream) -> Iterator[str]:
        known = self._look_up(stream.name)
        for records, _ in self._pages(stream.name, replace(known, columns=known.key, cursor=None), [], None):
            yield from (landed_key(stream, record) for record in records)

    def listed(self, stream: Stream, window: Window) -> Iterator[Listed]:
        """Keys and cursor columns alone. A date stands for all of its day, so of dates a day more is listed on both sides."""
        known = self._look_up(stream.name)
        assert known.cursor is not None and window.start is not None
        if known.cursor.kind == "date":
            window = Window(start=window.start - timedelta(days=1), end=window.end + timedelta(days=1))
        columns = [column for column in known.columns if column.name in {*stream.key, *stream.stamps}]
        where, _ = self._parts(known, window, is_whole=False)[-1]
        for records, _ in self._pages(stream.name, replace(known, columns=columns), where, None):
            yield [(landed_key(stream, record), stamp_of(stream, record)) for record in records]

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        declared, known = self._tables[stream.name], self._look_up(stream.name)
        at = dict(resume or self._beginning(declared, window))
        if at.get("done"):
            return
        parts = self._parts(known, window, is_whole=at["whole"])
        for number in range(at["part"], len(parts)):
            where, by_cursor = parts[number]
            part = known if by_cursor else replace(known, cursor=None)
            for records, after in self._pages(stream.name, part, where, at["after"]):
                at |= {"part": number, "after": after} if after else {"part": number + 1, "after": None}
                is_last = at["part"] == len(parts)
                if is_last:
                    at |= {"done": True}
                    if at["whole"]:
                        at |= {"memory": {"whole_at": window.end.isoformat()}}
                safe = min(datetime.fromisoformat(at["safe"]), window.end) if at["safe"] else window.end
                position = None if after and self._is_sealed(stream.name) else dict(at)
                yield Page(records=records, position=position, high_water=safe if is_last and known.cursor else None)

    # ---- which rows

    def _beginning(self, declared: Table, window: Window) -> Json:
        """Where a reading starts. whole: without a lower bound. safe: what a standby had replayed before the first page."""
        last = (self._memory(declared.stream.name) or {}).get("whole_at")
        is_due = declared.refresh is not None and (last is None or window.end - datetime.fromisoformat(last) >= declared.refresh - timedelta(hours=12))
        replayed = self._replayed(declared.stream.name)
        return {"part": 0, "after": None, "whole": window.start is None or is_due, "safe": replayed.isoformat() if replayed else None}

    def _parts(self, known: Known, window: Window, *, is_whole: bool) -> list[tuple[list[ColumnElement[bool]], bool]]:
        """(conditions, whether ordered by the cursor) of each part: rows without a usable stamp, then those of the window."""
        cursor = known.cursor
        if cursor is None:
            return [([], False)]
        low, beyond = values.bounds(cursor.kind, None if is_whole else window.start, window.end, self._zone)
        far = values.bounds(cursor.kind, None, max(window.end, self._clock()) + FAR_AHEAD, self._zone)[1]
        unstamped = cursor.compared >= value(cursor, far, is_postgres=self._is_postgres)
        if cursor.is_nullable:
            unstamped = sql.or_(cursor.compared.is_(None), unstamped)
        stamped = [cursor.compared < value(cursor, beyond, is_postgres=self._is_postgres)]
        if low is not None:
            stamped.append(cursor.compared >= value(cursor, low, is_postgres=self._is_postgres))
        return [([unstamped], False), (stamped, True)]

    def _pages(self, stream: str, known: Known, where: Sequence[ColumnElement[bool]], after: Json) -> Iterator[tuple[list[Record], Json]]:
        """(records, position behind them or None when they are the last) of the rows that meet `where`."""
        order = known.order
        show = [values.renderer(column.kind, self._zone) for column in known.columns]
        names = [column.name for column in known.columns]
        query: sql.Select[Any] = sql.select(*(column.shown for column in (*known.columns, *order))).select_from(known.table).where(*where)
        query = query.order_by(*(column.compared for column in order)).limit(self._options.page_size + 1)
        if not after and any(column.is_nullable for column in known.key):
            self._refuse_null_keys(stream, known, where)
        while True:
            page = query if not after else query.where(behind(order, after, is_postgres=self._is_postgres))
            rows, has_more = self._ask(stream, partial(self._fetch, query=page))
            marks = [row[len(names):] for row in rows]
            for first, second in pairwise(marks):
                if first == second:
                    same = "" if self._is_sealed(stream) else f" = {list(first)[-len(known.key):]}"
                    raise UnexpectedShape(f"two rows have the same key ({', '.join(column.name for column in known.key)}{same})",
                                          source=self.name, stream=stream, mend="add the column that tells them apart to the key")
            if has_more:
                rows, marks = rows[:-1], marks[:-1]
            after = [mark.hex() if isinstance(mark, bytes) else mark for mark in marks[-1]] if has_more else None
            yield [{name: render(raw) for name, render, raw in zip(names, show, row, strict=False)} for row in rows], after
            if not has_more:
                return

    def _refuse_null_keys(self, stream: str, known: Known, where: Sequence[ColumnElement[bool]]) -> None:
        null = sql.or_(*(column.compared.is_(None) for column in known.key))
        query: sql.Select[Any] = sql.select(sql.literal_column("1")).select_from(known.table).where(*where, null).limit(1)
        if self._ask(stream, lambda connection: connection.execute(query).first()):
            raise UnexpectedShape(f"a row has no {' or '.join(column.name for column in known.key)}", source=self.name, stream=stream,
                                  mend="the columns of a key are never null; choose others, or read a view that leaves such rows out")

    # ---- talking to the database

    def _look_up(self, stream: str) -> Known:
        if stream not in self._known:
            self._known[stream] = self._ask(stream, lambda connection: reflect(
                connection, self._tables[stream], source=self.name, has_zone=self._zone is not None))
        return self._known[stream]

    def _replayed(self, stream: str) -> datetime | None:
        """On a PostgreSQL standby: the commit of the last transaction that was replayed there. Elsewhere None."""
        if not self._is_postgres:
            return None
        found: datetime | None = self._ask(stream, lambda connection: self._scalar(
            connection, "select case when pg_is_in_recovery() then coalesce(pg_last_xact_replay_timestamp(), 'epoch') end"))
        return found

    def _scalar(self, connection: sql.Connection, statement: str) -> Any:
        return connection.execute(sql.text(statement)).scalar()

    def _fetch(self, connection: sql.Connection, query: sql.Select[Any]) -> tuple[list[tuple[Any, ...]], bool]:
        """(rows, whether more follow): then the last row is the first of the next page."""
        rows: list[tuple[Any, ...]] = []
        size = 0
        with connection.execute(query, execution_options={"stream_results": True, "max_row_buffer": ROWS_AT_ONCE}) as result:
            for row in result:
                rows.append(tuple(row))
                size += sum(len(value) for value in rows[-1] if isinstance(value, str | bytes))
                if len(rows) > self._options.page_size or (size > PAGE_BYTES and len(rows) > 1):
                    return rows, True
        return rows, False

    def _ask(self, stream: str, work: Callable[[sql.Connection], T]) -> T:
        """`work` in a read-only transaction; again when the database was only busy. Raises a SourceError in the database's own words."""
        for attempt in range(1, ATTEMPTS + 1):
            if self._quota is not None:
                self._sleep(self._quota.reserve(at_most=PATIENCE))
            with self._lock:
                self._counts[stream] += 1
            try:
                with self._engine.begin() as connection:
                    if self._is_postgres:
                        # Within the transaction, not for the session: a pooler such as PgBouncer may give each transaction another session.
                        connection.execute(sql.text("set transaction isolation level repeatable read, read only"))
                        connection.execute(sql.text("""select set_config('timezone', 'UTC', true), set_config('datestyle', 'ISO', true),
                            set_config('intervalstyle', 'iso_8601', true), set_config('bytea_output', 'hex', true),
                            set_config('extra_float_digits', '1', true), set_config('statement_timeout', :limit, true)"""),
                                           {"limit": f"{self._options.statement_timeout}s"})
                    return work(connection)
            except (sql.exc.SQLAlchemyError, OSError) as error:
                failure, may_pass = as_source_error(error, source=self.name, stream=stream, hidden=self._engine.url.password)
                if not may_pass or attempt == ATTEMPTS:
                    raise failure from None
                self._sleep(2.0 ** attempt)
        raise AssertionError("the last attempt returns or raises")
