"""The KPI macros against a second route: the same numbers counted in plain Python."""

import statistics
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from typing import Any

import duckdb
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.dbt_project.macro_sql import macro
from tests.length import IS_DRILL

AS_OF = date(2026, 10, 31)
Row = dict[str, Any]


def run(sql: str, things: Sequence[Row]) -> dict[tuple[str, str, date, str, str], Row]:
    """The macro's rows by (kpi, grain, period start, segment type, segment); a key twice is an error."""
    columns = {"day": "date", "amount": "double", "base": "double", "closed": "date", "team": "varchar", "channel": "varchar"}
    with duckdb.connect() as connection:
        connection.execute(f"create table things ({', '.join(f'{name} {kind}' for name, kind in columns.items())})")
        for thing in things:
            connection.execute("insert into things values (?, ?, ?, ?, ?, ?)", [thing.get(name) for name in columns])
        answer = connection.execute(sql)
        names = [column[0] for column in answer.description]
        assert names == ["kpi", "period_grain", "period_start", "segment_type", "segment", "value", "numerator", "denominator", "sample_size"]
        rows = [dict(zip(names, row, strict=True)) for row in answer.fetchall()]
    found = {(row["kpi"], row["period_grain"], row["period_start"], row["segment_type"], row["segment"]): row for row in rows}
    assert len(found) == len(rows), "one row per KPI, grain, period and segment"
    return found


def first_day(grain: str, day: date) -> date:
    if grain == "week":
        return day - timedelta(days=day.weekday())
    return day.replace(day=1) if grain == "month" else day


def last_day(grain: str, start: date) -> date:
    if grain == "week":
        return start + timedelta(days=6)
    return (start + timedelta(days=31)).replace(day=1) - timedelta(days=1) if grain == "month" else start


def periods(grain: str, earliest: date, latest: date) -> Iterator[date]:
    """Every period that holds a day between the two, each once, in order."""
    day, seen = earliest, None
    while day <= latest:
        if first_day(grain, day) != seen:
            seen = first_day(grain, day)
            yield seen
        day += timedelta(days=1)


def expected_cells(things: Sequence[Row], *, segments: Sequence[str] = ("team", "channel")) -> Iterator[tuple[tuple[str, date, str, str], list[Row]]]:
    """Every (grain, period start, segment type, segment) that must be there, and the things in it."""
    known = [thing for thing in things if thing["day"] is not None and thing["day"] <= AS_OF]
    if not known:
        return
    wanted = {("all", "all")} | {(kind, thing[kind] or "unknown") for kind in segments for thing in known}
    for grain in ("day", "week", "month"):
        for start in periods(grain, min(thing["day"] for thing in known), AS_OF):
            for kind, segment in wanted:
                yield (
                    (grain, start, kind, segment),
                    [thing for thing in known if first_day(grain, thing["day"]) == start and (kind == "all" or (thing[kind] or "unknown") == segment)],
                )


thing = st.fixed_dictionaries(
    {
        "day": st.one_of(st.none(), st.dates(date(2026, 9, 20), date(2026, 11, 10))),
        "amount": st.one_of(st.none(), st.integers(0, 5)),
        "base": st.one_of(st.none(), st.integers(0, 2)),
        "team": st.sampled_from(["north", "south", None, "all"]),
        "channel": st.sampled_from(["mail", "chat"]),
    }
)
examples = settings(max_examples=1_000 if IS_DRILL else 25, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@examples
@given(st.lists(thing, max_size=25))
def test_a_ratio_is_the_sum_above_over_the_sum_below_in_every_period_and_segment(things: list[Row]) -> None:
    found = run(macro("kpi_ratio")("k", "things", "day", "amount", "base", ["team", "channel"]), things)
    expected = list(expected_cells(things))
    assert len(found) == len(expected)
    for key, members in expected:
        below = sum(member["base"] or 0 for member in members)
        row = found[("k", *key)]
        assert row["value"] == (pytest.approx(sum(member["amount"] or 0 for member in members) / below) if below and row["numerator"] is not None else None)
        assert row["sample_size"] == sum(1 for member in members if member["base"])


@examples
@given(st.lists(thing, max_size=25))
def test_a_median_is_taken_over_the_things_themselves_and_never_over_medians(things: list[Row]) -> None:
    found = run(macro("kpi_median")("k", "things", "day", "amount", ["team", "channel"]), things)
    for key, members in expected_cells(things):
        values = [member["amount"] for member in members if member["amount"] is not None]
        assert found[("k", *key)]["value"] == (statistics.median(values) if values else None)
        assert found[("k", *key)]["sample_size"] == found[("k_p90", *key)]["sample_size"] == len(values)
        if values:
            assert found[("k_p90", *key)]["value"] >= found[("k", *key)]["value"]


@examples
@given(st.lists(thing, max_size=25))
def test_a_sum_without_anything_to_sum_is_null_and_not_zero(things: list[Row]) -> None:
    found = run(macro("kpi_sum")("k", "things", "day", "amount", ["team", "channel"]), things)
    for key, members in expected_cells(things):
        values = [member["amount"] for member in members if member["amount"] is not None]
        assert found[("k", *key)]["value"] == (sum(values) if values else None)


@examples
@given(st.lists(thing, max_size=25), st.sampled_from([1, 7, 30]))
def test_a_trailing_ratio_looks_back_from_the_last_known_day_of_its_period(things: list[Row], days: int) -> None:
    found = run(macro("kpi_trailing_ratio")("k", "things", "day", "amount", "base", ["team"], days=days), things)
    for (grain, start, kind, segment), _ in expected_cells(things, segments=["team"]):
        until = min(last_day(grain, start), AS_OF)
        window = [
            member
            for member in things
            if member["day"] is not None
            and until - timedelta(days=days) < member["day"] <= until
            and (kind == "all" or (member["team"] or "unknown") == segment)
        ]
        below = sum(member["base"] or 0 for member in window)
        row = found[("k", grain, start, kind, segment)]
        if below and any(member["amount"] is not None for member in window):
            assert row["value"] == pytest.approx(sum(member["amount"] or 0 for member in window) / below)
        else:
            assert row["value"] is None


spell = st.fixed_dictionaries(
    {
        "day": st.dates(date(2026, 9, 20), date(2026, 11, 10)),
        "lasted": st.one_of(st.none(), st.integers(0, 40)),
        "team": st.sampled_from(["north", None]),
    }
)


@examples
@given(st.lists(spell, max_size=20))
def test_a_stock_counts_what_is_open_when_the_period_ends(spells: list[Row]) -> None:
    things: list[Row] = [{**one, "closed": None if one["lasted"] is None else one["day"] + timedelta(days=one["lasted"])} for one in spells]
    found = run(macro("kpi_at_period_end")("k", "things", "day", "closed", ["team"]), things)
    expected = list(expected_cells(things, segments=["team"]))
    assert len(found) == len(expected)
    for (grain, start, kind, segment), _ in expected:
        until = min(last_day(grain, start), AS_OF)
        mine = [one for one in things if kind == "all" or (one["team"] or "unknown") == segment]
        value = found[("k", grain, start, kind, segment)]["value"]
        if until < min(one["day"] for one in mine):
            assert value is None, "before its first thing a segment has no stock, not a stock of nothing"
        else:
            assert value == sum(1 for one in mine if one["day"] <= until and (one["closed"] is None or one["closed"] > until))


def test_a_ratio_of_stocks_counts_each_thing_from_its_first_day_to_the_day_before_its_last() -> None:
    customers: list[Row] = [
        {"day": date(2026, 10, 1), "closed": date(2026, 10, 20), "amount": 0, "base": 1},
        {"day": date(2026, 10, 5), "closed": None, "amount": 0, "base": 1},
        {"day": date(2026, 10, 10), "closed": None, "amount": 1, "base": 0},
    ]
    found = run(macro("kpi_ratio_at_period_end")("k", "things", "day", "closed", "amount", "base"), customers)
    values = {day: found[("k", "day", date(2026, 10, day), "all", "all")]["value"] for day in (1, 9, 10, 19, 20)}
    assert values == {1: 0, 9: 0, 10: 0.5, 19: 0.5, 20: 1}
    assert found[("k", "month", date(2026, 10, 1), "all", "all")]["value"] == 1


def test_nothing_at_all_gives_no_rows() -> None:
    for name, arguments in {
        "kpi_ratio": ("day", "amount", "base"),
        "kpi_median": ("day", "amount"),
        "kpi_sum": ("day", "amount"),
        "kpi_trailing_ratio": ("day", "amount", "base"),
        "kpi_at_period_end": ("day", "closed"),
    }.items():
        assert run(macro(name)("k", "things", *arguments), []) == {}


def test_what_happens_after_as_of_changes_nothing() -> None:
    known: list[Row] = [{"day": date(2026, 10, 30), "amount": 1, "base": 1, "team": "north"}]
    later: list[Row] = [{"day": date(2026, 11, 2), "amount": 0, "base": 1, "team": "south"}]
    for name, arguments in {
        "kpi_ratio": ("day", "amount", "base"),
        "kpi_trailing_ratio": ("day", "amount", "base"),
        "kpi_at_period_end": ("day", "closed"),
    }.items():
        sql = macro(name)("k", "things", *arguments, ["team"])
        assert run(sql, known + later) == run(sql, known)


def test_a_relation_may_be_called_like_the_macros_own_steps() -> None:
    with duckdb.connect() as connection:
        for name in ("cells", "segments", "periods", "days", "daily"):
            sql = macro("kpi_ratio")("k", name, "day", "1", "1", ["team"])
            connection.execute(f"with {name} as (select date '2026-10-31' as day, 'north' as team), final as ({sql}) select * from final")
            sql = macro("kpi_trailing_ratio")("k", name, "day", "1", "1", ["team"])
            connection.execute(f"with {name} as (select date '2026-10-31' as day, 'north' as team), final as ({sql}) select * from final")


def test_a_date_that_a_source_invented_does_not_open_a_calendar_of_fifty_years() -> None:
    things: list[Row] = [{"day": date(1970, 1, 1), "amount": 1, "base": 1}, {"day": date(2026, 10, 30), "amount": 0, "base": 1}]
    found = run(macro("kpi_ratio")("k", "things", "day", "amount", "base"), things)
    assert min(start for _, _, start, _, _ in found) == date(2026, 10, 1)
    stock = run(macro("kpi_at_period_end")("k", "things", "day", "closed"), things)
    assert min(start for _, _, start, _, _ in stock) >= date(1999, 12, 27)
    assert stock[("k", "day", AS_OF, "all", "all")]["value"] == 2, "what has been open since ever still counts"


def test_money_is_summed_as_money() -> None:
    """300,003 amounts of a cent's fractions are exact to the last digit whatever order they come in; as doubles they are not."""
    with duckdb.connect() as connection:
        connection.execute("""
            create table things as select date '2026-10-31' as day, cast(amount as decimal(18, 4)) as amount, 1 as base
            from (values (0.1), (0.2), (1234567.8901)) as t (amount), range(100001)""")
        exact = connection.execute("select sum(amount) from things").fetchone()
        assert exact is not None
        for sql in (macro("kpi_sum")("k", "things", "day", value="amount", grains=["day", "month"]),
                    macro("kpi_ratio")("k", "things", "day", numerator="amount", denominator="base", grains=["day", "month"])):
            rows = connection.execute(f"select numerator, typeof(numerator), typeof(value) from ({sql}) where period_start in (date '2026-10-31', date '2026-10-01')")
            found = rows.fetchall()
            assert len(found) == 2 and {row[1:] for row in found} == {("DOUBLE", "DOUBLE")}
            assert {row[0] for row in found} == {float(exact[0])}
        doubles = connection.execute("select sum(cast(amount as double) order by amount) from things").fetchone()
        assert doubles is not None and doubles[0] != float(exact[0]), "the sum of doubles is not"
