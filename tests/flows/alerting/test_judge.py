"""How a period is judged: limits, windows, doubt, targets, change."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from flows.alerting.judge import CannotJudge, Judged, Kpi, Period, judge, pending, since, wilson
from tests.flows.alerting.world import FIRST, rule


def counted(*counts: tuple[float, float]) -> list[Period]:
    return [Period(end=FIRST + timedelta(days=day), value=above / of if of else None, numerator=above, denominator=of, sample=int(of), target=0.9)
            for day, (above, of) in enumerate(counts)]


def verdicts(points: tuple[Judged, ...]) -> list[str]:
    return [point.verdict for point in points]


def test_the_bound_is_wilsons() -> None:
    """Which are defined as the p that solve (p - count/n)² = z² p (1 - p) / n."""
    for count, of in ((0, 10), (3, 16), (81, 263), (1, 29), (29, 29)):
        low, high = wilson(count, of)
        for bound in (low, high):
            assert (bound - count / of) ** 2 == pytest.approx(1.645**2 * bound * (1 - bound) / of, abs=1e-12)
        assert 0 <= low <= count / of + 1e-12 and count / of - 1e-12 <= high <= 1
    assert wilson(0, 0) == (0, 1)


def test_tier_act_waits_until_the_sample_leaves_no_doubt_and_ends_by_the_rate_itself() -> None:
    act = rule(kpi="late", above=0.10, tier="act")
    assert verdicts(judge(act, Kpi(kpi="late"), counted((3, 20), (8, 20), (2, 21)))) == ["between", "breach", "clear"]
    low_is_bad = rule(kpi="late", below=0.90, tier="act", above=None)
    assert verdicts(judge(low_is_bad, Kpi(kpi="late", direction="higher"), counted((17, 20), (12, 20), (19, 20)))) == ["between", "breach", "clear"]


def test_a_window_adds_up_parts_and_not_rates() -> None:
    (point,) = judge(rule(above=0.10, window=3), Kpi(kpi="late"), counted((0, 90), (5, 5), (5, 5)))
    assert (point.value, point.sample, point.verdict, point.day) == (0.1, 100, "clear", FIRST + timedelta(days=2))


def test_what_cannot_be_added_up_or_is_no_share_cannot_be_judged() -> None:
    medians = [Period(end=FIRST, value=12.0, sample=9)]
    with pytest.raises(CannotJudge, match="take window out"):
        judge(rule(window=3), Kpi(kpi="late"), medians)
    with pytest.raises(CannotJudge, match="share of things counted"):
        judge(rule(tier="act"), Kpi(kpi="late"), medians)
    with pytest.raises(CannotJudge, match="no target is stated"):
        judge(rule(above=None, worse_than_target_by=1), Kpi(kpi="late"), medians)


def test_a_small_sample_and_no_data_are_left_out() -> None:
    assert len(judge(rule(above=0.1, min_sample=20), Kpi(kpi="late"), counted((9, 19), (0, 0), (9, 20)))) == 1
    assert len(judge(rule(above=0.1), Kpi(kpi="late", min_sample=20), counted((9, 19), (0, 0), (9, 20)))) == 1


@pytest.mark.parametrize(("direction", "margin", "values", "expected"), [
    ("higher", 0.05, [0.9, 0.84, 0.85, 1.0], ["clear", "breach", "clear", "clear"]),
    ("lower", "10% of target", [0.9, 0.98, 1.0, 0.5], ["clear", "clear", "breach", "clear"]),
    ("range", 0.05, [0.9, 0.84, 0.96, 0.94], ["clear", "breach", "breach", "clear"]),
])
def test_worse_than_target_goes_the_way_the_kpi_calls_bad(direction: str, margin: object, values: list[float], expected: list[str]) -> None:
    periods = [Period(end=FIRST + timedelta(days=day), value=value, sample=9, target=0.9) for day, value in enumerate(values)]
    assert verdicts(judge(rule(above=None, worse_than_target_by=margin), Kpi(kpi="late", direction=direction), periods)) == expected


def test_a_change_is_against_the_median_of_the_windows_before() -> None:
    changed = rule(above=None, changed_by="+80%", compared_with=3)
    periods = [Period(end=FIRST + timedelta(days=day), value=value, sample=9) for day, value in enumerate([10.0, 11.0, 90.0, 20.0, 19.0])]
    assert [(point.day, point.verdict) for point in judge(changed, Kpi(kpi="late"), periods)] == [
        (FIRST + timedelta(days=3), "breach"), (FIRST + timedelta(days=4), "clear")]


def test_a_period_is_known_when_it_has_settled() -> None:
    (point,) = judge(rule(above=0.1), Kpi(kpi="late", settles_after_days=7), counted((9, 20)))
    assert point.known_on == FIRST + timedelta(days=7)


def test_the_size_of_the_sample_can_be_what_is_judged() -> None:
    surge = rule(above=None, changed_by="+100%", compared_with=2, measure="sample_size", window=2, min_sample=0)
    points = judge(surge, Kpi(kpi="late", min_sample=500), counted((1, 10), (1, 11), (1, 10), (1, 9), (1, 25), (1, 26)))
    assert [(point.value, point.verdict) for point in points] == [(51.0, "breach")]


def test_missing_is_a_period_without_a_value() -> None:
    assert verdicts(judge(rule(above=None, missing="value"), Kpi(kpi="late"), counted((1, 9), (0, 0)))) == ["clear", "breach"]


def test_since_reaches_back_over_what_lies_between_and_no_further() -> None:
    days = [date(2026, 1, day) for day in range(1, 6)]
    points = [Judged(day=day, known_on=day, verdict=verdict) for day, verdict in zip(days, ("breach", "clear", "between", "breach", "between"), strict=True)]  # type: ignore[arg-type]
    assert since(points) == days[3]


def test_pending_counts_the_newest_days_beyond_the_limit_until_they_fire() -> None:
    days = judge(rule(above=0.1), Kpi(kpi="late"), counted((9, 20), (1, 20), (9, 20), (9, 20)))
    assert [pending(days[:upto], 2) for upto in range(5)] == [0, 1, 0, 1, 0]
