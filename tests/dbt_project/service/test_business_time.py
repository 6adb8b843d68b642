"""Business time in the warehouse against plain Python: other time zone rules, no shared arithmetic."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.service.wall_time import (
    OpeningHours,
    OpenSpans,
    changes_of_clock,
    every_day,
    open_minutes_on_the_wall,
    weekdays,
)
from tests.dbt_project.warehouse_builder import WarehouseBuilder
from tests.length import IS_DRILL

FIRST, LAST = date(2023, 12, 1), date(2027, 1, 31)
INTERVALS_A_CALENDAR = 10_000 if IS_DRILL else 500

CALENDARS = (
    OpeningHours(
        name="office with holidays", time_zone="Europe/Berlin", hours=weekdays(("09:00", "17:00")),
        holidays=frozenset({date(2024, 12, 25), date(2024, 12, 26), date(2025, 5, 1), date(2026, 4, 6)})),
    OpeningHours(name="lunch break", time_zone="America/New_York", hours=weekdays(("08:30", "12:00"), ("13:00", "17:30"))),
    OpeningHours(name="always, southern", time_zone="Australia/Sydney", hours=every_day(("00:00", "24:00"))),
    OpeningHours(name="seven days, clock changes at midnight", time_zone="America/Santiago", hours=every_day(("00:00", "18:00"))),
    OpeningHours(
        name="nights, half an hour of summer time", time_zone="Australia/Lord_Howe", hours=every_day(("22:00", "06:00")),
        holidays=frozenset({date(2025, 10, 5), date(2026, 1, 1)})),
    OpeningHours(name="always, midnight comes twice", time_zone="America/Havana", hours=every_day(("00:00", "00:00"))),
    OpeningHours(name="until midnight", time_zone="Pacific/Auckland", hours=weekdays(("16:00", "00:00"))),
    OpeningHours(name="early birds", time_zone="Africa/Cairo", hours=every_day(("00:00", "08:00"))),
    OpeningHours(name="no summer time", time_zone="Asia/Kolkata", hours=weekdays(("09:30", "18:00"))),
    OpeningHours(name="three quarters of an hour", time_zone="Pacific/Chatham", hours={"sat": (("02:45", "04:00"),), "sun": (("02:00", "03:30"),)}),
    OpeningHours(name="opens in the missing hour", time_zone="Europe/Berlin", hours={"sun": (("02:30", "05:00"),)}),
    OpeningHours(name="shifts that overlap", time_zone="America/Denver", hours=every_day(("08:00", "14:00"), ("12:00", "20:00"), ("20:00", "21:00"))),
)
# On the wall alone, minute by minute, an edge inside the hour that comes twice would open or close twice: these have none there.
EDGES_OUTSIDE_THE_CHANGE = ("office with holidays", "lunch break", "always, southern", "always, midnight comes twice", "until midnight", "shifts that overlap")

Interval = tuple[str, datetime, datetime]


@pytest.fixture(scope="module")
def spans(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    company = WarehouseBuilder(folder=tmp_path_factory.mktemp("spans"), target=dbt_target, manifest=dbt_manifest)
    company.tables["calendars"] = [row for calendar in CALENDARS for row in calendar.rows()]
    company.tables["holidays"] = [(calendar.name, day) for calendar in CALENDARS for day in calendar.holidays]
    with pytest.MonkeyPatch.context() as patch:
        # only tests whose models are all selected: the KPIs' tests read the spans too
        patch.setenv("DBT_INDIRECT_SELECTION", "cautious")
        company.build("+int_calendar_spans", as_of="2026-10-31")
    return company


def measured(builder: WarehouseBuilder, sql: Callable[..., str], intervals: Sequence[Interval]) -> list[float]:
    """Business seconds of each interval, as the warehouse counts them."""
    with builder.connection() as connection:
        connection.execute("create temp table intervals (number bigint, calendar varchar, started_at timestamp, ended_at timestamp)")
        rows = [[number, name, start.replace(tzinfo=None), end.replace(tzinfo=None)] for number, (name, start, end) in enumerate(intervals)]
        connection.executemany("insert into intervals values (?, ?, ?, ?)", rows)
        timed = sql("with_business_time", "intervals", "calendar", {"started_at": "started", "ended_at": "ended"})
        return [seconds for (seconds,) in connection.execute(f"select (ended - started) / 1000000.0 from ({timed}) order by number").fetchall()]


def random_intervals(calendar: OpeningHours, count: int) -> list[Interval]:
    """Half of them anywhere, half around a change of the clock; from a second to some weeks."""
    chance = random.Random(calendar.name)
    changes = list(changes_of_clock(calendar.time_zone, FIRST, LAST)) or [datetime(2025, 6, 1, tzinfo=UTC)]
    intervals = []
    for number in range(count):
        if number % 2:
            start = chance.choice(changes) + timedelta(seconds=chance.randint(-2 * 86_400, 2 * 86_400))
        else:
            start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(seconds=chance.randint(0, 1_000 * 86_400))
        length = timedelta(seconds=round(chance.lognormvariate(10.5, 1.8)) + 1, microseconds=chance.choice((0, 0, 250_000)))
        intervals.append((calendar.name, start, start + min(length, timedelta(days=60))))
    return intervals


def test_business_time_agrees_with_the_standard_library_on_every_calendar(spans: WarehouseBuilder, business_time_sql: Callable[..., str]) -> None:
    intervals = [interval for calendar in CALENDARS for interval in random_intervals(calendar, INTERVALS_A_CALENDAR)]
    oracles = {calendar.name: OpenSpans(calendar, FIRST, LAST) for calendar in CALENDARS}
    found = measured(spans, business_time_sql, intervals)
    differing = [
        (name, start.isoformat(), end.isoformat(), seconds, oracles[name].seconds(start, end))
        for (name, start, end), seconds in zip(intervals, found, strict=True)
        if abs(seconds - oracles[name].seconds(start, end)) > 1
    ]
    assert len(intervals) == len(CALENDARS) * INTERVALS_A_CALENDAR
    assert differing == []


def test_business_time_agrees_with_the_wall_clock_read_every_minute(spans: WarehouseBuilder, business_time_sql: Callable[..., str]) -> None:
    chance = random.Random(20261031)
    intervals = []
    for calendar in CALENDARS:
        if calendar.name in EDGES_OUTSIDE_THE_CHANGE:
            for change in list(changes_of_clock(calendar.time_zone, date(2025, 1, 1), date(2026, 12, 31))):
                start = change + timedelta(minutes=chance.randint(-900, 300))
                intervals.append((calendar.name, start, start + timedelta(minutes=chance.randint(600, 3_000))))
    by_name = {calendar.name: calendar for calendar in CALENDARS}
    expected = [open_minutes_on_the_wall(by_name[name], start, end) * 60 for name, start, end in intervals]
    assert measured(spans, business_time_sql, intervals) == expected
    assert len(intervals) >= 4 * len(EDGES_OUTSIDE_THE_CHANGE)


def test_a_day_has_as_many_hours_as_the_clock_gives_it(spans: WarehouseBuilder, business_time_sql: Callable[..., str]) -> None:
    def day(name: str, offset_hours: float, year: int, month: int, day_of_month: int, hours: int) -> Interval:
        start = datetime(year, month, day_of_month, tzinfo=UTC) - timedelta(hours=offset_hours)
        return name, start, start + timedelta(hours=hours)

    # Sydney goes back in April and forward in October.
    intervals = [
        day("always, southern", 11, 2026, 4, 5, 25),
        day("always, southern", 10, 2026, 10, 4, 23),
        day("always, southern", 10, 2026, 7, 1, 24),
        # 22:00 to 06:00 on the night when Lord Howe's clock goes back by half an hour
        ("nights, half an hour of summer time", datetime(2026, 4, 4, 6, tzinfo=UTC), datetime(2026, 4, 5, 6, tzinfo=UTC)),
        # 02:30 never came on that Sunday: open from 03:00 to 05:00
        ("opens in the missing hour", datetime(2026, 3, 28, 20, tzinfo=UTC), datetime(2026, 3, 29, 20, tzinfo=UTC)),
        # 02:30 came twice: open from the first one, to 05:00
        ("opens in the missing hour", datetime(2026, 10, 24, 20, tzinfo=UTC), datetime(2026, 10, 25, 20, tzinfo=UTC)),
    ]
    assert [seconds / 3600 for seconds in measured(spans, business_time_sql, intervals)] == [25, 23, 24, 8.5, 2, 3.5]


def test_a_holiday_closes_the_day_and_not_the_shift(spans: WarehouseBuilder, business_time_sql: Callable[..., str]) -> None:
    # New Year 2026 on Lord Howe (UTC+11): the night before ends at midnight, the night of the holiday begins at the next midnight.
    intervals = [("nights, half an hour of summer time", datetime(2025, 12, 31, 6, tzinfo=UTC), datetime(2026, 1, 2, 1, tzinfo=UTC))]
    assert measured(spans, business_time_sql, intervals) == [(2 + 6) * 3600]


def test_the_instant_of_a_limit_is_where_business_time_reaches_it(spans: WarehouseBuilder, business_time_sql: Callable[..., str]) -> None:
    # Friday 16:30 in Berlin plus 60 business minutes: Monday 09:30; exactly 30: Friday 17:00, not Monday.
    with spans.connection() as connection:
        connection.execute("create temp table starts (calendar varchar, started_at timestamp, minutes bigint)")
        connection.execute("insert into starts values ('office with holidays', '2026-10-30 15:30:00', 60), ('office with holidays', '2026-10-30 15:30:00', 30)")
        started = business_time_sql("with_business_time", "starts", "calendar", {"started_at": "started"})
        connection.execute(f"create temp table limits as select *, started + minutes * 60000000 as due from ({started})")
        due = business_time_sql("with_business_instant", "limits", "calendar", "due", "due_at")
        answer = connection.execute(f"select minutes, cast(due_at as varchar) from ({due}) order by minutes").fetchall()
    assert answer == [(30, "2026-10-30 16:00:00"), (60, "2026-11-02 08:30:00")]


def test_touching_and_overlapping_hours_become_one_span(spans: WarehouseBuilder) -> None:
    with spans.connection() as connection:
        touching = connection.execute("""
            select count(*) filter (where touches), count(distinct calendar)
            from (select *, starts_at <= lag(ends_at) over (partition by calendar order by starts_at) as touches from intermediate.int_calendar_spans)
        """).fetchone()
        longest = connection.execute("""
            select max(open_seconds) / 3600 from intermediate.int_calendar_spans where calendar = 'shifts that overlap'
        """).fetchone()
    # with the calendar around the clock that always exists
    assert touching == (0, len(CALENDARS) + 1)
    assert longest == (13,)


def test_a_helpdesks_own_schedule_is_a_calendar_like_the_same_hours_in_the_configuration_which_goes_first(company: WarehouseBuilder) -> None:
    written = OpeningHours(name="written", time_zone="America/New_York", hours=weekdays(("08:30", "12:00"), ("13:00", "24:00")),
                           holidays=frozenset({date(2026, 9, 7), date(2026, 11, 26), date(2026, 11, 27)}))
    company.tables["calendars"] = [*written.rows(), *OpeningHours(name="both", time_zone="UTC", hours=every_day(("01:00", "02:00"))).rows()]
    company.tables["holidays"] = [("written", day) for day in written.holidays]
    monday, sunday = 1440, 0
    hours = [{"start_time": day * monday + opens, "end_time": day * monday + closes} for day in range(1, 6) for opens, closes in ((510, 720), (780, 1440))]
    company.land({
        ("zendesk", "schedules"): [
            {"id": 1, "name": "theirs", "time_zone": "Eastern Time (US & Canada)", "intervals": hours},
            {"id": 2, "name": "both", "time_zone": "Eastern Time (US & Canada)", "intervals": hours},
            {"id": 3, "name": "nowhere", "time_zone": "Middle Earth", "intervals": hours},
            {"id": 4, "name": "sundays", "time_zone": "Europe/Berlin", "intervals": [{"start_time": sunday + 600, "end_time": sunday + 660}]},
            {"id": 5, "name": "never", "time_zone": "Europe/Berlin", "intervals": []}],
        ("zendesk", "schedule_holidays"): [
            {"id": 11, "schedule_id": 1, "name": "Labor Day", "start_date": "2026-09-07", "end_date": "2026-09-07"},
            {"id": 12, "schedule_id": 1, "name": "Thanksgiving", "start_date": "2026-11-26", "end_date": "2026-11-27"},
            {"id": 13, "schedule_id": 2, "name": "Never", "start_date": "2020-01-01", "end_date": "2029-01-01"}],
        ("zendesk", "users"): [{"id": 7, "role": "agent", "time_zone": "Eastern Time (US & Canada)", "iana_time_zone": "America/New_York"}]})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DBT_INDIRECT_SELECTION", "cautious")
        company.build("+int_calendar_spans", as_of="2026-10-31")

    with company.connection() as connection:
        def spans_of(calendar: str) -> list[tuple[Any, ...]]:
            return list(connection.execute("select starts_at, ends_at, open_seconds_before from intermediate.int_calendar_spans where calendar = ? order by 1",
                                           [calendar]).fetchall())

        assert spans_of("theirs") == spans_of("written") and len(spans_of("theirs")) > 1000
        assert {ends_at - starts_at for starts_at, ends_at, _ in spans_of("both")} == {timedelta(hours=1)}
        assert {starts_at.isoweekday() for starts_at, _, _ in spans_of("sundays")} == {7}
        assert spans_of("nowhere") == spans_of("never") == []
