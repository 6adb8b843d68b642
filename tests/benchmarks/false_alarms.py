"""How often does a control limit alarm when nothing has happened, and how soon when something has: `python -m tests.benchmarks.false_alarms [--window 84]`.

Average run length (values a false alarm) of simulated series in units of their sigma: independent, following each other (AR(1)), and on a level that rises;
three sigma promise 370 for independent normal values. Days have seven weekdays, weeks one. 18 months are 550 days or 78 weeks; a level that rises by 40 % with
a noise of 5 % rises by eight sigma in them. Then how often a surge of a week, and how soon a lasting step, is seen, and for how long the step is a signal.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Iterator

import numpy as np

from flows.analysis.signals import NEEDED, WINDOW, Numbers, control_limits

SERIES, LENGTH = 400, 800
DAYS, WEEKS = 550, 78       # in 18 months
GROWTH = (0, 8, 16)         # sigmas in 18 months
WHEN, AFTER = 60, 200       # weeks before a surge or step, and values after a step that are looked at


def simulated(generator: np.random.Generator, *, follows: float, length: int = LENGTH) -> Numbers:
    """AR(1) series of unit variance."""
    shocks = generator.normal(size=(SERIES, length)) * math.sqrt(1 - follows**2)
    values = np.empty_like(shocks)
    values[:, 0] = generator.normal(size=SERIES)
    for number in range(1, length):
        values[:, number] = follows * values[:, number - 1] + shocks[:, number]
    return values


def weekdays(length: int, *, how_many: int) -> Numbers:
    return np.tile(np.arange(length) % how_many, (SERIES, 1)).astype(np.float64)


def sides(values: Numbers, *, how_many: int, window: int, sizes: Numbers | None = None) -> Numbers:
    """Of values and their weekdays, on which the level depends: 1 above the limits, -1 below."""
    days, none = weekdays(values.shape[1], how_many=how_many), np.full_like(values, np.nan)
    seasonal = values if sizes is not None else values + days
    return control_limits(seasonal, days, none if sizes is None else sizes, none, window=window).side.astype(np.float64)


def values_an_alarm(found: Numbers) -> float:
    return 1 / max(float(np.abs(found).mean()), 1e-9)


def false_alarms(generator: np.random.Generator, window: int) -> Iterator[tuple[str, float]]:
    for follows in (0.0, 0.3, 0.5, 0.6):
        for how_many in (1, 7):
            found = sides(simulated(generator, follows=follows), how_many=how_many, window=window)
            yield f"AR({follows:g}), weekdays: {how_many}, behind a full baseline", values_an_alarm(found[:, WINDOW:])
    for size, rate in ((5, 0.95), (20, 0.95), (200, 0.10)):
        values = generator.binomial(size, rate, (SERIES, LENGTH)) / size
        found = sides(values, how_many=1, window=window, sizes=np.full_like(values, float(size)))
        yield f"rate {rate:g} of {size}", values_an_alarm(found[:, WINDOW:])
    for follows in (0.0, 0.3, 0.6):
        for growth in GROWTH:
            level = growth / WEEKS * np.arange(WEEKS)
            found = sides(simulated(generator, follows=follows, length=WEEKS) + level, how_many=1, window=window)
            yield f"AR({follows:g}), 78 weeks, growth of {growth} sigma", values_an_alarm(found[:, NEEDED:])
        level = GROWTH[1] / DAYS * np.arange(DAYS)
        found = sides(simulated(generator, follows=follows, length=DAYS) + level, how_many=7, window=window)
        yield f"AR({follows:g}), 550 days, growth of {GROWTH[1]} sigma", values_an_alarm(found[:, WINDOW:])
    for growth in GROWTH[1:]:
        level = growth / WEEKS * np.minimum(np.arange(WHEN + 40), WHEN)
        found = sides(simulated(generator, follows=0, length=WHEN + 40) + level, how_many=1, window=window)[:, WHEN:]
        yield f"growth of {growth} sigma ends: % of the 40 weeks after that are signals", 100 * float(np.abs(found).mean())


def sensitivity(generator: np.random.Generator, window: int) -> Iterator[tuple[str, float]]:
    for how_many, when, span in ((1, WHEN, WEEKS), (7, 7 * WHEN, DAYS)):
        for growth in GROWTH if how_many == 1 else GROWTH[:2]:
            for surge in (2, 3, 4):
                length = when + how_many
                values = simulated(generator, follows=0, length=length) + growth / span * np.arange(length)
                values[:, when:] += surge
                found = sides(values, how_many=how_many, window=window)[:, when:] > 0
                yield f"{'week' if how_many == 1 else 'seven days'} of +{surge} sigma, growth of {growth}: % seen", 100 * float(found.any(axis=1).mean())
    for growth in GROWTH:
        for step in (1, 2, 3, 4, 6):
            values = simulated(generator, follows=0, length=WHEN + AFTER) + growth / WEEKS * np.arange(WHEN + AFTER)
            values[:, WHEN:] += step
            found = sides(values, how_many=1, window=window)[:, WHEN:] > 0
            first = np.where(found.any(axis=1), found.argmax(axis=1) + 1, AFTER)
            yield f"step of {step} sigma, growth of {growth}: weeks until seen (median)", float(np.median(first))
            yield f"step of {step} sigma, growth of {growth}: signals in {AFTER} weeks (mean)", float(found.sum(axis=1).mean())


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--window", type=int, default=WINDOW, help="values in a full baseline")
    window = parser.parse_args().window
    for part in (false_alarms, sensitivity):
        for name, figure in part(np.random.default_rng(20261126), window):
            print(f"{name:<80}{figure:>8.0f}", flush=True)


if __name__ == "__main__":
    main()
