"""Tables of a real PostgreSQL: with a stamp in a zone, one that two columns and the local clock make, one of rows that stay, and without any stamp."""

from __future__ import annotations

import atexit
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pg8000.native

from connectors import sql
from connectors.stream import Json
from sandbox.databases import Database
from tests import databases

ZONE = ZoneInfo("Europe/Berlin")
BORN = datetime(2026, 10, 24, 23, 30, tzinfo=UTC)     # an hour and a half before the local clock goes back
OPEN_FOR = timedelta(minutes=2)                       # how long a transaction may last here; lag_minutes covers it, and a clock that is wrong by one
TABLES = """
    create table orders (id bigint primary key, changed timestamptz not null, what text, amount int, free jsonb);
    create index on orders (changed, id);
    create table moves (place text, number bigint, written timestamp, created timestamp not null, what text, amount int, free jsonb, primary key (place, number));
    create table journal (id numeric(30) primary key, changed timestamptz, what text, amount int, free jsonb);
    create table parts (id uuid primary key, what text, amount int, free jsonb)"""
STREAMS = {
    "orders": {"key": "id", "cursor": "changed", "lag_minutes": 5},
    "moves": {"key": ["place", "number"], "cursor": ["written", "created"], "lag_minutes": 5, "sweep_every": 2},
    "journal": {"key": "id", "cursor": "changed", "lag_minutes": 5, "deletes": "never"},
    "parts": {"key": "id"},
}
STAMP = {"orders": "changed = :now", "moves": "written = :now at time zone 'Europe/Berlin'", "journal": "changed = :now", "parts": "amount = amount"}


class SqlSubject:
    kind = "sql"
    streams = tuple(STREAMS)
    safe_after = OPEN_FOR + timedelta(minutes=1)
    url = ""

    def __init__(self, database: Database, own: pg8000.native.Connection) -> None:
        self._database, self._own, self._now = database, own, BORN
        self._numbers = count(1)
        self._open: list[tuple[datetime, pg8000.native.Connection]] = []
        for statement in TABLES.split(";"):
            own.run(statement)
        own.run("set timezone = 'UTC'")

    def connect(self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime]) -> sql.Sql:
        options = {"time_zone": str(ZONE), "page_size": 3, "streams": STREAMS}
        return sql.connect("erp", options, secrets={"url": self._database.url}, memory=memory, clock=now, sleep=lambda seconds: None)

    def now(self) -> datetime:
        return self._now

    def advance(self, delta: timedelta) -> None:
        self._now += delta
        self.commit(self._now)

    def create(self, stream: str, count: int) -> list[str]:
        return [self._create(self._own, stream) for _ in range(count)]

    def _create(self, connection: pg8000.native.Connection, stream: str, what: str = "new", free: Json = None) -> str:
        number = next(self._numbers)
        put = {"number": number, "now": self._now, "what": what, "free": json.dumps(free)}
        columns, values, key = {
            "orders": ("id, changed", ":number, :now", str(number)),
            "moves": ("place, number, created", ":place, :number, cast(:now as timestamptz) at time zone 'Europe/Berlin'", f"Z{number % 3}ü|{number}"),
            "journal": ("id, changed", "cast(:long as numeric), :now", f"1234567890123456789{number}"),
            "parts": ("id", "cast(:uuid as uuid)", f"00000000-0000-4000-8000-{number:012d}"),
        }[stream]
        put |= {"place": key.split("|")[0], "long": key, "uuid": key}
        used = {name: value for name, value in put.items() if f":{name}" in f"{values}, :what, :free"}
        connection.run(f"insert into {stream} ({columns}, what, amount, free) values ({values}, :what, 1, cast(:free as jsonb))", **used)
        return key

    def update(self, stream: str, key: str) -> None:
        self._change(stream, f"what = 'changed {next(self._numbers)}', {STAMP[stream]}", key)

    def remove(self, stream: str, key: str) -> bool:
        if STREAMS[stream].get("deletes") == "never":
            return False
        where, names = self._where(stream, key)
        self._own.run(f"delete from {stream} where {where}", **names)
        return True

    def truth(self, stream: str) -> dict[str, Json]:
        records = [row[0] for row in self._own.run(f"select to_json({stream}) from {stream}")]
        for record in records:
            for column in ("written", "created"):
                if record.get(column):
                    record[column] = datetime.fromisoformat(record[column]).replace(tzinfo=ZONE).isoformat()
            if stream == "journal":
                record["id"] = str(record["id"])
        keys = STREAMS[stream]["key"]
        return {"|".join(str(record[part]) for part in ([keys] if isinstance(keys, str) else keys)): record for record in records}

    def late(self, stream: str) -> str:
        """In a transaction that stays open; its stamp is that of its beginning."""
        connection = _connection(self._database)
        connection.run("begin")
        self._open.append((self._now + OPEN_FOR, connection))
        return self._create(connection, stream)

    def drift(self, stream: str) -> None:
        self.commit(self._now + OPEN_FOR)       # it waits for whoever uses the table
        self._own.run(f"alter table {stream} add column if not exists novel text default 'yes', add column if not exists nested jsonb default '{{\"deep\": [null]}}', "
                      "alter column amount type text")
        self._change(stream, STAMP[stream].replace("amount = amount", "amount = '17'"), "")

    def odd(self, stream: str, value: Any) -> str:
        if isinstance(value, str):
            return "" if "\0" in value else self._create(self._own, stream, what=value)     # PostgreSQL has no NUL in a text
        return self._create(self._own, stream, free=value)

    # ---- small parts

    def commit(self, until: datetime) -> None:
        """Transactions that do not last longer than this end."""
        for due, connection in [one for one in self._open if one[0] <= until]:
            connection.run("commit")
            connection.close()
            self._open.remove((due, connection))

    def _change(self, stream: str, setting: str, key: str) -> None:
        where, names = self._where(stream, key) if key else ("true", {})
        if ":now" in setting:
            names |= {"now": self._now}
        self._own.run(f"update {stream} set {setting.replace(':now', 'cast(:now as timestamptz)')} where {where}", **names)

    def _where(self, stream: str, key: str) -> tuple[str, dict[str, Any]]:
        if stream == "moves":
            place, number = key.split("|")
            return "place = :place and number = cast(:number as bigint)", {"place": place, "number": number}
        return "cast(id as text) = :key", {"key": key}


def _connection(database: Database) -> pg8000.native.Connection:
    return pg8000.native.Connection(database.user, password=database.password, host="127.0.0.1", port=database.port, database=database.name)


@cache
def _server() -> Database:
    """One for all histories: starting one takes a second, a database in it a tenth."""
    running = ExitStack()
    atexit.register(running.close)
    return running.enter_context(databases.running("postgresql"))


_databases = count(1)


@contextmanager
def running(tmp_path: Path) -> Iterator[SqlSubject]:
    database = _server().another(f"company_{next(_databases)}")
    own = _connection(database)
    try:
        yield SqlSubject(database, own)
    finally:
        own.close()
        _server().run(f"drop database {database.name} with (force)")
