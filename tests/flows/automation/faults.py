"""Executors that are killed, targets that misbehave, and the one question: how often was it done, and does anybody know what was not?"""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Protocol

from flows.automation import executor
from flows.automation.contract import Action
from flows.store import intents
from flows.store import ledger as ledgers
from flows.store.intents import Intent
from tests.flows.automation.target import ACTIONS, Target
from tests.flows.automation.world import COUNT, NOTE, SET, World, row, world

STEPS = {"A": SET, "B": NOTE, "C": COUNT}
# before the row says that it leaves; behind that; in the request; answered, and not booked; booked, and not looked at; looked at, and not booked
KILLS = ("taken", "sending committed", "in the request", "answered", "answer booked", "looked")
KNOWN = ("failed", "handed_over", "expired")        # of what was not done somebody is told


class Misbehaving(Protocol):
    """What does the faults, to the next requests that change something; who is killed in the next of them; and what time brings."""

    faults: list[str]
    victim: int

    def settle(self) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Work:
    """One thing to do in a system, through what misbehaves. effects: how often the system holds it; asked of the system itself."""

    row: Mapping[str, Any]
    step: Mapping[str, Any]
    between: Misbehaving
    effects: Callable[[Intent], int]
    actions: Mapping[str, Action] = field(default_factory=lambda: ACTIONS)
    session: Callable[[], AbstractContextManager[Any]] | None = None
    url: str = ""


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """effects: how often it was done. state, attempts: what the ledger says in the end. was_unknown: whether it was done was not known for a while."""

    effects: int
    state: str
    attempts: int = 1
    was_unknown: bool = False

    @property
    def is_twice(self) -> bool:
        return self.effects > 1

    @property
    def is_lost(self) -> bool:
        """Not done, and nobody is told; or said to be done, and not there."""
        return self.effects == 0 and self.state not in KNOWN


def at_the_target(shop: Target, repeat: str, subject: str) -> Work:
    """Work of a class at the HTTP target of the tests."""

    def effects(intent: Intent) -> int:
        done = shop.effects.get(subject, [])
        assert repeat != "A" or set(done) <= {"DPD"}
        return len(done)

    return Work(row=row(subject), step=STEPS[repeat], between=shop, effects=effects, url=shop.url)


def killed_in_a_child(here: World, between: Misbehaving, kill: str) -> bool:
    """Run an executor in a process that dies at `kill`; whether it did."""
    begins, begin = os.pipe()
    child = os.fork()
    if not child:
        try:
            os.read(begins, 1)
            executor.execute(replace(here, _ledger=None, step=lambda step: os.kill(os.getpid(), signal.SIGKILL) if step == kill else None).engine())
        finally:
            os._exit(0)
    between.victim = child if kill == "in the request" else 0
    os.write(begin, b"!")
    _, status = os.waitpid(child, 0)
    between.victim = 0
    os.close(begin)
    os.close(begins)
    return os.WIFSIGNALED(status)


@cache
def _empty(folder: Path) -> bytes:
    """A ledger with its tables and nothing in them: making those takes longer than all the rest."""
    path = folder / "empty.sqlite"
    ledgers.open_ledger(str(path)).dispose()        # the last connection that closes writes its log into the file
    return path.read_bytes()


def lived(folder: Path, work: Work, kill: str, faults: Sequence[str], executors: int = 1) -> Outcome:
    """One piece of work: agreed to, begun by a process that is killed, gone on with until nothing is open. executors: that go on, one behind the other."""
    here = world(folder, work.url, mode="auto", steps=[dict(work.step)])
    Path(here.path).write_bytes(_empty(folder.parent))
    here.rows, here.actions, here.session = [dict(work.row)], work.actions, work.session
    here.propose()
    work.between.faults = list(faults)
    killed_in_a_child(here, work.between, kill)
    for _ in range(14):
        for _ in range(executors):
            here.execute()
        if not any(intent.state in intents.OPEN for intent in here.intents()):
            break
        work.between.settle()
        here.now += executor.LONGEST_PAUSE * 1.6
    work.between.faults = []
    work.between.settle()
    said = here.audited()
    (one,) = here.intents()
    here.ledger.dispose()
    return Outcome(effects=work.effects(one), state=one.state, attempts=one.attempts, was_unknown=any(line.startswith("intent unknown") for line in said))


def counted(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """The figures of many: what became of them, and what must not be."""
    states = Counter(one.state for one in outcomes)
    return {"intents": len(outcomes), "verified": states.pop("verified", 0), **dict(sorted(states.items())),
            "unknown, solved by looking": sum(one.was_unknown and one.attempts == 1 and one.state == "verified" for one in outcomes),
            "done twice": sum(one.is_twice for one in outcomes), "lost unsaid": sum(one.is_lost for one in outcomes)}
