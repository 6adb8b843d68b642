"""Whatever the past turns out to have been: evaluated twice it says nothing twice, and restated it pages nobody."""

from __future__ import annotations

from copy import deepcopy

from hypothesis import given, settings
from hypothesis import strategies as some

from tests.flows.alerting.world import World, at, rule

VALUES = some.one_of(some.none(), some.sampled_from([5.0, 9.0, 20.0]))
SERIES = some.lists(VALUES, min_size=6, max_size=14)


def lived(series: list[float | None], count: int, clear: int) -> World:
    """A world that has lived all of the series, each night once."""
    made = World(rules={"late": rule(for_=count, clear={"at": 8, "for": clear})}, series={("late", "A"): series}, seen=frozenset({"late"}))
    for day in range(len(series)):
        made.evaluate(at(day + 1, 3), at(day).date())
    return made


@settings(max_examples=150, deadline=None)
@given(series=SERIES, count=some.integers(1, 3), clear=some.integers(1, 3), data=some.data())
def test_a_night_lived_again_and_a_past_restated_send_nothing(series: list[float | None], count: int, clear: int, data: some.DataObject) -> None:
    world = lived(series, count, clear)
    before, last = deepcopy(world.alerts), at(len(series) - 1).date()
    assert world.evaluate(at(len(series), 4), last) == ()
    known = [index for index, value in enumerate(series) if value is not None]
    present = known[-max(count, clear)] if len(known) >= max(count, clear) else 0
    restated = data.draw(some.lists(VALUES, min_size=present, max_size=present))
    world.series["late", "A"] = [*restated, *series[present:]]
    told = world.evaluate(at(len(series), 5), last)
    assert told == ()
    assert {name: alert.is_open for name, alert in world.alerts.items()} == {name: alert.is_open for name, alert in before.items()}


@settings(max_examples=100, deadline=None)
@given(series=SERIES, count=some.integers(1, 3), clear=some.integers(1, 3))
def test_each_episode_is_told_once_and_ends_once(series: list[float | None], count: int, clear: int) -> None:
    world = lived(series, count, clear)
    kinds = [message.kind for _, message in world.got]
    assert kinds == ["firing", "resolved"] * (len(kinds) // 2) + ["firing"] * (len(kinds) % 2)
    assert len(world.alerts) == kinds.count("firing")
    assert sum(alert.is_open for alert in world.alerts.values()) == len(kinds) % 2
