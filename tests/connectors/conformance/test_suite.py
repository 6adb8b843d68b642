"""The suite is seen to fail: a right connector gets zeros, and each of the usual mistakes does not."""

from __future__ import annotations

from pathlib import Path

import pytest

from connectors.stream import Connector
from tests.connectors.conformance import broken, scenarios
from tests.connectors.conformance.broken import running_with
from tests.connectors.conformance.histories import prove
from tests.connectors.conformance.suite import bench, judged

ENOUGH = 200     # histories within which these mistakes show themselves, whatever the seed


def test_a_right_connector_gets_zeros_in_random_histories() -> None:
    totals = prove(running_with(broken.Right), examples=10)
    assert totals["truth"] == totals["landed"] > 0 and not (totals["lost"] or totals["doubled"] or totals["stale"])


@pytest.mark.parametrize("scenario", scenarios.EVERY)
def test_a_right_connector_gets_zeros_in_every_scenario(tmp_path: Path, scenario: str) -> None:
    judge(tmp_path, broken.Right, scenario)


@pytest.mark.parametrize(("make", "scenario", "what"), [
    (broken.LosesTies, "ties_over_page_borders", "lost"), (broken.SkipsAPageAfterAKill, "dying_at_every_page", "lost"),
    (broken.SkipsAPageAfterAKill, "killed_at_every_page", "lost"), (broken.MissesDeletes, "gone", "stale"), (broken.Doubles, "ties_over_page_borders", "doubled"),
    (broken.TrustsItsClock, "late_and_by_another_clock", "lost"), (broken.PagesByOffset, "moved_between_two_pages", "lost"),
    (broken.IsAlwaysEmpty, "nothing_new", "lost"),
], ids=lambda value: getattr(value, "__name__", value))
def test_a_mistake_shows_itself_in_the_scenario_made_for_it(tmp_path: Path, make: type[Connector], scenario: str, what: str) -> None:
    with pytest.raises(AssertionError, match=rf"[1-9]\d* {what}"):
        judge(tmp_path, make, scenario)


@pytest.mark.parametrize(("make", "what"), [
    (broken.LosesTies, "lost|stale"), (broken.Doubles, "doubled"), (broken.IsAlwaysEmpty, "lost"),
    *(pytest.param(*rare, marks=pytest.mark.drill) for rare in (
        (broken.SkipsAPageAfterAKill, "lost|stale"), (broken.MissesDeletes, "stale"), (broken.TrustsItsClock, "lost|stale"))),
], ids=lambda value: getattr(value, "__name__", value))
def test_a_mistake_shows_itself_in_random_histories(make: type[Connector], what: str) -> None:
    with pytest.raises(AssertionError, match=rf"[1-9]\d* ({what})"):
        prove(running_with(make), examples=ENOUGH, shrinks=False)


def judge(folder: Path, make: type[Connector], scenario: str) -> None:
    with running_with(make)(folder) as subject, bench(subject, folder / "meridian") as desk:
        judged(scenarios.EVERY[scenario](desk))
