"""Why a segment's value moved: its own parts, without a rest, and what it did to the whole."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.alerting import why
from flows.alerting.judge import Kpi
from tests.flows.alerting import marts
from tests.flows.alerting.world import rule

LATE = Kpi(kpi="late_rate")
DAY = date(2026, 3, 15)
COUNTS = st.tuples(st.integers(0, 500), st.integers(1, 500))


@pytest.fixture
def published() -> Iterator[duckdb.DuckDBPyConnection]:
    with duckdb.connect() as connection:
        for table in ("kpis", "kpi_drivers"):
            connection.execute(f"create table {table} ({marts.TABLES[table]})")
        yield connection


def week(connection: duckdb.DuckDBPyConnection, number: int, value: float | None, above: float | None, below: float | None, count: int = 100) -> None:
    start = date(2026, 3, 2) + timedelta(days=7 * number)
    marts.put(connection, "kpis", [("late_rate", "week", "supplier", "Umbra", start, start + timedelta(days=6), value, above, below, count, 0.1)])


def asked(connection: duckdb.DuckDBPyConnection, day: date = DAY, kpi: Kpi = LATE) -> list[why.Driver]:
    return why.drivers(connection, rule(kpi="late_rate"), kpi, ("supplier", "Umbra"), day)


def test_a_ratio_moves_by_what_is_counted_and_by_what_it_is_divided_by(published: duckdb.DuckDBPyConnection) -> None:
    week(published, 0, 0.1, 4, 40)
    week(published, 1, 0.2, 12, 60)
    assert asked(published) == [
        ("Numerator 4 → 12", "分子 4 → 12", pytest.approx(8 * (1 / 40 + 1 / 60) / 2), pytest.approx(5 / 3)),
        ("Denominator 40 → 60", "分母 40 → 60", pytest.approx(16 * (1 / 60 - 1 / 40) / 2), pytest.approx(-2 / 3))]


def test_an_amount_moves_by_how_many_there_were_and_what_each_was_worth(published: duckdb.DuckDBPyConnection) -> None:
    week(published, 0, 1000, 1000, None, 10)
    week(published, 1, 1800, 1800, None, 12)
    assert asked(published) == [
        ("Each: 100.00 → 150.00", "单值 100.00 → 150.00", pytest.approx(550), pytest.approx(550 / 800)),
        ("How many: 10 → 12", "数量 10 → 12", pytest.approx(250), pytest.approx(250 / 800))]


@settings(deadline=None, max_examples=50)
@given(st.tuples(COUNTS, COUNTS))
def test_the_parts_sum_to_the_change(given: tuple[tuple[int, int], tuple[int, int]]) -> None:
    (above0, below0), (above1, below1) = given
    with duckdb.connect() as connection:
        for table in ("kpis", "kpi_drivers"):
            connection.execute(f"create table {table} ({marts.TABLES[table]})")
        week(connection, 0, above0 / below0, above0, below0)
        week(connection, 1, above1 / below1, above1, below1)
        assert sum(part for _, _, part, _ in asked(connection)) == pytest.approx(above1 / below1 - above0 / below0, abs=1e-9)


def test_of_medians_and_what_its_parts_do_not_make_it_is_said_that_no_exact_split_exists(published: duckdb.DuckDBPyConnection) -> None:
    week(published, 0, 4.0, None, None)
    assert asked(published) == [], "one week has not moved"
    week(published, 1, 5.0, None, None)
    assert asked(published) == [why.NO_PARTS]
    published.execute("update kpis set value = 5")
    assert asked(published) == [], "nothing moved"
    published.execute("delete from kpis")
    week(published, 0, 0.3, 4, 40)
    week(published, 1, 0.2, 12, 60)
    assert asked(published) == [why.NO_PARTS]


def test_of_a_whole_it_is_said_why_it_has_no_split(published: duckdb.DuckDBPyConnection) -> None:
    def whole() -> list[why.Driver]:
        return why.drivers(published, rule(kpi="late_rate"), LATE, ("all", "all"), DAY)

    week(published, 0, 4.0, None, None)
    week(published, 1, 5.0, None, None)
    published.execute("update kpis set segment_type = 'all', segment = 'all'")
    assert whole() == [why.NO_PARTS]
    published.execute("update kpis set numerator = value * 10, denominator = 10")
    assert whole() == [why.NO_SEGMENTS]
    marts.put(published, "kpi_drivers", [("late_rate", "month", "all", "all", date(2026, 2, 1), "previous", "supplier", "rate", "Umbra", "", "", 0.01, 0.5, 1)])
    assert whole() == [], "it has one, only not of this week"
    published.execute("drop table kpi_drivers")
    assert whole() == [], "a version from before drivers tells nothing"


def test_a_week_that_is_not_settled_tells_nothing_yet(published: duckdb.DuckDBPyConnection) -> None:
    for number, late in enumerate((4, 8, 20)):
        week(published, number, late / 40, late, 40)
    assert [title for title, *_ in asked(published)] == ["Numerator 4 → 8"]
    assert [title for title, *_ in asked(published, DAY + timedelta(days=7))] == ["Numerator 8 → 20"]
    assert [title for title, *_ in asked(published, DAY + timedelta(days=7), Kpi(kpi="late_rate", settles_after_days=1))] == ["Numerator 4 → 8"]


def test_what_a_segment_did_to_the_whole_is_said(published: duckdb.DuckDBPyConnection) -> None:
    week(published, 0, 0.1, 4, 40)
    week(published, 1, 0.2, 12, 60)
    marts.put(published, "kpi_drivers", [
        ("late_rate", "week", "all", "all", date(2026, 3, 9), "previous", "supplier", driver, supplier, "", "", part, share, None)
        for driver, supplier, part, share in (("rate", "Umbra", 0.02, 0.5), ("mix", "Umbra", 0.01, 0.25), ("rate", "Acme", 0.01, 0.25))])
    assert asked(published)[2] == ("What it did to the whole", "对整体的影响", pytest.approx(0.03), pytest.approx(0.75))
