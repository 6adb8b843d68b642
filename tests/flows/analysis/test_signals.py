"""Control limits against worked examples, against a second and slower way to them, and against what they promise."""

from __future__ import annotations

import math
from itertools import pairwise
from statistics import fmean, linear_regression, median
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flows.analysis.signals import DRIFT, LIMIT, NEEDED, RARE, RENEWED_AFTER, binomial_tail, control_limits

NOTHING = math.nan
SIGMA = 2 / 1.128 * math.sqrt(29 / 27)
WAVE = [1.0, -1.0, -1.0, 1.0]       # no straight line through whole waves rises


def limits(values: list[float], weekdays: list[float] | None = None, sizes: list[float] | None = None, floor: float = NOTHING) -> Any:
    nothing = [NOTHING] * len(values)
    matrices = (np.array([one], dtype=float) for one in (values, weekdays or [0] * len(values), sizes or nothing, [floor] * len(values)))
    return control_limits(*matrices)


def sides(values: list[float], **more: Any) -> list[int]:
    return [int(side) for side in limits(values, **more).side[0]]


def noise(count: int, seed: int = 1) -> list[float]:
    return [float(one) for one in np.random.default_rng(seed).normal(100, 5, count)]


def by_weekday(points: list[tuple[float, float]]) -> tuple[dict[float, float], list[float], float]:
    """(what is usual by weekday, what is left of each value, sigma of that by its moving range)."""
    usual = {one: median(v for v, d in points if d == one) for one in {d for _, d in points}}
    left = [v - usual[d] for v, d in points]
    return usual, left, fmean(abs(b - a) for a, b in pairwise(left)) / 1.128


def slowly(values: list[float], weekdays: list[float], window: int = 84) -> list[int]:
    """The same rules one series and one value at a time, by the standard library alone."""
    baseline: list[tuple[float, float]] = []
    run: list[tuple[float, float]] = []
    told, last, off = [], 0, 0.0
    for value, day in zip(values, weekdays, strict=True):
        side = 0
        if len(baseline) >= NEEDED:
            points, alike, size = baseline, max(sum(d == day for _, d in baseline), 2), len(baseline)
            usual, left, calm = by_weekday(points)
            variance, least, third = (alike + 1) / (alike - 1), 0.0, size // 3
            slope = (median(left[-third:]) - median(left[:third])) / (size - third)
            if min(abs(linear_regression(range(size), left).slope), abs(slope)) * size > DRIFT * calm:
                rest = [one - slope * number for number, one in enumerate(left)]
                rest = [one - median(rest) for one in rest]
                farthest = LIMIT * max(fmean(abs(b - a) for a, b in pairwise(rest)) / 1.128, 1.4826 * median(abs(one) for one in rest))
                slope += linear_regression(range(size), [min(max(one, -farthest), farthest) for one in rest]).slope
                points = [(v - slope * (number - (size - 1) / 2), d) for number, (v, d) in enumerate(baseline)]
                usual, left, calm = by_weekday(points)
                variance += 3 * (size + 1) / (size * (size - 1))
                least = 1e-9 * max(abs(v) for v, _ in baseline)
            else:
                slope = 0.0
            middle = median(left)
            sigma = max(max(calm, 1.4826 * median(abs(one - middle) for one in left)) * math.sqrt(variance), least)
            off = value - usual.get(day, median(v for v, _ in points)) - slope * (size + 1) / 2
            side = 0 if abs(off) <= LIMIT * sigma else 1 if off > 0 else -1
        told.append(side)
        if run and off * last > 0:
            run = [*run, (value, day)]
        else:
            run, last = [(value, day)] if side else [], side
        if not side:
            baseline = [*baseline, (value, day)][-window:]
        elif len(run) == RENEWED_AFTER:
            baseline, run, last = run, [], 0
    return told


@given(st.lists(st.tuples(st.integers(-1000, 1000).map(float), st.sampled_from([1.0, 2.0, 6.0])), min_size=1, max_size=120), st.integers(0, 400),
       st.integers(-200, 200))
@settings(max_examples=120, deadline=None)
def test_limits_of_many_series_at_once_are_those_of_each_by_itself(series: list[tuple[float, float]], jump: int, rise: int) -> None:
    values = [value + rise * number + (jump * 10 if number > 60 else 0) for number, (value, _) in enumerate(series)]
    days = [day for _, day in series]
    other = noise(150)
    matrix, weekdays = np.full((2, 150), np.nan), np.full((2, 150), np.nan)
    matrix[0, :len(values)], matrix[1] = values, other
    weekdays[0, :len(days)], weekdays[1] = days, [0.0] * 150
    found = control_limits(matrix, weekdays, np.full((2, 150), np.nan), np.full((2, 150), np.nan))
    assert list(found.side[0, :len(values)]) == slowly(values, days)
    assert list(found.side[1]) == slowly(other, [0.0] * 150)


@given(st.lists(st.floats(-1e6, 1e6), min_size=30, max_size=70), st.integers(29, 69))
@settings(max_examples=60, deadline=None)
def test_what_comes_later_changes_nothing_of_what_was_said(values: list[float], cut: int) -> None:
    whole, before = limits(values), limits(values[:cut])
    for name in ("expected", "sigma", "side", "points"):
        np.testing.assert_array_equal(getattr(whole, name)[0, :cut], getattr(before, name)[0])


def test_limits_of_a_baseline_of_two_values_in_turn_are_those_worked_out_by_hand() -> None:
    # 10 and 12 in turn: median 11, every moving range 2, every deviation 1; sigma = max(2 / 1.128, 1.4826) * sqrt(29 / 27)
    found = limits([10.0, 12.0] * 14 + [11.0])
    assert found.expected[0, 28] == 11
    assert found.sigma[0, 28] == pytest.approx(SIGMA)
    assert list(found.points[0, :29]) == list(range(29))
    assert np.isnan(found.expected[0, :28]).all()
    assert sides([10.0, 12.0] * 14 + [11 + 3 * SIGMA - 0.01])[-1] == 0
    assert sides([10.0, 12.0] * 14 + [11 + 3 * SIGMA + 0.01])[-1] == 1
    assert sides([10.0, 12.0] * 14 + [11 - 3 * SIGMA - 0.01])[-1] == -1


def test_limits_of_a_baseline_that_rises_are_those_around_its_line_worked_out_by_hand() -> None:
    # 10 more every time, and one more or less: the line is 10 a value, and meets the 29th at 280. Seven waves and the steps between them have 14 moving
    # ranges of 2 and 13 of 0, 28 / 27 / 1.128 on the mean, which is less than 1.4826 times the deviation of 1
    values = [10.0 * number + WAVE[number % 4] for number in range(28)]
    sigma = 1.4826 * math.sqrt(29 / 27 + 3 * 29 / (28 * 27))
    found = limits([*values, 280.0])
    assert found.expected[0, 28] == pytest.approx(280)
    assert found.sigma[0, 28] == pytest.approx(sigma)
    assert [sides([*values, 280 + off * sigma])[-1] for off in (2.99, 3.01, -2.99, -3.01)] == [0, 1, 0, -1]


@pytest.mark.parametrize(("rise", "expected"), [(0.13, 0.0), (0.15, 0.15 * 14.5)])
def test_a_baseline_rises_where_its_line_does_by_more_than_four_sigmas_of_its_moving_range(rise: float, expected: float) -> None:
    # by 3.64 and 4.20 from the first to one behind the last; 28 + 13 x rise is the sum of the 27 moving ranges, four sigmas are 3.90 and 3.93
    values = [rise * (number - 13.5) + WAVE[number % 4] for number in range(28)]
    assert limits([*values, 0.0]).expected[0, 28] == pytest.approx(expected, abs=0.14)


def test_a_surge_is_a_signal_however_much_the_level_has_grown_before() -> None:
    # the square roots of open work that grew from 50 to 200 in a year, and of 300
    roots = [7 + 7 * number / 52 + (one - 100) / 10 for number, one in enumerate(noise(52, seed=3))]
    assert sides([*roots, math.sqrt(300)])[28:] == [0] * 24 + [1]
    assert sides([*roots, math.sqrt(210)])[28:] == [0] * 25
    assert sides([-one for one in [*roots, math.sqrt(300)]])[28:] == [0] * 24 + [-1]


def test_weekdays_of_a_level_that_rises_are_told_apart() -> None:
    days = [float(number % 7) for number in range(85)]
    values = [5.0 * number + (one - 100) / 5 + (200 if day == 6 else 0) for number, (one, day) in enumerate(zip(noise(85, seed=3), days, strict=True))]
    found = limits(values, weekdays=days)
    assert found.expected[0, 83:] == pytest.approx([5 * 83 + 200, 5 * 84], abs=2)
    assert list(found.side[0, 28:]) == [0] * 57


@pytest.mark.parametrize("rise", [0.1, -2.7, 1e6 / 3])
def test_a_line_without_any_noise_is_no_signal_as_long_as_it_goes_on(rise: float) -> None:
    values = [0.1 + rise * number for number in range(120)]
    assert sides(values) == [0] * 120
    assert sides([*values, values[-1]])[-1] == (-1 if rise > 0 else 1)


@pytest.mark.parametrize("rise", [0, 4])
def test_a_first_value_far_off_tilts_no_line(rise: int) -> None:
    # by least squares alone the lines would be more than 60 too high at first
    values = [-500.0, *(one + rise * number for number, one in enumerate(noise(40, seed=3)))]
    assert limits(values).expected[0, 28:] == pytest.approx([100 + rise * number for number in range(27, 40)], abs=12)


def test_a_rate_that_slides_is_not_taken_to_go_on() -> None:
    values = [0.95 - 0.003 * number for number in range(40)]
    found = limits(values, sizes=[200.0] * 40)
    assert found.expected[0, 39] == pytest.approx(fmean(values[:39]), abs=0.003)


def test_a_quiet_sunday_is_no_signal_and_a_busy_one_is() -> None:
    days = [float(number % 7) for number in range(85)]
    values = [one / 10 + (20 if day == 6 else 100) for one, day in zip(noise(85), days, strict=True)]
    assert sides(values[:84], weekdays=days[:84])[28:] == [0] * 56
    sunday = [*values[:83], 100.0]
    assert sides(sunday, weekdays=days[:84])[-1] == 1


def test_the_baseline_stands_still_while_values_are_beyond_it_and_begins_anew_with_the_28th() -> None:
    values = noise(60) + [one + 100 for one in noise(40, seed=2)]
    found = limits(values)
    assert list(found.side[0, 60:88]) == [1] * 28
    assert set(found.points[0, 60:88]) == {found.points[0, 60]}
    assert found.points[0, 88] == RENEWED_AFTER
    assert found.expected[0, 88] == pytest.approx(200, abs=3)
    assert list(found.side[0, 88:]) == [0] * 12


def test_a_value_just_within_its_limits_does_not_keep_the_baseline_from_beginning_anew_and_one_that_came_back_does() -> None:
    before = noise(60)
    within = 100 + 2 * float(limits([*before, 0.0]).sigma[0, 60])
    after = [200.0 + one % 3 for one in range(27)]
    assert limits([*before, *after[:13], within, *after[13:], 0.0]).points[0, 88] == RENEWED_AFTER
    assert limits([*before, *after[:13], 90.0, *after[13:], 0.0]).points[0, 88] == 61


def test_a_rate_of_a_small_sample_is_no_signal_where_the_same_rate_of_a_large_one_is() -> None:
    # 30 days of 97 in 100, then one day on which half failed
    baseline, sizes = [0.97] * 30, [100.0] * 30
    assert sides([*baseline, 0.5], sizes=[*sizes, 2.0])[-1] == 0        # one of two: six in a hundred such days have one
    assert sides([*baseline, 0.5], sizes=[*sizes, 20.0])[-1] == -1
    assert sides([1.0] * 30 + [0.9], sizes=[*sizes, 10.0])[-1] == 0     # a baseline without a failure does not make one impossible


def test_two_where_there_was_always_one_is_no_signal_and_seven_are() -> None:
    assert [sides([1.0] * 40 + [math.sqrt(count)], floor=0.5)[-1] for count in (0, 2, 5, 7)] == [0, 0, 0, 1]
    assert sides([1.0] * 40 + [math.sqrt(2)])[-1] == 1


@pytest.mark.parametrize(("hits", "trials", "rate"), [(0, 7, 0.2), (3, 5, 0.97), (2, 2, 0.01), (40, 50, 0.5), (400, 1000, 0.37)])
def test_the_binomial_tail_is_the_sum_of_its_terms(hits: int, trials: int, rate: float) -> None:
    assert binomial_tail(hits, trials, rate) == pytest.approx(sum(math.comb(trials, k) * rate**k * (1 - rate) ** (trials - k) for k in range(hits, trials + 1)))
    assert pytest.approx(0.5 * math.erfc(3 / math.sqrt(2)), rel=0.001) == RARE
