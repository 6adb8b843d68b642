"""What a source allows, shared by every process that calls it: the nightly run, a backfill and a robot together stay below the limit.

`limit` requests in any `period` of seconds: the n-th place from now is the departure of the limit-th last one plus the period. A classic
token bucket of the same size lets up to twice the limit through in its first period (the full bucket and its refill), which vendors with
sliding windows answer with 429. Places are booked ahead, so that waiting is fair and nobody polls.

A day's budget (`day_budget`) counts the same way over 24 hours, so that no calendar day of any time zone sees more; nobody waits for it, the run stops
and says so.

Nothing outlives a killed process but the places it had booked: there is no lock file and no owner. SQLite's own lock is released by the
operating system with the process, and each booking is one short transaction.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections import deque
from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

from connectors.rest import Quota
from connectors.stream import Misconfigured, QuotaExhausted

DAY = 86_400.0                 # seconds
BEYOND_A_CLOCK_JUMP = 3600.0   # seconds; a booking later than period + this was made before the machine's clock was set back


@dataclass(frozen=True, kw_only=True)
class Limit:
    """requests per period (seconds). margin: seconds added to the period, because a request arrives later than it departs and not always as late."""

    requests: int
    period: float = 60.0
    margin: float = 0.5

    def __post_init__(self) -> None:
        if self.requests < 1 or self.period <= 0:
            raise Misconfigured(f"a quota of {self.requests} requests in {self.period} s", mend="both must be positive")


def memory_quota(limit: Limit, *, source: str, now: Callable[[], float] = time.time) -> Quota:
    """For tests and for sources that only one process calls."""
    return _MemoryQuota(limit, source, now)


def shared_quota(folder: Path, source: str, limit: Limit, *, name: str = "", now: Callable[[], float] = time.time) -> Quota:
    """The quota of `source` for all processes that use the same `folder` (home/quota). name: one of several limits of a source."""
    folder.mkdir(parents=True, exist_ok=True)
    return _SharedQuota(folder / f"{'-'.join(part for part in (source, name) if part)}.sqlite", limit, source, now)


def endpoint_quota(home: Path | None, source: str, limit: Limit, *, name: str) -> Quota:
    """One of several limits of a source's own. home: where those shared with other processes rest; None: this process is alone."""
    return shared_quota(home / "quota", source, limit, name=name) if home else memory_quota(limit, source=source)


def source_quota(
    folder: Path, source: str, *, per_minute: int | None = None, per_day: int | None = None, now: Callable[[], float] = time.time,
) -> Quota:
    """Both limits of a source as one. per_day None: no budget; per_minute None: as fast as it answers."""
    pace = [shared_quota(folder, source, Limit(requests=per_minute), now=now)] if per_minute else []
    budget = [day_budget(folder, source, per_day, now=now)] if per_day else []
    return together(*pace, *budget)


def day_budget(folder: Path, source: str, requests: int, *, now: Callable[[], float] = time.time) -> Quota:
    """`requests` in any 24 hours, for all processes that use the same `folder`."""
    return _DayBudget(shared_quota(folder, source, Limit(requests=requests, period=DAY, margin=0.0), name="day", now=now), source, requests)


def run_budget(source: str, requests: int) -> Quota:
    """`requests` for one run of one process, beside what the source allows: when they are used up the run stops asking and says so."""
    return _RunBudget(source, requests)


def used_today(folder: Path, source: str, *, now: float) -> int:
    """How many requests of the day's budget were made in the last 24 hours."""
    path = folder / f"{source}-day.sqlite"
    if not path.exists():
        return 0
    with closing(sqlite3.connect(path, timeout=30.0)) as connection:
        return int(connection.execute("select count(*) from departures where at > ?", [now - DAY]).fetchone()[0])


def together(*quotas: Quota) -> Quota:
    """Several limits as one. One that is named three times is charged three places: what a request of three credits costs."""
    return _All(list(quotas))


class _All:
    """Several limits at once. The one that nobody waits for comes last, so that a place of it is booked only for a request that is really sent."""

    def __init__(self, quotas: list[Quota]) -> None:
        self._quotas = quotas

    def reserve(self, *, at_most: float) -> float:
        return max([quota.reserve(at_most=at_most) for quota in self._quotas])

    def hold(self, seconds: float) -> None:
        for quota in self._quotas:
            quota.hold(seconds)


class _DayBudget:
    def __init__(self, day: Quota, source: str, requests: int) -> None:
        self._day, self._source, self._requests = day, source, requests

    def reserve(self, *, at_most: float) -> float:
        try:
            return self._day.reserve(at_most=0.0)
        except QuotaExhausted as error:
            at = error.retry_at
            raise QuotaExhausted(f"its {self._requests} requests of 24 hours are used up", retry_at=at, source=self._source,
                                 mend=f"the first free one is at {at:%Y-%m-%d %H:%M} UTC; if the source allows more, raise requests_per_day") from None

    def hold(self, seconds: float) -> None:
        """A source that asks for a pause of minutes says nothing about the day."""


class _RunBudget:
    def __init__(self, source: str, requests: int) -> None:
        self._source, self._requests, self._made, self._lock = source, requests, 0, threading.Lock()

    def reserve(self, *, at_most: float) -> float:
        with self._lock:
            if self._made >= self._requests:
                raise QuotaExhausted(f"the {self._requests} requests that this run may make are used up", source=self._source,
                                     mend="what is left is done by the next run, or by one with a larger budget")
            self._made += 1
            return 0.0

    def hold(self, seconds: float) -> None:
        """A pause that the source asks for says nothing about how many requests this run may make."""


def _next_place(now: float, limit: Limit, limiting: float | None, held: float) -> float:
    """When the next request may depart. limiting: departure of the limit-th last request."""
    window = limit.period + limit.margin
    horizon = now + window + BEYOND_A_CLOCK_JUMP
    return max([now] + [moment for moment in (held, limiting + window if limiting is not None else now) if moment <= horizon])


def _exhausted(source: str, place: float, wait: float) -> NoReturn:
    at = datetime.fromtimestamp(place, UTC)
    raise QuotaExhausted(f"its request quota is used up; the next free place is in {wait:.0f} s", retry_at=at, source=source,
                         mend=f"carries on by itself after {at:%H:%M:%S} UTC")


class _MemoryQuota:
    def __init__(self, limit: Limit, source: str, now: Callable[[], float]) -> None:
        self._limit, self._source, self._now = limit, source, now
        self._departures: deque[float] = deque(maxlen=limit.requests)
        self._held = 0.0
        self._lock = threading.Lock()

    def reserve(self, *, at_most: float) -> float:
        with self._lock:
            now = self._now()
            limiting = self._departures[0] if len(self._departures) == self._limit.requests else None
            place = _next_place(now, self._limit, limiting, self._held)
            if place - now > max(0.0, at_most):
                _exhausted(self._source, place, place - now)
            self._departures.append(place)
            return place - now

    def hold(self, seconds: float) -> None:
        with self._lock:
            self._held = max(self._held, self._now() + seconds)


class _SharedQuota:
    """One small file; a connection per call, because a connection must not cross a fork or a thread and a call costs 0.2 ms beside a request."""

    def __init__(self, path: Path, limit: Limit, source: str, now: Callable[[], float]) -> None:
        self._path, self._limit, self._source, self._now = path, limit, source, now
        with closing(self._open()) as connection:
            connection.execute("begin immediate")
            connection.execute("create table if not exists departures (number integer primary key autoincrement, at real not null)")
            connection.execute("create table if not exists held (only integer primary key check (only = 1), until real not null)")
            connection.execute("commit")

    def _open(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._path, timeout=30.0, isolation_level=None)
        # A booking lost in a power cut costs one 429; waiting for the disk on every request would cost more.
        connection.execute("pragma synchronous = off")
        return connection

    def reserve(self, *, at_most: float) -> float:
        with closing(self._open()) as connection:
            connection.execute("begin immediate")
            now = self._now()
            # By its number: counting back through a day's 100,000 departures took 4 ms a request.
            row = connection.execute("select at from departures where number = (select max(number) from departures) - ?", [self._limit.requests - 1]).fetchone()
            held = connection.execute("select until from held").fetchone()
            place = _next_place(now, self._limit, row[0] if row else None, held[0] if held else 0.0)
            if place - now > max(0.0, at_most):
                connection.execute("rollback")
                _exhausted(self._source, place, place - now)
            connection.execute("insert into departures (at) values (?)", [place])
            connection.execute("delete from departures where number <= (select max(number) from departures) - ?", [self._limit.requests])
            connection.execute("commit")
            return place - now

    def hold(self, seconds: float) -> None:
        with closing(self._open()) as connection:
            connection.execute("begin immediate")
            until = self._now() + seconds
            connection.execute("insert into held values (1, ?) on conflict (only) do update set until = max(until, excluded.until)", [until])
            connection.execute("commit")
