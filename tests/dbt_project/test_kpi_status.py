"""How a value is judged: directions, warning bands, ranges, segments, samples, relative targets."""

from typing import Any

import duckdb
import pytest

from tests.dbt_project.macro_sql import macro

DEFINITION: dict[str, Any] = {"direction": "higher", "target_change": None, "grain": "any", "min_sample": 0, "settles_after_days": 0}
MEASURED: dict[str, Any] = {"period_grain": "month", "period_start": "2026-09-01", "segment_type": "all", "segment": "all", "value": 0.5, "sample_size": 10}
TARGET: dict[str, Any] = {
    "segment_type": "all",
    "segment": "all",
    "effective_from": "0001-01-01",
    "effective_until": "9999-12-31",
    "target": 0.9,
    "warn_at": None,
    "act_at": None,
}


def judged(*, definition: dict[str, Any] | None = None, measured: list[dict[str, Any]], targets: list[dict[str, Any]] | None = None) -> list[dict[str, Any]]:
    """The rows of kpi_judged, in the order of period and segment."""
    with duckdb.connect() as connection:
        connection.execute(
            "create table definitions (kpi varchar, direction varchar, target_change double, grain varchar, min_sample bigint, "
            "settles_after_days integer, definition_revision varchar)"
        )
        connection.execute(
            "create table targets (kpi varchar, segment_type varchar, segment varchar, effective_from date, effective_until date, "
            "target double, warn_at double, act_at double)"
        )
        connection.execute(
            "create table measured (kpi varchar, period_grain varchar, period_start date, segment_type varchar, segment varchar, value double, "
            "numerator double, denominator double, sample_size bigint)"
        )
        for table, rows in (
            ("definitions", [{**DEFINITION, **(definition or {})}]),
            ("targets", [{**TARGET, **row} for row in targets or []]),
            ("measured", [{**MEASURED, **row} for row in measured]),
        ):
            for row in rows:
                named = {"kpi": "k", **row}
                connection.execute(f"insert into {table} ({', '.join(named)}) values ({', '.join('?' for _ in named)})", list(named.values()))
        answer = connection.execute(f"select * from ({macro('kpi_judged')('measured')}) order by period_start, segment_type, segment")
        names = [column[0] for column in answer.description]
        return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def status(value: float | None, direction: str, **target: float | None) -> str:
    [row] = judged(definition={"direction": direction}, measured=[{"value": value}], targets=[target])
    return str(row["status"])


@pytest.mark.parametrize(
    ("direction", "target", "value", "expected"),
    [
        ("higher", {"target": 0.9}, 0.9, "on_target"),
        ("higher", {"target": 0.9}, 0.89, "off_target"),
        ("higher", {"target": 0.9, "warn_at": 0.8}, 0.85, "warning"),
        ("higher", {"target": 0.9, "warn_at": 0.8}, 0.79, "off_target"),
        ("higher", {"target": 0.9, "warn_at": 0.95}, 0.92, "warning"),  # a band on the good side warns before the target is missed
        ("higher", {"target": 0.9, "warn_at": 0.95}, 0.89, "off_target"),
        ("lower", {"target": 0.1}, 0.1, "on_target"),
        ("lower", {"target": 0.1}, 0.11, "off_target"),
        ("lower", {"target": 0.1, "warn_at": 0.12}, 0.11, "warning"),
        ("lower", {"target": 0.1, "warn_at": 0.12}, 0.13, "off_target"),
        ("lower", {"target": 0.1, "warn_at": 0.08}, 0.09, "warning"),
        ("lower", {"target": 0.1, "warn_at": 0.08}, 0.07, "on_target"),
        ("lower", {"target": 0.0}, 0.0, "on_target"),
        ("range", {"target": 0.0, "warn_at": 0.05, "act_at": 0.1}, -0.05, "on_target"),
        ("range", {"target": 0.0, "warn_at": 0.05, "act_at": 0.1}, 0.07, "warning"),
        ("range", {"target": 0.0, "warn_at": 0.05, "act_at": 0.1}, -0.11, "off_target"),
        ("range", {"target": 0.8, "warn_at": 0.05, "act_at": 0.1}, 0.84, "on_target"),
        ("range", {"target": 0.8, "warn_at": 0.05}, 0.86, "off_target"),
        ("higher", {"target": None}, 0.5, "no_target"),
        ("higher", {"target": 0.9}, None, "no_data"),
        ("lower", {"target": 0.3}, 0.1 + 0.2, "on_target"),  # a sum that misses by its last bit has not missed
    ],
)
def test_a_value_is_judged_by_direction_target_and_band(direction: str, target: dict[str, float | None], value: float | None, expected: str) -> None:
    assert status(value, direction, **target) == expected


def test_a_value_in_an_early_warning_band_still_meets_its_target() -> None:
    [row] = judged(measured=[{"value": 0.92}], targets=[{"target": 0.9, "warn_at": 0.95}])
    assert (row["status"], row["is_met"]) == ("warning", True)
    [row] = judged(measured=[{"value": 0.85}], targets=[{"target": 0.9, "warn_at": 0.8}])
    assert (row["status"], row["is_met"]) == ("warning", False)


def test_too_small_a_sample_is_not_judged() -> None:
    few, enough = judged(
        definition={"min_sample": 5},
        targets=[{}],
        measured=[{"segment": "a", "segment_type": "team", "sample_size": 4}, {"segment": "b", "segment_type": "team", "sample_size": 5}],
    )
    assert (few["status"], few["is_met"], few["value"]) == ("no_data", None, 0.5)
    assert enough["status"] == "off_target"


def test_the_target_that_held_when_the_period_began_counts_to_its_end() -> None:
    rows = judged(
        measured=[{"period_grain": "week", "period_start": "2025-12-29"}, {"period_grain": "week", "period_start": "2026-01-05"}],
        targets=[{"target": 0.4, "effective_until": "2026-01-01"}, {"target": 0.6, "effective_from": "2026-01-01"}],
    )
    assert [row["target"] for row in rows] == [0.4, 0.6]


def test_a_segment_takes_the_target_of_the_whole_unless_it_has_its_own() -> None:
    rows = judged(
        measured=[{}, {"segment_type": "team", "segment": "north"}, {"segment_type": "team", "segment": "south"}],
        targets=[{"target": 0.9}, {"segment_type": "team", "segment": "north", "target": 0.4}],
    )
    assert {row["segment"]: row["target"] for row in rows} == {"all": 0.9, "north": 0.4, "south": 0.9}


def test_a_segments_own_line_without_a_number_takes_its_target_away() -> None:
    rows = judged(measured=[{"segment_type": "team", "segment": "north"}], targets=[{}, {"segment_type": "team", "segment": "north", "target": None}])
    assert [(row["target"], row["status"]) for row in rows] == [(None, "no_target")]


def test_an_amount_is_judged_only_at_its_grain_and_only_for_the_segment_it_names() -> None:
    rows = judged(
        definition={"grain": "month"},
        targets=[{"target": 100}, {"segment_type": "region", "segment": "eu", "target": 60}],
        measured=[
            {"value": 120},
            {"period_grain": "day", "value": 4},
            {"segment_type": "region", "segment": "eu", "value": 70},
            {"segment_type": "region", "segment": "us", "value": 50},
        ],
    )
    found = {(row["period_grain"], row["segment"]): row["status"] for row in rows}
    assert found == {("month", "all"): "on_target", ("day", "all"): "no_target", ("month", "eu"): "on_target", ("month", "us"): "no_target"}


def test_a_relative_target_asks_for_a_change_against_the_same_period_last_year() -> None:
    rows = judged(
        definition={"direction": "lower", "target_change": -0.15},
        measured=[
            {"period_start": "2025-09-01", "value": 100},
            {"period_start": "2026-09-01", "value": 84},
            {"period_grain": "week", "period_start": "2025-09-08", "value": 100},
            {"period_grain": "week", "period_start": "2026-09-07", "value": 86},
            {"period_grain": "day", "period_start": "2025-09-20", "value": None},
            {"period_grain": "day", "period_start": "2026-09-19", "value": 86},
        ],
    )
    found = {(row["period_grain"], str(row["period_start"])): (row["target"], row["status"]) for row in rows}
    assert found[("month", "2026-09-01")] == (85, "on_target")
    assert found[("week", "2026-09-07")] == (85, "off_target")
    assert found[("day", "2026-09-19")] == (None, "no_target")
    assert found[("month", "2025-09-01")] == (None, "no_target")


def test_a_target_of_the_file_comes_before_a_relative_one() -> None:
    rows = judged(
        definition={"direction": "lower", "target_change": -0.15},
        targets=[{"target": 90}],
        measured=[{"period_start": "2025-09-01", "value": 100}, {"period_start": "2026-09-01", "value": 88}],
    )
    assert rows[1]["target"] == 90


def test_a_period_is_provisional_until_its_cohort_has_settled() -> None:
    days = [{"period_grain": "day", "period_start": f"2026-10-{day}"} for day in (23, 24, 25, 31)]
    rows = judged(definition={"settles_after_days": 7}, measured=[*days, {"period_start": "2026-10-01"}])
    assert {str(row["period_start"]): row["is_provisional"] for row in rows} == {
        "2026-10-01": True,
        "2026-10-23": False,
        "2026-10-24": False,
        "2026-10-25": True,
        "2026-10-31": True,
    }


def test_the_last_complete_day_is_settled_and_a_week_in_progress_is_not() -> None:
    rows = judged(
        measured=[{"period_grain": "day", "period_start": "2026-10-31"}, {"period_grain": "week", "period_start": "2026-10-26"}, {"period_start": "2026-10-01"}]
    )
    assert {row["period_grain"]: row["is_provisional"] for row in rows} == {"day": False, "week": True, "month": False}
