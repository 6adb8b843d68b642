"""One effect per intent: `python -m tests.benchmarks.kills [--kills 1000] [--seed 20261126] [--throughput 300]`.

Each life is one piece of work of a random class at the HTTP target of the tests: agreed to, taken by an executor that is killed (SIGKILL) at a random point,
while the target does one to three random faults to the requests that change something; then one or two executors go on until nothing is open. Counted is what the
target really did. Then how many intents a second an executor does when nothing goes wrong. Exit 1 when anything was done twice or lost unsaid.
"""

from __future__ import annotations

import argparse
import os
import random
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from tests.flows.automation import target
from tests.flows.automation.faults import KILLS, Outcome, at_the_target, counted, lived
from tests.flows.automation.target import FAULTS, Target
from tests.flows.automation.world import NOTE, SET, row, world

MEANS = {"A": "A, a state is set", "B": "B, found by a marker", "C": "C, neither"}
COLUMNS = ("intents", "verified", "failed", "handed_over", "unknown, solved by looking", "done twice", "lost unsaid")


def lives(shop: Target, folder: Path, many: int, seed: int) -> dict[str, list[Outcome]]:
    """What became of so many, by class."""
    chance, outcomes = random.Random(seed), {repeat: list[Outcome]() for repeat in MEANS}
    for number in range(many):
        here = folder / str(number)
        here.mkdir()
        repeat, faults, kill = chance.choice("ABC"), [chance.choice(FAULTS) for _ in range(chance.randint(1, 3))], chance.choice(KILLS)
        one = lived(here, at_the_target(shop, repeat, f"{seed}-{number}"), kill, faults, executors=chance.randint(1, 2))
        if one.is_twice or one.is_lost:
            print(f"WRONG: life {number}, class {repeat}, killed at {kill!r}, faults {faults}: {one}", flush=True)
        outcomes[repeat].append(one)
        if (number + 1) % 100 == 0:
            print(f"{number + 1} lives", file=sys.stderr, flush=True)
    return outcomes


def table(outcomes: dict[str, list[Outcome]]) -> list[str]:
    lines = [f"| class | {' | '.join(name.replace('handed_over', 'handed to a person') for name in COLUMNS)} |", "|---|" + "---|" * len(COLUMNS)]
    for name, of_it in [*((MEANS[repeat], found) for repeat, found in outcomes.items()), ("all", [one for found in outcomes.values() for one in found])]:
        figures = counted(of_it)
        lines.append(f"| {name} | {' | '.join(f'{figures.get(column, 0):,}' for column in COLUMNS)} |")
        assert sum(figures.get(state, 0) for state in ("verified", "failed", "handed_over")) == figures["intents"], figures
    return lines


def throughput(shop: Target, folder: Path, many: int) -> list[str]:
    """Intents a second of one executor: each read, sent, read again at a target that answers at once, with its rows and the audit chain in SQLite."""
    said = []
    for name, step in (("A", SET), ("B", NOTE)):
        here = world(folder, shop.url, mode="auto", caps={"per_run": many}, steps=[step])
        here.path = str(folder / f"throughput-{name}.sqlite")
        here.rows = [row(f"{name}{number}") for number in range(many)]
        here.propose()
        began, spent = time.monotonic(), time.process_time()
        while any(here.execute().values()):         # the very first goes alone
            pass
        wall, cpu = time.monotonic() - began, time.process_time() - spent
        assert [intent.state for intent in here.intents()] == ["verified"] * many
        said.append(f"class {name}: {many} intents in {wall:.1f} s, {many / wall:.1f} a second; {1000 * cpu / many:.0f} ms of CPU each, the target's included")
    return said


def main(arguments: Sequence[str]) -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--kills", type=int, default=1000)
    asked.add_argument("--seed", type=int, default=20261126)
    asked.add_argument("--throughput", type=int, default=300)
    given = asked.parse_args(arguments)
    began = time.monotonic()
    with tempfile.TemporaryDirectory() as folder, target.running() as shop:
        home = Path(folder)
        outcomes = lives(shop, home, given.kills, given.seed)
        print(f"seed {given.seed}, {given.kills} lives in {time.monotonic() - began:.0f} s, load {os.getloadavg()[0]:.1f}\n")
        print("\n".join(table(outcomes)) + "\n")
        if given.throughput:
            print("\n".join(throughput(shop, home, given.throughput)))
    return int(any(one.is_twice or one.is_lost for found in outcomes.values() for one in found))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
