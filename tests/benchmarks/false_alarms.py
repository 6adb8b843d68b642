"""How often does a control limit alarm when nothing has happened, and how soon when something has: `python -m tests.benchmarks.false_alarms`.

Average run length (values until the first alarm, behind a full baseline) of simulated series: independent, and following each other (AR(1)); three sigma
promise 370 for independent normal values. Then the days until a shift of one, two and three sigma is seen.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from flows.analysis.signals import WINDOW, Numbers, control_limits

SERIES, LENGTH = 400, 800


def simulated(generator: np.random.Generator, *, follows: float) -> Numbers:
    """AR(1) series of unit variance."""
    shocks = generator.normal(size=(SERIES, LENGTH)) * math.sqrt(1 - follows**2)
    values = np.empty_like(shocks)
    values[:, 0] = generator.normal(size=SERIES)
    for number in range(1, LENGTH):
        values[:, number] = follows * values[:, number - 1] + shocks[:, number]
    return values


def alarms(values: Numbers, weekdays: Numbers, sizes: Numbers) -> Numbers:
    return np.abs(control_limits(values, weekdays, sizes, np.full_like(values, np.nan)).side[:, WINDOW:]).astype(np.float64)


def rows() -> Iterator[tuple[str, float]]:
    generator = np.random.default_rng(20261126)
    one_day, week = np.zeros((SERIES, LENGTH)), np.tile(np.arange(LENGTH) % 7, (SERIES, 1)).astype(np.float64)
    none = np.full((SERIES, LENGTH), np.nan)
    for follows in (0.0, 0.3, 0.5):
        for name, days in (("one weekday", one_day), ("seven weekdays", week)):
            values = simulated(generator, follows=follows) + days
            yield f"AR({follows:g}), {name}", 1 / max(float(alarms(values, days, none).mean()), 1e-9)
    for size, rate in ((5, 0.95), (20, 0.95), (200, 0.10)):
        sizes = np.full((SERIES, LENGTH), float(size))
        values = generator.binomial(size, rate, (SERIES, LENGTH)) / size
        yield f"rate {rate:g} of {size}", 1 / max(float(alarms(values, one_day, sizes).mean()), 1e-9)
    for shift in (1, 2, 3):
        values = simulated(generator, follows=0)
        values[:, WINDOW:] += shift
        found = alarms(values, one_day, none)[:, :60]
        yield f"values until a shift of {shift} sigma is seen (median)", float(np.median(np.where(found.any(axis=1), found.argmax(axis=1) + 1, 60)))


def main() -> None:
    for name, figure in rows():
        print(f"{name:<60}{figure:>8.0f}")


if __name__ == "__main__":
    main()
