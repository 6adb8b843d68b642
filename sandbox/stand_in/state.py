"""A stand-in's memory: one SQLite file that holds every record as the JSON that the API answers, and the company's clock.

    state = State(path, ticking=False)            # tests: the clock stands until set_clock
    with state.transaction():                     # all or nothing; nests
        (number,) = state.next_ids("ticket")
        state.put("tickets", {"id": number, ...}, state.stamp())
    state.get("tickets", 17); state.items("tickets", after=17, most=100); state.matching("comments", "ticket_id", 17)
    state.behind("tickets", moment, identity, until=..., most=100)       # what an incremental export asks for

Ids are integers or text, each kind of record its own; within a kind do not mix them (integers come before text). `moment` is an integer of whatever
unit the vendor orders by: seconds (Zendesk), milliseconds (HubSpot), microseconds (Frappe).
"""

from __future__ import annotations

import json
import sqlite3
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

Item = dict[str, Any]
Identity = int | str


class State:
    """Records by (kind, id). `moment` orders what changed. Safe to use from several threads."""

    def __init__(self, path: Path, *, ticking: bool = True, real: Callable[[], float] = time.monotonic) -> None:
        """ticking: the company's clock goes on with the real one; otherwise it stands until `set_clock` moves it."""
        path.parent.mkdir(parents=True, exist_ok=True)
        # `day` writes for seconds while the server goes on.
        self._database = sqlite3.connect(path, timeout=60.0, check_same_thread=False, isolation_level=None)
        self._lock = threading.RLock()
        self._depth = 0
        self._counters: dict[str, int] = {}
        self._ticking, self._real, self._since = ticking, real, real()
        for statement in (
            "pragma journal_mode = wal", "pragma synchronous = normal",
            "create table if not exists items (kind text, id, moment integer, body text, primary key (kind, id)) without rowid",
            "create index if not exists by_moment on items (kind, moment, id)",
            "create table if not exists facts (name text primary key, value text) without rowid",
        ):
            self._database.execute(statement)

    def close(self) -> None:
        with self._lock:
            self._database.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of it or nothing; may be nested."""
        with self._lock:
            if self._depth == 0:
                self._database.execute("begin immediate")
            self._depth += 1
            try:
                yield
            except BaseException:
                self._depth -= 1
                if self._depth == 0:
                    self._counters.clear()
                    self._database.execute("rollback")
                raise
            self._depth -= 1
            if self._depth == 0:
                self._keep_counters()
                self._database.execute("commit")

    # ---- records

    def put(self, kind: str, item: Item, moment: int, *, identity: Identity | None = None) -> None:
        """Writes a record in place of the one before. identity: where the vendor does not call it `id` (Salesforce: Id, Frappe: name)."""
        with self._lock:
            self._database.execute("insert or replace into items values (?, ?, ?, ?)",
                                   [kind, item["id"] if identity is None else identity, moment, json.dumps(item, ensure_ascii=False)])

    def put_if_changed(self, kind: str, item: Item, moment: int) -> None:
        """Writes a record where there is none, or one that says something else."""
        if self.get(kind, item["id"]) != item:
            self.put(kind, item, moment)

    def get(self, kind: str, identity: Identity) -> Item | None:
        with self._lock:
            row = self._database.execute("select body from items where kind = ? and id = ?", [kind, identity]).fetchone()
        return json.loads(row[0]) if row else None

    def delete(self, kind: str, identity: Identity) -> None:
        with self._lock:
            self._database.execute("delete from items where kind = ? and id = ?", [kind, identity])

    def behind(self, kind: str, moment: int, identity: Identity, *, until: int, most: int) -> list[tuple[int, Item]]:
        """(moment, item) behind (moment, identity) in the order of both, of moments up to `until`. identity -1: whatever has that moment, too."""
        with self._lock:
            rows = self._database.execute(
                "select moment, body from items where kind = ? and (moment, id) > (?, ?) and moment <= ? order by moment, id limit ?",
                [kind, moment, identity, until, most]).fetchall()
        return [(moment, json.loads(body)) for moment, body in rows]

    def items(self, kind: str, *, after: Identity = -1, most: int = -1, where: Callable[[Item], bool] | None = None) -> list[Item]:
        """Items of a kind by id, at most `most` (-1: all) of those behind the id `after`."""
        with self._lock:
            rows = self._database.execute("select body from items where kind = ? and id > ? order by id", [kind, after])
            found: list[Item] = []
            for (body,) in rows:
                item = json.loads(body)
                if where is None or where(item):
                    found.append(item)
                    if len(found) == most:
                        break
        return found

    def matching(self, kind: str, field: str, value: Identity) -> list[Item]:
        """Items of a kind whose (top-level) field has this value, by id."""
        with self._lock:
            rows = self._database.execute(
                "select body from items where kind = ? and json_extract(body, '$.' || ?) = ? order by id", [kind, field, value]).fetchall()
        return [json.loads(body) for (body,) in rows]

    def count(self, kind: str) -> int:
        with self._lock:
            return int(self._database.execute("select count(*) from items where kind = ?", [kind]).fetchone()[0])

    # ---- facts

    def fact(self, name: str, default: Any = None) -> Any:
        with self._lock:
            row = self._database.execute("select value from facts where name = ?", [name]).fetchone()
        return json.loads(row[0]) if row else default

    def set_fact(self, name: str, value: Any) -> None:
        with self._lock:
            self._database.execute("insert or replace into facts values (?, ?)", [name, json.dumps(value)])

    def next_ids(self, name: str, count: int = 1, *, first: int = 1) -> Sequence[int]:
        """Fresh ids. Inside a transaction the counter is written once, at its end: loading asks for half a million."""
        with self._lock:
            start = self._counters.get(name) or self.fact(f"next {name}", first)
            self._counters[name] = start + count
            if self._depth == 0:
                self._keep_counters()
        return range(start, start + count)

    def _keep_counters(self) -> None:
        for name, following in self._counters.items():
            self.set_fact(f"next {name}", following)
        self._counters.clear()

    # ---- the company's clock

    def now(self) -> datetime:
        stood = datetime.fromisoformat(self.fact("clock", "2026-11-01T02:30:00+00:00"))
        return datetime.fromtimestamp(stood.timestamp() + (self._real() - self._since if self._ticking else 0.0), UTC)

    def set_clock(self, at: datetime) -> None:
        """Moves the company's clock; never back behind what it has already stamped, or records would carry stamps of the future."""
        with self._lock:
            self.set_fact("clock", max(at.astimezone(UTC), datetime.fromtimestamp(self.fact("last stamp", 0), UTC)).isoformat())
            self._since = self._real()

    def stamp(self, *, per_second: int = 1) -> int:
        """The moment of a change that happens now: so many ticks since 1970 (per_second 1000: milliseconds)."""
        at = int(self.now().timestamp() * per_second)
        self.set_fact("last stamp", max(at / per_second, self.fact("last stamp", 0)))
        return at
