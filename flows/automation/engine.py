"""What proposing and executing work with: everything that could differ in a test, passed in."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any
from zoneinfo import ZoneInfo

import sqlalchemy as sql

from flows.automation.contract import Action, ActionError, Unavailable
from flows.automation.notices import Post
from flows.automation.plan import Firing, Row
from flows.automation.playbook import Mode, Playbook
from flows.store import switches
from flows.store.ledger import Ledger
from flows.store.switches import EVERYTHING, Switch


@dataclass(frozen=True, kw_only=True)
class Found:
    """A published list. stale: why nothing may run by itself on it; '' when nothing speaks against it."""

    version: str
    as_of: date
    rows: Sequence[Row]
    firing: Collection[Firing] = ()
    stale: str = ""


def no_step(name: str) -> None:
    """Where a test kills the process, nothing happens otherwise."""


@dataclass(frozen=True, kw_only=True)
class Engine:
    """playbooks: with the mode that configuration and agreement leave them. targets: that are configured. open: a target's session; raises ActionError.
    beside: of a target and its open session, further ones, not yet open, for the same queue.
    found: the current version's list for a playbook; raises LookupError where there is none. random: 0 to 1. account: of the operating system, who this is."""

    ledger: Ledger
    playbooks: Mapping[str, Playbook]
    actions: Mapping[str, Action]
    targets: Collection[str]
    open: Callable[[str], AbstractContextManager[Any]]
    found: Callable[[Playbook], Found]
    clock: Callable[[], datetime]
    random: Callable[[], float]
    zone: ZoneInfo
    beside: Callable[[str, Any], Sequence[AbstractContextManager[Any]]] = lambda target, session: ()
    post: Post = field(default_factory=Post)
    step: Callable[[str], None] = no_step
    account: str = ""

    @contextmanager
    def write(self) -> Iterator[sql.Connection]:
        """A transaction beside which nobody else takes an intent, decides or turns a switch. All take this lock first, so that none waits in a circle."""
        with self.ledger.begin() as connection:
            switches.lock(connection)
            yield connection

    def session(self, target: str) -> AbstractContextManager[Any]:
        """A session of a target that is configured. Raises ActionError."""
        if target not in self.targets:
            raise Unavailable(f"{target} is not configured: add [automations.targets.{target}] to meridian.toml")
        return self.open(target)

    def day_start(self, now: datetime) -> datetime:
        return now.astimezone(self.zone).replace(hour=0, minute=0, second=0, microsecond=0)


def mode_of(playbook: Playbook, turned: Mapping[str, Switch]) -> Mode:
    """The mode in force: as configured, or less where a switch says so."""
    states = {turned[name].state for name in (EVERYTHING, playbook.playbook) if name in turned}
    if "off" in states or playbook.mode == "off":
        return "off"
    return "shadow" if "shadow" in states else playbook.mode


def is_stopped(target: str, turned: Mapping[str, Switch]) -> bool:
    switch = turned.get(switches.of_target(target))
    return switch is not None and switch.state == "off"


@contextmanager
def sessions(engine: Engine) -> Iterator[Callable[[str], Any]]:
    """Opens each target once, when it is first asked for; one that could not be opened fails again without being asked. Raises ActionError."""
    opened: dict[str, Any] = {}
    with ExitStack() as stack:
        def session(target: str) -> Any:
            if target not in opened:
                try:
                    opened[target] = stack.enter_context(engine.session(target))
                except ActionError as error:
                    opened[target] = error
            if isinstance(opened[target], ActionError):
                raise opened[target]
            return opened[target]

        yield session
