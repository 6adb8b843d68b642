"""Whatever happens in whatever order, what must hold holds: a state machine of nights, people, faults, deaths and switches against a real HTTP target."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from flows.automation import undo
from flows.automation.approvals import NotTaken
from flows.store import audit, intents, proposals, switches
from flows.store.proposals import NoSuchProposal
from tests.flows.automation import target
from tests.flows.automation.target import FAULTS
from tests.flows.automation.world import NOTE, SET, playbook, row, world
from tests.length import IS_DRILL

KEYS = ("o1", "o2", "o3")


class _Dies(BaseException):
    """The process ends here, as far as the ledger and the target can tell."""


class Automations(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.running = target.running()
        self.shop = self.running.__enter__()
        self.here = world(Path(self.folder.name), self.shop.url, steps=[SET, NOTE], caps={"per_run": 2}, canary=1)
        self.agreed: set[str] = set()               # exact hashes that somebody agreed to, or the caps allowed
        self.sent = 0

    def teardown(self) -> None:
        self.running.__exit__(None, None, None)
        self.here.ledger.dispose()
        self.folder.cleanup()

    @rule(keys=st.sets(st.sampled_from(KEYS)), carrier=st.sampled_from(["DPD", "GLS", None]))
    def a_night(self, keys: set[str], carrier: str | None) -> None:
        self.here.night([row(key, carrier=carrier) for key in sorted(keys)])
        self.here.propose()

    @rule(who=st.sampled_from(["mira", "jonas", "eve"]), decision=st.sampled_from(["approve", "reject"]), place=st.integers(0, 3))
    def somebody_decides(self, who: str, decision: str, place: int) -> None:
        found = self.here.proposals()
        if not found:
            return
        one = found[-1 - place % len(found)]
        try:
            for agreed in self.here.decide(one.proposal, who=who, decision=decision):
                assert who != "eve"
                if agreed.state == "approved":
                    self.agreed.add(agreed.exact)
        except (NotTaken, NoSuchProposal):
            pass

    @rule(mode=st.sampled_from(["approve", "auto", "off", "shadow", "propose"]))
    def the_mode_changes(self, mode: str) -> None:
        self.here.playbooks = {"move": playbook(mode=mode, steps=[SET, NOTE], caps={"per_run": 2}, canary=1)}

    @rule(state=st.sampled_from(["on", "off", "shadow"]), name=st.sampled_from(["*", "move", "target:shop"]))
    def a_switch_is_turned(self, state: str, name: str) -> None:
        with self.here.ledger.begin() as connection:
            switches.turn(connection, name, state, by="mira", at=self.here.now)

    @rule(faults=st.lists(st.sampled_from(FAULTS), max_size=2), dies_at=st.sampled_from(["", "", "", "taken", "sending committed", "answered", "answer booked", "looked"]))
    def an_executor_runs(self, faults: list[str], dies_at: str) -> None:
        self.note_what_caps_allowed()
        self.shop.faults = list(faults)
        before, is_off = dict(self.shop.effects), self.is_off()

        def step(name: str) -> None:
            if name == dies_at:
                raise _Dies

        self.here.step = step
        try:
            self.here.execute()
        except _Dies:
            with self.here.ledger.begin() as connection:           # its process is gone: no start time is as it was
                connection.execute(intents.intents.update().where(intents.intents.c.owner.is_not(None)).values(owner=f"{os.uname().nodename}:1:0"))
        self.shop.faults = []
        if is_off:
            assert dict(self.shop.effects) == before, "off means off"

    @rule(hours=st.sampled_from([1, 13, 49]))
    def time_passes(self, hours: int) -> None:
        self.here.now += timedelta(hours=hours)
        self.shop.settle()

    @rule(subject=st.sampled_from(KEYS))
    def somebody_changes_it_there(self, subject: str) -> None:
        self.shop.set(subject, "by hand")

    @precondition(lambda self: any(one.state == "done" for one in self.here.proposals()))
    @rule()
    def somebody_undoes(self) -> None:
        one = next(one for one in self.here.proposals() if one.state == "done")
        with suppress(undo.CannotUndo):
            undo.undo(self.here.engine(), one.proposal, who="mira", by="mira", why="x")

    def is_off(self) -> bool:
        with self.here.ledger.begin() as connection:
            turned = switches.read(connection)
        stopped = [name for name in ("*", "move", "target:shop") if name in turned and turned[name].state != "on" and not (
            name == "target:shop" and turned[name].state == "shadow")]
        return bool(stopped) or self.here.playbooks["move"].mode in ("off", "shadow", "propose")

    def note_what_caps_allowed(self) -> None:
        with self.here.ledger.begin() as connection:
            for one in proposals.by_caps(connection, "move", self.here.now - timedelta(days=60)):
                self.agreed.add(one.exact)

    @invariant()
    def nothing_is_sent_that_nobody_agreed_to(self) -> None:
        self.note_what_caps_allowed()
        by_proposal = {one.proposal: one for one in self.here.proposals()}
        for intent in self.here.intents():
            if intent.attempts and intent.purpose == "do":
                assert by_proposal[intent.proposal].exact in self.agreed

    @invariant()
    def of_each_work_and_step_at_most_one_is_open_and_each_was_done_at_most_once(self) -> None:
        open_ones = [(intent.work_key, intent.step) for intent in self.here.intents() if intent.state in intents.OPEN]
        assert len(open_ones) == len(set(open_ones))
        markers = [marker for _, marker in self.shop.entries]
        assert len(markers) == len(set(markers))

    @invariant()
    def what_is_verified_the_target_had(self) -> None:
        for intent in self.here.intents():
            if intent.state == "verified" and intent.action == "http.note":
                assert any(marker == intent.marker for _, marker in self.shop.entries)
            elif intent.state == "verified" and intent.attempts:
                assert intent.parameters["value"] in self.shop.effects[intent.parameters["subject"]]

    @invariant()
    def no_row_of_the_chain_was_changed(self) -> None:
        with self.here.ledger.begin() as connection:
            assert audit.verify(connection).broken_at is None


def bounded(examples: int, steps: int) -> Any:
    return settings(max_examples=examples, stateful_step_count=steps, deadline=None, derandomize=True,
                    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much])


TestAutomations: Any = Automations.TestCase
TestAutomations.settings = bounded(150, 40) if IS_DRILL else bounded(6, 18)
