"""Verdicts on improvement projects: what helped, what hurt, what only looks like it, and what nobody can say yet."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from flows.analysis.projects import NEEDED_AFTER, NEEDED_BEFORE, judge
from tests.benchmarks.false_verdicts import verdicts

GENERATOR = np.random.default_rng(20261126)


def weeks(before: int, after: int, *, level: float = 50, step: float = 0, noise: float = 2) -> Any:
    values = GENERATOR.normal(level, noise, before + after)
    values[before:] += step
    return values


@pytest.mark.parametrize(("step", "lower_is_better", "verdict"), [(-10, True, "verified"), (-10, False, "worse"), (10, True, "worse"), (10, False, "verified"), (0, True, "not shown")])
def test_a_step_is_verified_or_worse_by_where_the_kpi_is_to_go(step: float, lower_is_better: bool, verdict: str) -> None:
    found = judge(weeks(40, 20, step=step), 40, lower_is_better=lower_is_better)
    assert found.verdict == verdict
    assert found.low <= found.effect <= found.high
    if step:
        assert found.effect == pytest.approx(step, abs=2) and found.after - found.before == pytest.approx(step, abs=2)
        assert found.placebo == pytest.approx(1 / 29)      # its own alone: thirteen weeks in a row have 28 places among forty


def test_a_step_of_which_the_weeks_before_hold_one_as_large_is_not_shown() -> None:
    """The regression alone would believe it: a KPI that jumps now and then has jumped again."""
    values = np.concatenate([weeks(20, 0, level=40), weeks(20, 0, level=60), weeks(20, 0, level=45)])
    found = judge(values, 40, lower_is_better=True)
    assert found.placebo > 0.05 and found.verdict == "not shown"


@pytest.mark.parametrize(("before", "after", "verdict"), [
    (40, NEEDED_AFTER - 1, "too early"), (40, NEEDED_AFTER, "verified"), (NEEDED_BEFORE - 1, 20, "cannot be judged"), (NEEDED_BEFORE, 20, "verified"), (0, 0, "too early")])
def test_too_few_weeks_on_either_side_are_said_to_be_too_few(before: int, after: int, verdict: str) -> None:
    assert judge(weeks(before, after, step=-20), before, lower_is_better=True).verdict == verdict


def test_weeks_without_a_value_do_not_count() -> None:
    values = weeks(40, 10, step=-20)
    holed = values.copy()
    holed[[3, 44, 45, 46]] = math.nan
    assert judge(values, 40, lower_is_better=True).verdict == "verified"
    assert judge(holed, 40, lower_is_better=True).verdict == "too early"
    assert judge(holed, 40, lower_is_better=True).before == pytest.approx(float(np.delete(values[:40], 3).mean()))


def test_a_kpi_that_never_moves_is_not_shown_to_have_moved() -> None:
    assert judge(np.full(60, 7.0), 40, lower_is_better=True).verdict == "not shown"
    assert judge(np.full(60, 0.1), 40, lower_is_better=True).verdict == "not shown"


def test_the_effect_is_what_another_estimator_finds() -> None:
    """statsmodels' GLSAR, with the correlation that the series was made with: over two thousand weeks the mean over all that it may be comes close."""
    from statsmodels.regression.linear_model import GLSAR

    generator = np.random.default_rng(7)
    for follows in (0.0, 0.4, 0.7):
        values = np.empty(2000)
        values[0] = 0
        for week in range(1, values.size):
            values[week] = follows * values[week - 1] + generator.normal()
        values[1500:] += 5
        design = np.column_stack([np.ones(2000), np.arange(2000) >= 1500])
        other = GLSAR(values, design.astype(float), rho=[follows]).fit()
        found = judge(values, 1500, lower_is_better=False)
        spread = other.bse[1]
        assert found.effect == pytest.approx(other.params[1], abs=0.15 * spread)
        assert found.high - found.low == pytest.approx(np.diff(other.conf_int()[1])[0], rel=0.15)


@pytest.mark.parametrize(("before", "after"), [(40, 26), (NEEDED_BEFORE, NEEDED_AFTER)])
@pytest.mark.parametrize("follows", [0.0, 0.5])
def test_of_projects_that_changed_nothing_few_are_called_anything_else(before: int, after: int, follows: float) -> None:
    """200 of them: at a true 5 % more than 17 come in one of 100 such tests (tests/benchmarks/false_verdicts.py counts more)."""
    generator = np.random.default_rng(11)
    found = verdicts(generator, 200, weeks=(before, after), follows=follows)
    assert found["verified"] + found["worse"] <= 17
    assert sum(found.values()) == 200


def test_what_is_measured_in_has_no_say() -> None:
    values = weeks(40, 20, step=-2)
    one, thousand = (judge(values * unit + 3 * unit, 40, lower_is_better=True) for unit in (1, 1000))
    assert (one.verdict, one.placebo) == (thousand.verdict, thousand.placebo)
    assert thousand.effect == pytest.approx(1000 * one.effect) and thousand.high == pytest.approx(1000 * one.high)
