"""Is it a signal? Control limits for a value, as they stood before it came.

Shewhart's chart of individual values (XmR: limits at three sigma around the middle of the baseline; Wheeler, "Understanding Variation"), and for
rates Laney's p' chart (Laney, "Improved control charts for attributes", Quality Engineering 14(4)), with what data of a business ask for:

- Weekdays: a value is set against the median of its own weekday, sigma is that of what is left. Weeks and months have one weekday for all.
- sigma is the larger of mean moving range / 1.128 (d2 of two values) and 1.4826 x MAD: the moving range alone takes values that follow each other for
  calmer than they are and raises a false alarm every 37 values instead of every 390. It is widened by sqrt((k+1) / (k-1)), k the values of that weekday:
  they lie closer to their own middle than a new one will (variances of a residual and of a prediction around the mean of k values).
- A level that moves is not noise. Where the straight line through the baseline (of what is left of the weekdays) rises or falls by more than `DRIFT` sigmas of
  the moving range, by least squares and by Tukey's resistant line, a value is set against a robust line between the two, and sigma is that of what is left of
  it: Mandel, "The regression control chart", Journal of Quality Technology 1(1); Tukey, "Exploratory Data Analysis"; Huber, "Robust Statistics" (one step).
  Otherwise the MAD would be that of the movement, and the company that has grown would be blind to a surge. A line carried on by one value is known less well
  than a middle: 3(k+1) / (k(k-1)) joins the variance, k the values of the baseline. Rates have no line: what slides between nothing and all cannot go on.
- A rate's sigma is its sample's, sqrt(p(1-p)/n), times what the baseline varies beyond that; and what lies beyond three of those is a signal only if as
  much or more is rarer than 1 in 741 (three sigma, one side) by the binomial distribution: one of two is not.
- A value beyond its limits does not join the baseline, which stands still, line and all, until values come back within. When `RENEWED_AFTER` in a row from
  the first beyond on have not come back to the expected, they are the new normal, and the baseline begins anew with them: otherwise a process that was
  improved would be a signal for ever. One that is just within its limits ends no such row: of a step of four sigma every sixth is, and no 28 in a row are not.
- Limits know only what came before: adding a day never changes what was said of an earlier one.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, lgamma, log

import numpy as np
from numpy.typing import NDArray

WINDOW = 84             # values in a full baseline: twelve of every weekday
NEEDED = 28             # with fewer there are no limits
RENEWED_AFTER = 28
LIMIT = 3.0             # sigmas
RARE = 0.00135          # what lies beyond three sigma on one side
DRIFT = 4.0             # a level moves if the line through it rises or falls by more than so many sigmas of the moving range
EXACT = 1e-9            # share of a value to which a line through values is worked out
D2 = 1.128              # mean range of two values of a normal distribution, in sigmas
MAD = 1.4826            # sigma of a normal distribution, in median absolute deviations

Numbers = NDArray[np.float64]


@dataclass(frozen=True, kw_only=True)
class Limits:
    """One column a value. expected, sigma: as they stood before it; nan without a baseline. points: in that baseline. side: 1 above the upper limit,
    -1 below the lower, 0 within or without limits."""

    expected: Numbers
    sigma: Numbers
    points: NDArray[np.int64]
    side: NDArray[np.int64]


def control_limits(values: Numbers, weekdays: Numbers, sizes: Numbers, floors: Numbers, *, window: int = WINDOW) -> Limits:
    """Limits for many series at once: a row a series, values in the order of time, nan behind the end of a shorter one.

    weekdays: any numbers. sizes: nan for a series of values; for one of rates, the sample of each. floors: what sigma cannot be less than, or nan: the square
    root of a count has one of 1/2 even where the baseline is a row of ones (Poisson).
    """
    series = len(values)
    baseline = np.full((4, series, window), np.nan)
    counts, runs = np.zeros(series, dtype=np.int64), np.zeros(series, dtype=np.int64)
    expected, sigma = np.full(values.shape, np.nan), np.full(values.shape, np.nan)
    points, side = np.zeros(values.shape, dtype=np.int64), np.zeros(values.shape, dtype=np.int64)
    recent: list[Numbers] = []      # of each series, for a baseline that begins anew
    for number in range(values.shape[1]):
        came = np.stack([values[:, number], weekdays[:, number], sizes[:, number], floors[:, number]])
        is_there = ~np.isnan(came[0])
        points[:, number] = np.where(is_there, counts, 0)
        rows = np.flatnonzero(is_there & (counts >= NEEDED))
        if rows.size:
            expected[rows, number], sigma[rows, number] = _limits(baseline[:, rows], came[:, rows])
            side[rows, number] = _sides(came[:, rows], expected[rows, number], sigma[rows, number])
        recent = [*recent[1 - RENEWED_AFTER:], came]
        now = side[:, number]
        runs = np.where(is_there, _runs(runs, now, values[:, number] - expected[:, number]), runs)
        _append(baseline, counts, np.flatnonzero(is_there & (now == 0)), came)
        for row in np.flatnonzero(np.abs(runs) >= RENEWED_AFTER):
            baseline[:, row] = np.nan
            baseline[:, row, :RENEWED_AFTER] = np.stack([one[:, row] for one in recent], axis=1)
            counts[row], runs[row] = RENEWED_AFTER, 0
    return Limits(expected=expected, sigma=sigma, points=points, side=side)


def _runs(runs: NDArray[np.int64], side: NDArray[np.int64], off: Numbers) -> NDArray[np.int64]:
    """How many values in a row have not come back, negative below: a run begins beyond a limit and ends with a value that is not on that side of what was
    expected (off: value - expected)."""
    goes_on = (runs != 0) & (np.sign(off) == np.sign(runs))
    return np.where(goes_on, runs + np.sign(runs), side)


def _append(baseline: Numbers, counts: NDArray[np.int64], rows: NDArray[np.int64], came: Numbers) -> None:
    """Adds what came to these rows; a full row loses its oldest."""
    width = baseline.shape[2]
    full = rows[counts[rows] == width]
    baseline[:, full, :-1] = baseline[:, full, 1:]
    counts[rows] = np.minimum(counts[rows] + 1, width)
    baseline[:, rows, counts[rows] - 1] = came[:, rows]


def _sides(came: Numbers, expected: Numbers, sigma: Numbers) -> NDArray[np.int64]:
    value, _, size, _ = came
    side = np.where(np.abs(value - expected) > LIMIT * sigma, np.sign(value - expected), 0).astype(np.int64)
    for row in np.flatnonzero((side != 0) & ~np.isnan(size)):
        hits, trials, rate = round(value[row] * size[row]), round(size[row]), expected[row]
        tail = binomial_tail(hits, trials, rate) if side[row] > 0 else binomial_tail(trials - hits, trials, 1 - rate)
        side[row] = side[row] if tail < RARE else 0
    return side


def binomial_tail(hits: int, trials: int, rate: float) -> float:
    """The probability of `hits` or more in `trials` of a rate strictly between 0 and 1."""
    return sum(exp(lgamma(trials + 1) - lgamma(k + 1) - lgamma(trials - k + 1) + k * log(rate) + (trials - k) * log(1 - rate)) for k in range(hits, trials + 1))


def _limits(baseline: Numbers, came: Numbers) -> tuple[Numbers, Numbers]:
    """(what is expected, sigma around it)."""
    is_rate = ~np.isnan(came[2])
    if not is_rate.any():
        return _limits_of_values(baseline, came)
    usual, spread = np.empty(len(is_rate)), np.empty(len(is_rate))
    usual[is_rate], spread[is_rate] = _limits_of_rates(baseline[:, is_rate], came[:, is_rate])
    usual[~is_rate], spread[~is_rate] = _limits_of_values(baseline[:, ~is_rate], came[:, ~is_rate])
    return usual, spread


def _limits_of_values(baseline: Numbers, came: Numbers) -> tuple[Numbers, Numbers]:
    (values, days, _, _), (_, day, _, floor) = baseline, came
    usual, left = _by_weekday(values, days, day)
    alike = np.maximum((days == day[:, None]).sum(axis=1), 2)
    variance, least = (alike + 1) / (alike - 1), np.fmax(floor, 0)
    moved = DRIFT * np.maximum(_calm(left), least) / _counted(left)
    moving = np.flatnonzero(np.abs(_slope(left)) > moved)
    # one value far off, the first of a KPI, tilts a line of least squares
    moving = moving[np.abs(_resistant_slope(left[moving])) > moved[moving]]
    if moving.size:
        values, count, slope = values[moving], _counted(values[moving]), _robust_slope(left[moving])
        usual[moving], left[moving] = _by_weekday(values - slope[:, None] * _places(values), days[moving], day[moving])
        usual[moving] += slope * (count + 1) / 2
        variance[moving] += 3 * (count + 1) / (count * (count - 1))
        least[moving] = np.maximum(least[moving], EXACT * np.nanmax(np.abs(values), axis=1))
    return usual, np.maximum(_sigma(left) * np.sqrt(variance), least)


def _limits_of_rates(baseline: Numbers, came: Numbers) -> tuple[Numbers, Numbers]:
    (values, _, sizes, _), (_, _, size, _) = baseline, came
    # half a hit and half a miss more: a baseline without a single miss does not make one impossible
    rate = (np.nansum(values * sizes, axis=1) + 0.5) / (np.nansum(sizes, axis=1) + 1)
    of_sample = np.sqrt(rate * (1 - rate))
    dispersion = np.maximum(_sigma((values - rate[:, None]) * np.sqrt(sizes) / of_sample[:, None]), 1)
    return rate, dispersion * of_sample / np.sqrt(size)


def _by_weekday(values: Numbers, days: Numbers, day: Numbers) -> tuple[Numbers, Numbers]:
    """(what is usual on this weekday, what is left of each value when its own weekday's is taken off)."""
    weekdays = np.unique(days[~np.isnan(days)])
    is_that_day = days == weekdays[:, None, None]
    medians = _medians(np.where(is_that_day, values, np.nan))
    left = values - np.where(is_that_day, medians[:, :, None], 0).sum(axis=0)
    place = np.minimum(np.searchsorted(weekdays, day), len(weekdays) - 1)
    usual = np.where(weekdays[place] == day, medians[place, np.arange(len(day))], np.nan)
    unseen = np.flatnonzero(np.isnan(usual))        # the baseline has no such weekday
    usual[unseen] = _medians(values[unseen])
    return usual, left


def _sigma(left: Numbers) -> Numbers:
    return np.maximum(_calm(left), MAD * _medians(np.abs(left - _medians(left)[:, None])))


def _calm(left: Numbers) -> Numbers:
    """Sigma by the mean moving range, which a level that moves slowly hardly adds to."""
    return np.nansum(np.abs(np.diff(left, axis=1)), axis=1) / np.maximum(_counted(left) - 1, 1) / D2


def _slope(left: Numbers) -> Numbers:
    """Of the straight line by least squares through every row: what it rises by from one value to the next."""
    count = _counted(left)
    return np.nansum(_places(left) * left, axis=1) / (count * (count**2 - 1) / 12)


def _robust_slope(left: Numbers) -> Numbers:
    """One step of Huber's from the resistant line to that of least squares: no value counts as farther from the former than its limits."""
    slope = _resistant_slope(left)
    rest = left - slope[:, None] * _places(left)
    rest -= _medians(rest)[:, None]
    farthest = LIMIT * _sigma(rest)[:, None]
    return slope + _slope(np.clip(rest, -farthest, farthest))


def _resistant_slope(left: Numbers) -> Numbers:
    """Tukey's: from the median of the first third to that of the last."""
    count = _counted(left)
    third = count // 3
    number = np.arange(left.shape[1])[None, :]
    first = _medians(np.where(number < third[:, None], left, np.nan))
    last = _medians(np.where(number >= (count - third)[:, None], left, np.nan))
    return (last - first) / (count - third)


def _places(left: Numbers) -> Numbers:
    """Of the values in their row, counted from its middle."""
    return np.arange(left.shape[1])[None, :] - (_counted(left)[:, None] - 1) / 2


def _counted(rows: Numbers) -> NDArray[np.int64]:
    return (~np.isnan(rows)).sum(axis=-1)


def _medians(rows: Numbers) -> Numbers:
    """The median of every row (the last axis), nan left out; nan for a row of nothing else. (numpy's nanmedian takes ten times as long for short rows.)"""
    ordered = np.sort(rows, axis=-1)      # nan comes last
    counted = _counted(rows)
    low = np.take_along_axis(ordered, np.maximum(counted - 1, 0)[..., None] // 2, axis=-1)[..., 0]
    high = np.take_along_axis(ordered, np.minimum(counted // 2, rows.shape[-1] - 1)[..., None], axis=-1)[..., 0]
    return (low + high) / 2
