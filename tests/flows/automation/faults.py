"""Executors that are killed, targets that misbehave, and the one question: how often was it done, and does anybody know what was not?"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from flows.automation import executor
from flows.store import intents
from flows.store import ledger as ledgers
from tests.flows.automation.target import Target
from tests.flows.automation.world import COUNT, NOTE, SET, World, row, world

STEPS = {"A": SET, "B": NOTE, "C": COUNT}
# before the row says that it leaves; behind that; in the request; answered, and not booked; booked, and not looked at; looked at, and not booked
KILLS = ("taken", "sending committed", "in the request", "answered", "answer booked", "looked")
KNOWN = ("failed", "handed_over", "expired")        # of what was not done somebody is told


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """effects: how often it was done. state: what the ledger says in the end."""

    effects: int
    state: str

    @property
    def is_twice(self) -> bool:
        return self.effects > 1

    @property
    def is_lost(self) -> bool:
        """Not done, and nobody is told; or said to be done, and not there."""
        return self.effects == 0 and self.state not in KNOWN


def killed_in_a_child(here: World, shop: Target, kill: str) -> bool:
    """Run an executor in a process that dies at `kill`; whether it did."""
    shop.kills = kill == "in the request"
    child = os.fork()
    if not child:
        try:
            mine = World(path=here.path, url=here.url, playbooks=here.playbooks, now=here.now, rows=here.rows, version=here.version, as_of=here.as_of)
            mine.step = lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == kill else None
            executor.execute(mine.engine())
        finally:
            os._exit(0)
    _, status = os.waitpid(child, 0)
    shop.kills = False
    return os.WIFSIGNALED(status)


@cache
def _empty(folder: Path) -> bytes:
    """A ledger with its tables and nothing in them: making those takes longer than all the rest."""
    path = folder / "empty.sqlite"
    ledgers.open_ledger(str(path)).dispose()        # the last connection that closes writes its log into the file
    return path.read_bytes()


def lived(folder: Path, shop: Target, repeat: str, kill: str, faults: Sequence[str], subject: str, executors: int = 1) -> Outcome:
    """One piece of work: agreed to, begun by a process that is killed, gone on with until nothing is open. executors: that go on, one behind the other."""
    here = world(folder, shop.url, mode="auto", steps=[STEPS[repeat]])
    Path(here.path).write_bytes(_empty(folder.parent))
    here.rows = [row(subject)]
    here.propose()
    shop.faults = list(faults)
    killed_in_a_child(here, shop, kill)
    for _ in range(14):
        for _ in range(executors):
            here.execute()
        if not any(intent.state in intents.OPEN for intent in here.intents()):
            break
        shop.settle()
        here.now += executor.LONGEST_PAUSE * 1.6
    shop.settle()
    assert here.audited()
    (one,) = here.intents()
    if one.state == "verified" and repeat == "A":
        assert shop.values[subject] == "DPD"
    return Outcome(effects=len(shop.effects.get(subject, ())), state=one.state)


def counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    states = Counter(one.state for one in outcomes)
    return {"intents": len(outcomes), "done twice": sum(one.is_twice for one in outcomes), "lost unsaid": sum(one.is_lost for one in outcomes), **states}
