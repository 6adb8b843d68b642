"""Did the fix work? The verdict on an improvement project from the weeks of its KPI before and after it began.

Two routes that must agree, because each alone finds effects where there are none (simulated at a nominal 5 %: the regression in 8 to 14 of 100 projects without
an effect, the placebo in 4 to 6):

- A regression of the weekly values on a step at the beginning of the project, with errors that follow each other (AR(1)): feasible generalised least squares
  (statsmodels' GLSAR, iterated), and the 95 % interval of the step.
- A placebo in time: the same step at every week before the project that leaves enough on either side, none of which it can have caused. The share of
  those whose step is at least as large as the real one must not exceed 5 %.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import isnan, nan
from typing import Literal

import numpy as np
from numpy.typing import NDArray

NEEDED_BEFORE = 30      # weeks: with fewer there are not the 19 placebos that a share of 5 % asks for
NEEDED_AFTER = 8
EDGE = 6                # weeks that a placebo must leave on either side
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
    effect, low, high = _step(known, before.size, interval=True)
    placebo = _placebo(before, effect)
    is_shown = (low > 0 or high < 0) and placebo <= SHARE
    is_better = (effect < 0) == lower_is_better
    verdict: Verdict = "not shown" if not is_shown else "verified" if is_better else "worse"
    return Judged(verdict=verdict, effect=effect, low=low, high=high, placebo=placebo, **means)


def _step(values: NDArray[np.float64], first: int, *, interval: bool) -> tuple[float, float, float]:
    """(size of a step at `first`, the bounds of its 95 % interval)."""
    from statsmodels.regression.linear_model import GLSAR

    design = np.column_stack([np.ones(values.size), (np.arange(values.size) >= first).astype(np.float64)])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")      # a series of equal values has no correlation to estimate
        fitted = GLSAR(values, design, rho=1).iterative_fit(maxiter=20)
        low, high = fitted.conf_int()[1] if interval else (nan, nan)
    return float(fitted.params[1]), float(low), float(high)


def _placebo(before: NDArray[np.float64], effect: float) -> float:
    """Share of the weeks, the project's own among them, at which a step as large as the real one is found."""
    sizes = [abs(float(before[at:].mean() - before[:at].mean())) for at in range(EDGE, before.size - EDGE + 1)]
    as_large = sum(size >= abs(effect) for size in sizes)
    return nan if isnan(effect) else (as_large + 1) / (len(sizes) + 1)
