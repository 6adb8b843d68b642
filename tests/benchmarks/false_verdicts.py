"""How often is an improvement project that changed nothing called verified, or worse: `python -m tests.benchmarks.false_verdicts`.

500 simulated projects for each way in which weeks follow each other: 40 weeks before, 26 after, no effect. Then how often an effect of one, two and three times
the spread of a week is verified.
"""

from __future__ import annotations

from collections import Counter
from math import sqrt

import numpy as np

from flows.analysis.projects import judge

PROJECTS, BEFORE, AFTER = 500, 40, 26


def verdicts(generator: np.random.Generator, *, follows: float, effect: float = 0) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(PROJECTS):
        shocks = generator.normal(size=BEFORE + AFTER) * sqrt(1 - follows**2)
        values = np.empty_like(shocks)
        values[0] = generator.normal()
        for week in range(1, values.size):
            values[week] = follows * values[week - 1] + shocks[week]
        values[BEFORE:] -= effect
        found[judge(values, BEFORE, lower_is_better=True).verdict] += 1
    return found


def main() -> None:
    generator = np.random.default_rng(20261126)
    for follows in (0.0, 0.3, 0.5):
        found = verdicts(generator, follows=follows)
        print(f"AR({follows:g}), no effect: {100 * (found['verified'] + found['worse']) / PROJECTS:.1f} % called verified or worse")
    for effect in (1, 2, 3):
        found = verdicts(generator, follows=0.3, effect=effect)
        print(f"AR(0.3), an effect of {effect} sigma: {100 * found['verified'] / PROJECTS:.1f} % verified")


if __name__ == "__main__":
    main()
