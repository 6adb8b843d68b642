"""Business time by other means than the warehouse's: the standard library's time zones and plain loops, for tests to compare with."""

from __future__ import annotations

import bisect
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
Hours = Mapping[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, kw_only=True)
class OpeningHours:
    """hours: weekday → (opens, closes) pairs "HH:MM"; a pair that closes at or before it opens runs over midnight."""

    name: str
    time_zone: str
    hours: Hours
    holidays: frozenset[date] = frozenset()

    def rows(self) -> list[tuple[str, str, str, str, str]]:
        """As the night lays them into raw.meridian__calendars."""
        return [(self.name, self.time_zone, weekday, opens, closes) for weekday, pairs in self.hours.items() for opens, closes in pairs]


def every_day(*pairs: tuple[str, str]) -> Hours:
    return {weekday: pairs for weekday in WEEKDAYS}


def weekdays(*pairs: tuple[str, str]) -> Hours:
    return {weekday: pairs for weekday in WEEKDAYS[:5]}


def minute_of(text: str) -> int:
    hours, minutes = text.split(":")
    return int(hours) * 60 + int(minutes)


def pieces(hours: OpeningHours, day: date) -> Iterator[tuple[int, int]]:
    """Open minutes of one day of the wall calendar, among them what the shifts of the day before carry over."""
    if day in hours.holidays:
        return
    for opens, closes in hours.hours.get(WEEKDAYS[day.weekday()], ()):
        begin, end = minute_of(opens), minute_of(closes)
        yield begin, end if end > begin else 1440
    for opens, closes in hours.hours.get(WEEKDAYS[(day.weekday() - 1) % 7], ()):
        begin, end = minute_of(opens), minute_of(closes)
        if 0 < end <= begin:
            yield 0, end


def instant(day: date, minute: int, zone: ZoneInfo) -> datetime:
    """First occurrence of a wall time; the instant of the change when it never came."""
    wall = datetime.combine(day, time()) + timedelta(minutes=minute)
    at = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if at.astimezone(zone).replace(tzinfo=None) == wall:
        return at
    before, after = wall.replace(tzinfo=UTC) - timedelta(hours=26), wall.replace(tzinfo=UTC) + timedelta(hours=26)
    while after - before > timedelta(seconds=1):
        middle = before + (after - before) // 2
        if middle.astimezone(zone).replace(tzinfo=None) < wall:
            before = middle
        else:
            after = middle
    return after.replace(microsecond=0)


class OpenSpans:
    """The open spans of a calendar from `first` to `last`, merged."""

    def __init__(self, hours: OpeningHours, first: date, last: date) -> None:
        zone = ZoneInfo(hours.time_zone)
        days = [first + timedelta(days=number) for number in range((last - first).days + 1)]
        spans = sorted((instant(day, begin, zone), instant(day, end, zone)) for day in days for begin, end in pieces(hours, day))
        self.starts: list[datetime] = []
        self.ends: list[datetime] = []
        for start, end in spans:
            if self.ends and start <= self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], end)
            elif end > start:
                self.starts.append(start)
                self.ends.append(end)

    def seconds(self, start: datetime, end: datetime) -> float:
        total = timedelta()
        for number in range(max(bisect.bisect_right(self.starts, start) - 1, 0), len(self.starts)):
            if self.starts[number] >= end:
                break
            total += max(min(end, self.ends[number]) - max(start, self.starts[number]), timedelta())
        return total.total_seconds()


def open_minutes_on_the_wall(hours: OpeningHours, start: datetime, end: datetime) -> int:
    """Looks at the wall clock in the middle of every minute from start to end."""
    zone = ZoneInfo(hours.time_zone)
    open_on: dict[date, list[tuple[int, int]]] = {}
    count, at = 0, start + timedelta(seconds=30)
    while at < end:
        wall = at.astimezone(zone)
        spans = open_on.setdefault(wall.date(), list(pieces(hours, wall.date())))
        count += any(begin <= wall.hour * 60 + wall.minute < finish for begin, finish in spans)
        at += timedelta(minutes=1)
    return count


def changes_of_clock(time_zone: str, first: date, last: date) -> Iterable[datetime]:
    """Days (midnight UTC) on which the zone's offset differs from the day before."""
    zone = ZoneInfo(time_zone)
    for number in range((last - first).days):
        at = datetime.combine(first + timedelta(days=number), time(), UTC)
        if at.astimezone(zone).utcoffset() != (at + timedelta(days=1)).astimezone(zone).utcoffset():
            yield at
