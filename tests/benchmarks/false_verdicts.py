"""How often is an improvement project that changed nothing called verified, or worse: `python -m tests.benchmarks.false_verdicts`.

500 simulated projects without an effect for each way in which weeks follow each other and each history: 40 weeks before and 26 after, and the shortest and longest
that are judged. Then how often an effect of one, two and three times the spread of a week is verified. 500 tell a rate of 5 % to within two: `--projects 5000` to within 0.6.
"""

from __future__ import annotations

import argparse
from collections import Counter
from math import sqrt

import numpy as np

from flows.analysis.projects import judge

HISTORIES = ((40, 26), (30, 8), (52, 8), (52, 26))
FOLLOWS = (0.0, 0.3, 0.5, 0.7)


def verdicts(generator: np.random.Generator, projects: int, *, weeks: tuple[int, int], follows: float, effect: float = 0) -> Counter[str]:
    found: Counter[str] = Counter()
    for _ in range(projects):
        shocks = generator.normal(size=sum(weeks)) * sqrt(1 - follows**2)
        values = np.empty_like(shocks)
        values[0] = generator.normal()
        for week in range(1, values.size):
            values[week] = follows * values[week - 1] + shocks[week]
        values[weeks[0]:] -= effect
        found[judge(values, weeks[0], lower_is_better=True).verdict] += 1
    return found


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--projects", type=int, default=500)
    projects = parser.parse_args().projects
    generator = np.random.default_rng(20261126)
    for weeks in HISTORIES:
        for follows in FOLLOWS:
            found = verdicts(generator, projects, weeks=weeks, follows=follows)
            wrong = 100 * (found["verified"] + found["worse"]) / projects
            print(f"{weeks[0]} weeks before, {weeks[1]} after, AR({follows:g}), no effect: {wrong:.1f} % called verified or worse", flush=True)
        for effect in (1, 2, 3):
            found = verdicts(generator, projects, weeks=weeks, follows=0.3, effect=effect)
            print(f"{weeks[0]} weeks before, {weeks[1]} after, AR(0.3), an effect of {effect} sigma: {100 * found['verified'] / projects:.1f} % verified", flush=True)


if __name__ == "__main__":
    main()
