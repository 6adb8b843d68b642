"""How far back a rule looks at a segment: no farther than decides where all is well, and as far as a message may have to show where it is not."""

from __future__ import annotations

from pathlib import Path

from flows.alerting import facts
from tests.flows.alerting import marts
from tests.flows.alerting.world import rule

DAYS = 100
LATE = rule("late", kpi="late_rate", above=0.10, clear={"at": 0.10, "for": 2})


def points(path: Path, rates: dict[str, list[float | None]], told: tuple[facts.Key, ...] = ()) -> dict[str, int]:
    with marts.write(path, days=DAYS, rates=rates) as connection:
        found = facts.read(connection, {"late": LATE}, night=facts.Night(), told=told)
    return {reading.segment: len(reading.points) for reading in found.readings["late"]}


def test_a_calm_segment_is_read_as_far_as_decides_and_one_that_is_beyond_its_limit_or_has_an_alert_as_far_as_is_shown(tmp_path: Path) -> None:
    calm = [0.05] * DAYS
    found = points(tmp_path / "marts.duckdb", {"Calm": calm, "Late": [*calm[:-1], 0.4], "Told": calm}, told=(("late", "supplier", "Told"),))
    assert found.pop("Calm") < 14
    assert found == {"Late": DAYS, "Told": DAYS}


def test_a_segment_of_few_days_is_read_until_they_decide(tmp_path: Path) -> None:
    rare = [0.05 if day % 20 == 0 else None for day in range(DAYS)]
    assert points(tmp_path / "marts.duckdb", {"Rare": rare, "Gone": [0.05, *[None] * (DAYS - 1)]}) == {"Rare": 5, "Gone": 1}
