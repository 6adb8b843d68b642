"""Small measures that the truth is counted with, written apart from the story's writer and from any SQL.

A *figure* is `{"value", "numerator", "denominator", "sample"}`; a KPI's figures are laid out as segment type → segment → month ("2026-10") → figure.
"""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.company.plan import Calendar

Figures = dict[str, dict[str, dict[str, dict[str, float | int | None]]]]

_NAMES = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def wall(day: date, hhmm: str, zone: ZoneInfo) -> datetime:
    """A wall-clock time as an instant. One that comes twice is its first coming; one that never comes is the instant of the change."""
    hours, minutes = int(hhmm[:2]), int(hhmm[3:])
    naive = datetime.combine(day + timedelta(days=hours // 24), time(hours % 24, minutes))
    late, early = naive.replace(tzinfo=zone).astimezone(UTC), naive.replace(tzinfo=zone, fold=1).astimezone(UTC)
    if late.astimezone(zone).replace(tzinfo=None) == naive:
        return late
    while late - early > timedelta(seconds=1):  # the change of the clocks lies between the two readings
        middle = early + (late - early) / 2
        if middle.astimezone(zone).utcoffset() == early.astimezone(zone).utcoffset():
            early = middle
        else:
            late = middle
    return late.replace(microsecond=0)


class BusinessHours:
    """A calendar's open spans, looked up day by day."""

    def __init__(self, calendar: Calendar) -> None:
        self._calendar, self._zone = calendar, ZoneInfo(calendar.time_zone)
        self._spans: dict[date, list[tuple[datetime, datetime]]] = {}

    def spans(self, day: date) -> list[tuple[datetime, datetime]]:
        if day not in self._spans:
            hours = () if day in self._calendar.holidays else self._calendar.hours.get(_NAMES[day.weekday()], ())
            self._spans[day] = sorted((wall(day, opens_at, self._zone), wall(day, closes_at, self._zone)) for opens_at, closes_at in hours)
        return self._spans[day]

    def minutes(self, start: datetime, end: datetime) -> float:
        """Open minutes between two instants."""
        total, day, last = 0.0, start.astimezone(self._zone).date(), end.astimezone(self._zone).date()
        while day <= last:
            for opens, closes in self.spans(day):
                total += max(0.0, (min(end, closes) - max(start, opens)).total_seconds())
            day += timedelta(days=1)
        return total / 60

    def instant(self, start: datetime, minutes: float) -> datetime:
        """When so many open minutes have passed since `start`."""
        left, day = timedelta(minutes=minutes), start.astimezone(self._zone).date()
        for _ in range(4000):
            for opens, closes in self.spans(day):
                begin = max(start, opens)
                if closes - begin >= left:
                    return begin + left
                left -= max(timedelta(0), closes - begin)
            day += timedelta(days=1)
        raise ValueError(f"calendar {self._calendar.name} never opens long enough")


def month_of(day: date) -> str:
    return f"{day:%Y-%m}"


def months(first: date, last: date) -> list[str]:
    return sorted({month_of(first + timedelta(days=offset)) for offset in range((last - first).days + 1)})


def month_end(month: str) -> date:
    first = date.fromisoformat(f"{month}-01")
    return (first + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def figure(numerator: float | None, denominator: float | None, sample: int) -> dict[str, float | int | None]:
    value = numerator / denominator if numerator is not None and denominator else None
    return {"value": value, "numerator": numerator, "denominator": denominator, "sample": sample}


def _collected(rows: Iterable[tuple[Any, ...]], segments: tuple[str, ...]) -> dict[str, dict[str, dict[str, list[tuple[Any, ...]]]]]:
    """rows: (month, what..., segment values...); grouped by segment type, segment and month."""
    found: dict[str, dict[str, dict[str, list[tuple[Any, ...]]]]] = defaultdict(lambda: defaultdict(lambda: defaultdict(list)))
    for row in rows:
        month, *rest = row
        what = tuple(rest[: len(rest) - len(segments)])
        for segment_type, segment in zip(("all", *segments), ("all", *rest[len(rest) - len(segments) :]), strict=True):
            found[segment_type][segment][month].append(what)
    return found


def ratios(rows: Iterable[tuple[Any, ...]], *segments: str) -> Figures:
    """rows: (month, numerator, denominator, segment values...)."""
    return {
        segment_type: {
            segment: {
                month: figure(sum(n for n, _ in whats), sum(d for _, d in whats), sum(1 for _, d in whats if d)) for month, whats in sorted(by_month.items())
            }
            for segment, by_month in sorted(by_segment.items())
        }
        for segment_type, by_segment in _collected(rows, segments).items()
    }


def sums(rows: Iterable[tuple[Any, ...]], *segments: str) -> Figures:
    """rows: (month, amount, segment values...)."""
    return {
        segment_type: {
            segment: {month: {"value": sum(n for (n,) in whats), "sample": len(whats)} for month, whats in sorted(by_month.items())}
            for segment, by_month in sorted(by_segment.items())
        }
        for segment_type, by_segment in _collected(rows, segments).items()
    }


def medians(rows: Iterable[tuple[Any, ...]], *segments: str) -> Figures:
    """rows: (month, value, segment values...). `p90` interpolates between neighbours, as `quantile_cont` does."""

    def of(values: list[float]) -> dict[str, float | int | None]:
        return {"value": statistics.median(values), "p90": quantile(values, 0.9), "sample": len(values)}

    return {
        segment_type: {
            segment: {month: of([value for (value,) in whats]) for month, whats in sorted(by_month.items())} for segment, by_month in sorted(by_segment.items())
        }
        for segment_type, by_segment in _collected(rows, segments).items()
    }


def quantile(values: list[float], share: float) -> float:
    ordered = sorted(values)
    place = share * (len(ordered) - 1)
    low = int(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)
