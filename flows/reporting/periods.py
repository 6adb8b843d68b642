"""The week or month that a report is about."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Period:
    """start, end: first and last day, inclusive."""

    grain: Literal["week", "month"]
    start: date

    @property
    def end(self) -> date:
        if self.grain == "week":
            return self.start + timedelta(days=6)
        return (self.start.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)

    @property
    def label(self) -> str:
        """'2026-W43' or '2026-10'."""
        year, week, _ = self.start.isocalendar()
        return f"{year}-W{week:02d}" if self.grain == "week" else f"{self.start:%Y-%m}"


def parse(text: str) -> Period:
    """'2026-W43' or '2026-10'. Raises ValueError that says how to write it."""
    try:
        if week := re.fullmatch(r"(\d{4})-?W(\d{1,2})", text, re.IGNORECASE):
            return Period(grain="week", start=date.fromisocalendar(int(week[1]), int(week[2]), 1))
        if month := re.fullmatch(r"(\d{4})-(\d{2})", text):
            return Period(grain="month", start=date(int(month[1]), int(month[2]), 1))
    except ValueError:
        pass
    raise ValueError(f"{text!r} is no period: write a week as 2026-W43 or a month as 2026-10")


def latest(grain: Literal["week", "month"], as_of: date) -> Period:
    """The last period that is over on `as_of`."""
    day = as_of + timedelta(days=1)
    if grain == "week":
        return Period(grain="week", start=day - timedelta(days=day.weekday() + 7))
    return Period(grain="month", start=(day.replace(day=1) - timedelta(days=1)).replace(day=1))
