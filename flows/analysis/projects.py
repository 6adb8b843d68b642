"""Did the fix work? The verdict on an improvement project from the weeks of its KPI before and after it began.

Two routes that must agree, because neither is enough alone (the figures: tests/benchmarks/RESULTS.md):

- A step at the beginning of the project under errors that follow each other (AR(1)), by generalised least squares, and the 95 % interval of its size. How much
  weeks follow each other is not known and badly told by forty of them: taken for the estimate, an interval at a nominal 5 % misses in 8 to 14 of 100 projects.
  So it is averaged over all that it may be, each weighted by its restricted likelihood, and with few weeks the interval becomes as wide as they deserve.
  Weeks that alternate are taken for independent ones: they never make an effect surer than those would.
- A placebo in time: as many weeks in a row as the project has (a third of those before it at most) against the others before it, everywhere before the
  project, none of which it can have caused. The share of those that differ at least as much must not exceed 5 %.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan
from typing import Literal

import numpy as np
from numpy.typing import NDArray

NEEDED_BEFORE = 30      # weeks: with fewer there are not the 19 placebos that a share of 5 % asks for
NEEDED_AFTER = 8
FOLLOWS = np.linspace(0, 0.98, 50)      # how much a week may follow the one before it: AR(1)
HALVINGS = 60
SHARE = 0.05

Verdict = Literal["verified", "not shown", "worse", "too early", "cannot be judged"]


@dataclass(frozen=True, kw_only=True)
class Judged:
    """effect, low, high: change of the KPI, in its unit, and its 95 % interval. placebo: share of the placebos with such a step; nan: not worked out."""

    verdict: Verdict
    before: float
    after: float
    effect: float = nan
    low: float = nan
    high: float = nan
    placebo: float = nan


def judge(values: NDArray[np.float64], first_after: int, *, lower_is_better: bool) -> Judged:
    """values: one a week, nan where there was none, oldest first; first_after: position of the first week of the project."""
    is_there = ~np.isnan(values)
    before, after = values[:first_after][is_there[:first_after]], values[first_after:][is_there[first_after:]]
    means = {"before": float(before.mean()) if before.size else nan, "after": float(after.mean()) if after.size else nan}
    if after.size < NEEDED_AFTER:
        return Judged(verdict="too early", **means)
    if before.size < NEEDED_BEFORE:
        return Judged(verdict="cannot be judged", **means)
    known = values[is_there]
    effect, low, high = _step(known, before.size)
    placebo = _placebo(before, after.size, means["after"] - means["before"])
    is_shown = (low > 0 or high < 0) and placebo <= SHARE
    is_better = (effect < 0) == lower_is_better
    verdict: Verdict = "not shown" if not is_shown else "verified" if is_better else "worse"
    return Judged(verdict=verdict, effect=effect, low=low, high=high, placebo=placebo, **means)


def _step(values: NDArray[np.float64], first: int) -> tuple[float, float, float]:
    """(size of a step at `first`, the bounds of its 95 % interval)."""
    count = values.size
    design = np.column_stack([np.ones(count), (np.arange(count) >= first).astype(np.float64)])
    unit = float(np.ptp(values)) or 1.0
    measured = ((values - values.mean()) / unit)[:, None]
    steps, errors, weights = (np.empty(FOLLOWS.size) for _ in range(3))
    for at, follows in enumerate(FOLLOWS):
        known, seen = _whitened(design, follows), _whitened(measured, follows)[:, 0]
        product = known.T @ known
        inverse = np.linalg.inv(product)
        found = inverse @ (known.T @ seen)
        left = max(float(np.sum((seen - known @ found) ** 2)), 1e-20)      # values that never move
        steps[at], errors[at] = found[1] * unit, unit * np.sqrt(left / (count - 2) * inverse[1, 1])
        weights[at] = (np.log(1 - follows**2) - np.linalg.slogdet(product)[1] - (count - 2) * np.log(left)) / 2
    weights = np.exp(weights - weights.max())
    weights /= weights.sum()
    low, high = (_quantile(share, steps, errors, weights, count - 2) for share in (0.025, 0.975))
    return float(weights @ steps), low, high


def _whitened(columns: NDArray[np.float64], follows: float) -> NDArray[np.float64]:
    """Without what a row owes to the one before it; the first row as well, weighted (Prais and Winsten)."""
    return np.concatenate([columns[:1] * np.sqrt(1 - follows**2), columns[1:] - follows * columns[:-1]])


def _quantile(share: float, steps: NDArray[np.float64], errors: NDArray[np.float64], weights: NDArray[np.float64], freedom: int) -> float:
    """Of a mixture of t distributions, by halving."""
    from scipy.special import stdtr

    low, high = float((steps - 100 * errors).min()), float((steps + 100 * errors).max())
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (low, middle) if weights @ stdtr(freedom, (middle - steps) / errors) > share else (middle, high)
    return (low + high) / 2


def _placebo(before: NDArray[np.float64], weeks_after: int, difference: float) -> float:
    """Share of the places, the project's own among them, at which the weeks differ by as much as `difference`."""
    width = min(weeks_after, before.size // 3)
    inside = np.lib.stride_tricks.sliding_window_view(before, width).sum(axis=1)
    sizes = np.abs(inside / width - (before.sum() - inside) / (before.size - width))
    return (int(np.sum(sizes >= abs(difference))) + 1) / (sizes.size + 1)
