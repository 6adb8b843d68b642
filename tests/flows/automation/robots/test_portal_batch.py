"""A batch of orders through everything that such a portal does to one: sessions that end, refusals, notices, lost answers, errors – and an executor with several
browsers that is killed, in mid-form and while it submits, and begun again. Every order is in the portal once, or was handed over with a reason and is not there."""

from __future__ import annotations

import json
import os
import random
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from flows.automation.robots.portal_session import order_of
from sandbox.portal.server import set_faults
from tests.benchmarks import robot
from tests.browser import install_browser
from tests.flows.automation.robots.dealer import ITEMS, Dealer, dealer, order
from tests.flows.automation.robots.worker import rekeying

PROJECT = Path(__file__).resolve().parents[4]


@dataclass
class Murderer:
    """Kills the robot when a page is slow: the portal sleeps in the middle of a request, so the robot dies in the middle of a step. victims: how many there are to be."""

    victims: int
    process: subprocess.Popen[bytes] | None = None
    killed: list[int] = field(default_factory=list)

    def __call__(self, seconds: float) -> None:
        if self.process is not None and len(self.killed) < self.victims:
            self.process.kill()
            self.process.wait(20)
            self.killed.append(self.process.pid)
            self.process = None


def orders(count: int, chance: random.Random) -> list[dict[str, str]]:
    """Every fifth is one that the portal refuses."""
    bad: list[Callable[[str], dict[str, str]]] = [
        lambda name: order(name, lines=[("K-100", 1), ("K-999", 1)]), lambda name: order(name, lines=[("K-200", 7)]),
        lambda name: order(name, requested_on="2026-10-31"), lambda name: order(name, deliver_to="x" * 36)]
    return [bad[number // 5 % 4](f"SO-{number}") if number % 5 == 3 else
            order(f"SO-{number}", lines=[(item, ITEMS[item] * chance.randint(1, 9)) for item in chance.sample(sorted(ITEMS), chance.randint(1, 2))])
            for number in range(count)]


def live(portal: Dealer, murderer: Murderer, count: int, browsers: int, *, slow_every: int, expire_every: int, modal_every: int) -> dict[str, str]:
    """Returns what became of each order, after as many robots as it takes."""
    chance = random.Random(7)
    wanted = orders(count, chance)
    file = portal.folder / "orders.json"
    file.write_text(json.dumps(wanted))
    here = rekeying(portal.url, portal.folder, wanted, browsers=browsers)
    here.propose()
    set_faults(portal.state, expire_every=expire_every, modal_every=modal_every, slow_every=slow_every, slow_seconds=0.1,
               submits=[chance.choice(("", "", "", "lost", "500 after", "500 before", "slow")) for _ in range(count)] + ["lost", "slow", "500 after", "500 before"])
    for _ in range(murderer.victims + 1):
        murderer.process = process = subprocess.Popen(
            [sys.executable, "-m", "tests.flows.automation.robots.worker", portal.url, str(portal.folder), str(file), str(browsers)], cwd=PROJECT,
            env={**os.environ, "PYTHONPATH": str(PROJECT)}, stderr=subprocess.PIPE)
        errors = process.communicate(timeout=4500)[1].decode()
        assert process.returncode in (0, -9), errors
        if process.returncode == 0:
            break
    here.audited()
    return {intent.work_key: intent.state if intent.state == "verified" else f"{intent.state}: {intent.reason}" for intent in here.intents()}


def judge(portal: Dealer, outcomes: dict[str, str], count: int) -> None:
    entered = portal.entered()
    assert len(outcomes) == count, "nothing is lost"
    assert max(entered.values()) == 1, "nothing is there twice"
    for reference, outcome in outcomes.items():
        is_bad = int(reference.removeprefix("SO-")) % 5 == 3
        assert (outcome == "verified") == (entered[reference] == 1), f"{reference}: {outcome}, and it is there {entered[reference]} times"
        assert outcome.startswith("failed: the portal says: ") if is_bad else outcome == "verified", f"{reference}: {outcome}"
    wanted = {one["reference"]: [[line["item"], line["pieces"]] for line in json.loads(one["lines"])] for one in json.loads((portal.folder / "orders.json").read_text())}
    for one in portal.state.items("orders"):
        assert [[line["item"], line["quantity"]] for line in one["lines"]] == wanted[one["cust_ref"]], "what is there is what was wanted"


def run(folder: Path, count: int, kills: int, browsers: int, **faults: int) -> None:
    install_browser()
    murderer = Murderer(kills)
    with dealer(folder, sleep=murderer) as portal:
        began = time.monotonic()
        outcomes = live(portal, murderer, count, browsers, **faults)
        took = time.monotonic() - began
        judge(portal, outcomes, count)
        assert len(murderer.killed) == kills
        assert all(json.loads((kept / "reason.json").read_text())["reason"] for kept in portal.failures()) and portal.failures()
        seconds, workers = dict.fromkeys(outcomes, 0.0), set()
        for line in (portal.folder / "seconds.jsonl").read_text().splitlines():
            reference, worker, spent = json.loads(line)
            seconds[reference] += spent
            workers.add(worker)
        assert browsers == 1 or len(workers - {"MainThread"}) == browsers, "each browser had a part of it"
        there = sorted(seconds[reference] for reference, outcome in outcomes.items() if outcome == "verified")
        print(f"{count} orders by {browsers} browsers, {kills} times killed: {len(there)} there once, {count - len(there)} handed over; median {statistics.median(there):.1f} s "
              f"of a browser each, 95 % within {there[int(0.95 * len(there))]:.1f} s; {took / count:.1f} s an order in all; load {os.getloadavg()[1]:.0f}")
        if count > 100:
            print(f"by hand {priced(portal):.1f} s each (tests/benchmarks/robot.py)")


def priced(portal: Dealer) -> float:
    """What the same orders cost a person at the screen: the median of some of them, gone through in the portal when nothing is in the way."""
    portal.forget()
    wanted = [one for one in json.loads((portal.folder / "orders.json").read_text()) if int(one["reference"].removeprefix("SO-")) % 5 != 3]
    with portal.session() as session:
        people = [session.window.run(robot.by_hand, session, order_of(one)) for one in wanted[:9]]
    return statistics.median(hand.seconds(robot.KEY) + waited for hand, waited in people)


def test_a_batch_with_everything_that_happens_enters_each_order_once_or_hands_it_over(tmp_path: Path) -> None:
    run(tmp_path, 10, 1, 2, slow_every=41, expire_every=31, modal_every=9)


@pytest.mark.drill
@pytest.mark.timeout(6000)
def test_two_hundred_orders_are_entered_each_once_or_handed_over(tmp_path: Path) -> None:
    """MERIDIAN_BROWSERS: how many share the queue."""
    run(tmp_path, 200, 8, int(os.environ.get("MERIDIAN_BROWSERS", "2")), slow_every=181, expire_every=37, modal_every=13)
