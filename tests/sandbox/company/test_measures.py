"""Business minutes, worked out by hand."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from random import Random
from zoneinfo import ZoneInfo

import pytest

from sandbox.company.hours import open_time
from sandbox.company.measures import BusinessHours, quantile, wall
from sandbox.company.plan import Calendar, Plan

EVERY_DAY = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
OFFICE = Calendar(name="office", time_zone="Europe/Berlin", hours={day: (("09:00", "17:00"),) for day in EVERY_DAY[:5]}, holidays=(date(2026, 5, 1),))


def whole_days(time_zone: str) -> Calendar:
    return Calendar(name="whole days", time_zone=time_zone, hours={day: (("00:00", "24:00"),) for day in EVERY_DAY})


def at(text: str, zone: str = "UTC") -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)


@pytest.mark.parametrize(
    ("start", "end", "minutes"),
    [
        ("2026-03-04T10:00", "2026-03-04T11:30", 90),  # inside one day
        ("2026-03-04T16:30", "2026-03-05T09:30", 60),  # over night
        ("2026-03-06T16:00", "2026-03-09T10:00", 120),  # over a weekend
        ("2026-03-07T12:00", "2026-03-08T12:00", 0),  # within a weekend
        ("2026-04-30T16:00", "2026-05-04T10:00", 120),  # the first of May is a Friday and a holiday
        ("2026-03-04T05:00", "2026-03-04T23:00", 480),  # around a whole day
        ("2026-03-27T16:00", "2026-03-30T10:00", 120),  # the clocks change in between, outside the hours
        ("2026-03-04T17:00", "2026-03-05T09:00", 0),  # from closing to opening
    ],
)
def test_office_minutes(start: str, end: str, minutes: float) -> None:
    assert BusinessHours(OFFICE).minutes(at(start, "Europe/Berlin"), at(end, "Europe/Berlin")) == minutes


@pytest.mark.parametrize(
    ("zone", "day", "hours"),
    [
        ("Europe/Berlin", "2026-03-29", 23),
        ("Europe/Berlin", "2026-10-25", 25),
        ("Pacific/Auckland", "2026-04-05", 25),
        ("Pacific/Auckland", "2026-09-27", 23),
        ("America/Denver", "2026-03-08", 23),
        ("Asia/Singapore", "2026-03-29", 24),
    ],
)
def test_a_whole_day_has_as_many_hours_as_it_has(zone: str, day: str, hours: int) -> None:
    start = at(f"{day}T00:00", zone)
    assert BusinessHours(whole_days(zone)).minutes(start, start + timedelta(hours=40)) - 60 * (40 - hours) == hours * 60


def test_a_night_shift_loses_the_hour_that_never_comes() -> None:
    night = Calendar(name="night", time_zone="Europe/Berlin", hours={"sun": (("01:00", "04:00"),)})
    assert BusinessHours(night).minutes(at("2026-03-29T00:00", "Europe/Berlin"), at("2026-03-29T12:00", "Europe/Berlin")) == 120


def test_a_night_shift_gains_the_hour_that_comes_twice() -> None:
    night = Calendar(name="night", time_zone="Europe/Berlin", hours={"sun": (("01:00", "04:00"),)})
    assert BusinessHours(night).minutes(at("2026-10-25T00:00", "Europe/Berlin"), at("2026-10-25T12:00", "Europe/Berlin")) == 240


def test_a_wall_time_that_never_comes_is_the_instant_of_the_change() -> None:
    assert wall(date(2026, 3, 29), "02:30", ZoneInfo("Europe/Berlin")) == datetime(2026, 3, 29, 1, 0, tzinfo=UTC)
    assert wall(date(2026, 9, 27), "02:15", ZoneInfo("Pacific/Auckland")) == datetime(2026, 9, 26, 14, 0, tzinfo=UTC)


def test_a_wall_time_that_comes_twice_is_its_first_coming() -> None:
    assert wall(date(2026, 10, 25), "02:30", ZoneInfo("Europe/Berlin")) == datetime(2026, 10, 25, 0, 30, tzinfo=UTC)


def test_the_instant_of_a_limit_is_where_the_minutes_run_out() -> None:
    hours = BusinessHours(OFFICE)
    assert hours.instant(at("2026-03-06T16:00", "Europe/Berlin"), 90) == at("2026-03-09T09:30", "Europe/Berlin")
    assert hours.instant(at("2026-03-07T16:00", "Europe/Berlin"), 30) == at("2026-03-09T09:30", "Europe/Berlin")


def test_the_writer_and_the_judge_count_the_same_minutes(plan: Plan) -> None:
    """Two ways that share no code: a bisected line of seconds against a walk over the days."""
    random = Random(5)
    first, last = date(2025, 5, 1), date(2026, 12, 31)
    for calendar in plan.calendars:
        line, walk = open_time(calendar, first, last), BusinessHours(calendar)
        for _ in range(60):
            start = datetime(2025, 5, 2, tzinfo=UTC) + timedelta(minutes=random.randrange(540 * 1440))
            minutes = random.choice((1, 30, 480, 700, 3000))
            end = line.after(start, minutes)
            assert walk.minutes(start, end) == pytest.approx(minutes, abs=1 / 60), (calendar.name, start, minutes)


def test_a_quantile_lies_between_its_neighbours() -> None:
    assert quantile([1.0, 2.0, 3.0, 4.0], 0.9) == pytest.approx(3.7)
    assert quantile([5.0], 0.9) == 5.0
