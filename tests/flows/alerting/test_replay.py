"""What rules would have said: of a history that is published, and of versions that are kept."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from flows.alerting.episodes import Reading
from flows.alerting.judge import Judged
from flows.alerting.replay import replay
from tests.flows.alerting.world import rule

FIRST = date(2026, 3, 2)
WORK = rule("work", kpi=None, above=None, segments=["all"], worklist_not_empty="late_suppliers",
            tests=[{"holds": "it is there", "first_day": "2026-03-01", "there": [True], "says": {"2026-03-01": "fires"}}])


def there(day: date, *keys: str) -> dict[str, Sequence[Reading]]:
    return {"work": [Reading(segment_type="work", segment=key, points=(Judged(day=day, known_on=day, verdict="breach"),)) for key in keys]}


def test_work_that_comes_and_goes_is_an_episode_each_and_days_without_a_version_end_nothing() -> None:
    lists = {0: ("a",), 1: ("a", "b"), 4: ("b",), 5: ("a", "b")}
    kept = {FIRST + timedelta(days=day): there(FIRST + timedelta(days=day), *keys) for day, keys in lists.items()}
    found, = replay({"work": WORK}, {}, first=FIRST, last=FIRST + timedelta(days=9), kept=kept)
    assert (found.is_by_version, found.days) == (True, 4)
    assert [(one.segment, one.fired_on, one.resolved_on) for one in found.episodes] == [
        ("a", FIRST, FIRST + timedelta(days=4)), ("b", FIRST + timedelta(days=1), None), ("a", FIRST + timedelta(days=5), None)]


def test_versions_from_before_the_days_that_are_lived_tell_nothing() -> None:
    assert replay({"work": WORK}, {}, first=FIRST, last=FIRST, kept={FIRST - timedelta(days=1): there(FIRST, "a")}) == []


def test_a_rule_with_a_history_is_replayed_from_it_alone() -> None:
    late = rule("late")
    points = tuple(Judged(day=FIRST + timedelta(days=day), known_on=FIRST + timedelta(days=day), verdict="breach" if day == 3 else "clear") for day in range(6))
    found, = replay({"late": late, "work": WORK}, {"late": [Reading(segment_type="supplier", segment="Umbra", points=points)]},
                    first=FIRST, last=FIRST + timedelta(days=5))
    assert (found.rule, found.is_by_version, found.days) == ("late", False, 6)
    assert [(one.fired_on, one.resolved_on) for one in found.episodes] == [(FIRST + timedelta(days=3), FIRST + timedelta(days=4))]
