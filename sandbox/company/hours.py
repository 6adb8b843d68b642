"""Open hours as a line of seconds, for the writer of the story: how long after an instant is so much open time gone?

`truth.py` counts business minutes in a different way on purpose, so that one can be checked with the other.
"""

from __future__ import annotations

import bisect
import functools
import itertools
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

from sandbox.company.plan import Calendar

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def seconds_of(at: datetime) -> int:
    return int((at - EPOCH).total_seconds())


def instant_of(seconds: float) -> datetime:
    return EPOCH + timedelta(seconds=int(seconds))


def iso(seconds: int) -> str:
    return instant_of(seconds).strftime("%Y-%m-%dT%H:%M:%SZ")


@functools.cache
def zone_of(time_zone: str) -> ZoneInfo:
    """ZoneInfo itself keeps only eight zones and reads the others from disk again and again."""
    return ZoneInfo(time_zone)


@functools.lru_cache(maxsize=20_000)
def start_of(day: date, time_zone: str) -> datetime:
    """The first instant of a local day, in UTC."""
    return datetime.combine(day, time.min, zone_of(time_zone)).astimezone(UTC)


def local_instant(day: date, hhmm: str, time_zone: str) -> datetime:
    """A local wall-clock time as an instant in UTC; "24:00" is the next day's midnight."""
    hours, minutes = (int(part) for part in hhmm.split(":"))
    if hours == 24:
        return start_of(day + timedelta(days=1), time_zone)
    return datetime.combine(day, time(hours, minutes), zone_of(time_zone)).astimezone(UTC)


def days_between(first: date, last: date) -> list[date]:
    return [first + timedelta(days=offset) for offset in range((last - first).days + 1)]


@dataclass(frozen=True, kw_only=True)
class OpenTime:
    """Disjoint open spans in epoch seconds, ascending; `before[i]` is the open time passed when span i begins."""

    starts: list[int]
    ends: list[int]
    before: list[int]

    def passed(self, at: int) -> int:
        index = bisect.bisect_right(self.starts, at) - 1
        if index < 0:
            return 0
        return self.before[index] + min(at, self.ends[index]) - self.starts[index]

    def after(self, at: datetime, open_minutes: float) -> datetime:
        """The instant at which `open_minutes` of open time have gone by since `at`."""
        wanted = self.passed(seconds_of(at)) + max(1, int(open_minutes * 60))
        index = bisect.bisect_left(self.before, wanted) - 1
        return instant_of(self.starts[index] + wanted - self.before[index])


def merged(spans: Iterable[tuple[int, int]]) -> OpenTime:
    """Overlapping spans become one; touching ones too."""
    starts: list[int] = []
    ends: list[int] = []
    for start, end in sorted(spans):
        if ends and start <= ends[-1]:
            ends[-1] = max(ends[-1], end)
        else:
            starts.append(start)
            ends.append(end)
    lengths = [end - start for start, end in zip(starts, ends, strict=True)]
    return OpenTime(starts=starts, ends=ends, before=[0, *itertools.accumulate(lengths)][: len(starts)])


def open_time(calendar: Calendar, first: date, last: date) -> OpenTime:
    spans: list[tuple[int, int]] = []
    for day in days_between(first, last):
        if day in calendar.holidays:
            continue
        for opens_at, closes_at in calendar.hours.get(WEEKDAYS[day.weekday()], ()):
            spans.append((seconds_of(local_instant(day, opens_at, calendar.time_zone)), seconds_of(local_instant(day, closes_at, calendar.time_zone))))
    return merged(spans)
