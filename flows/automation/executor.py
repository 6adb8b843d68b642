"""Do what was agreed to, once: take an intent, look whether it is still called for and unchanged there, send, look again.

Any number of executors, any of them killable at any time. What is known of an intent stands in its row before and after everything that leaves.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from contextlib import nullcontext
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from flows.automation import leave, notices, outcomes, side_by_side
from flows.automation.contract import Action, ActionError, Refused, State, Unavailable, Unrecognized, holds
from flows.automation.engine import Engine, is_stopped
from flows.automation.plan import work_of
from flows.automation.playbook import is_closing
from flows.store import intents, proposals, switches
from flows.store.intents import Intent

MOST_SENDINGS = 5               # of one intent; after that a person looks at why
MOST_DELAYS = 8                 # with the pauses below about four hours
HELD_BACK = timedelta(minutes=10)
FIRST_PAUSE, LONGEST_PAUSE = timedelta(minutes=1), timedelta(hours=1)


def execute(engine: Engine, *, most: int = 1000) -> Counter[str]:
    """Take what is due, one after another, until nothing is; what became of how many. most: items in this run, so that it ends."""
    done: Counter[str] = Counter()
    with engine.write() as connection:
        settles = {name: action.settles for name, action in engine.actions.items()}
        done["recovered"] += len(intents.recover(connection, engine.clock(), settles))
        targets = dict.fromkeys(intent.target for intent in intents.due(connection, engine.clock()))
    for target in targets:
        if _can_be_taken(engine, target):
            _batch(engine, target, done, most)
    return Counter({what: number for what, number in done.items() if number})


def _can_be_taken(engine: Engine, target: str) -> bool:
    """A session may be a browser: it is not opened for what waits."""
    with engine.write() as connection:
        return not is_stopped(target, switches.read(connection)) and any(
            intent.state == "unknown" or leave.of(connection, engine, intent, engine.clock()) == "go"
            for intent in intents.due(connection, engine.clock(), [target]))


def _batch(engine: Engine, target: str, done: Counter[str], most: int) -> None:
    def live(session: Any, intent: Intent) -> str:
        return _Item(engine=engine, session=session, intent=intent, action=engine.actions.get(intent.action)).live()

    try:
        with engine.session(target) as session:
            with engine.write() as connection:
                others = max(len(intents.due(connection, engine.clock(), [target])) - 1, 0)
            side_by_side.work([nullcontext(session), *engine.beside(target, session)[:others]], lambda: _take(engine, target), live, done=done, most=most)
    except ActionError as error:
        while done.total() < most and (intent := _take(engine, target)) is not None:
            if isinstance(error, Unrecognized):
                done[_stop(engine, intent, str(error))] += 1
                return
            done[_delay(engine, intent, error)] += 1


def _take(engine: Engine, target: str) -> Intent | None:
    with engine.write() as connection:
        if is_stopped(target, switches.read(connection)):
            return None
        now = engine.clock()
        for intent in intents.due(connection, now, [target]):
            if intent.state != "unknown" and leave.of(connection, engine, intent, now) != "go":
                continue
            if intents.claim(connection, intent, now):
                if intent.purpose == "do":
                    proposals.begin(connection, intent.proposal, now)
                return intent
    return None


@dataclass(frozen=True, kw_only=True)
class _Item:
    """One intent in our hands, and the session to do it in."""

    engine: Engine
    session: Any
    intent: Intent
    action: Action | None

    def live(self) -> str:
        """Returns the state that it is left in, or 'stopped'."""
        if self.action is None:
            return self.end("handed_over", f"there is no action {self.intent.action} any more")
        if why := _not_called_for(self.engine, self.intent):
            return why
        try:
            there = self.action.look(self.session, self.intent.parameters, self.intent.marker)
        except Exception as error:
            return self.not_seen(error)
        became = self.judged(there, self.action)
        return became if became is not None else self.send(there, self.action)

    def judged(self, there: State, action: Action) -> str | None:
        """What looking alone decides; None: it is to be sent."""
        intent, is_so = self.intent, holds(there, self.intent.wanted)
        if intent.state == "unknown" and action.repeat == "C" and not (intent.answered_at and is_so):
            return self.end("handed_over", f"whether it was done is not known, and it cannot be done twice: {_both(intent, there)}", there)
        if is_so:
            return self.end("verified", "" if intent.attempts else "it was so already", there)
        if intents.written(there) != intents.written(intent.before):
            return self.end("handed_over", f"it was changed by somebody else: {_both(intent, there)}", there)
        if intent.attempts >= MOST_SENDINGS:
            return self.end("handed_over", f"sent {intent.attempts} times, and it is not so: {_both(intent, there)}", there)
        return None

    def send(self, there: State, action: Action) -> str:
        engine, now = self.engine, self.engine.clock()
        engine.step("taken")
        with engine.write() as connection:
            allowed = leave.of(connection, engine, self.intent, now)
            if allowed == "no" and self.intent.state == "unknown":
                outcomes.end(connection, engine, self.intent, "handed_over", now, "it was not done, and nobody allows it any more", there)
                return "handed_over"
            if allowed != "go" or not intents.sending(connection, self.intent, now):
                # as it was, for when it may go; what is unknown is looked at whenever it is due
                due_at = now + HELD_BACK if self.intent.state == "unknown" else None
                intents.move(connection, self.intent, self.intent.state, at=now, reason=self.intent.reason, due_at=due_at)
                return "held back"
            sent = intents.get(connection, self.intent.intent)
        item = replace(self, intent=sent)
        engine.step("sending committed")
        try:
            action.act(self.session, sent.parameters, there, sent.marker)
        except Refused as error:
            return item.end("failed", str(error))
        except Unavailable as error:
            return _delay(engine, sent, error)
        except Unrecognized as error:
            return _stop(engine, sent, str(error))
        except Exception as error:                          # Unanswered, or a defect of the action: both may have done it
            return item.unknown(_said(error))
        engine.step("answered")
        with engine.write() as connection:
            intents.answered(connection, sent, engine.clock())
        engine.step("answer booked")
        return replace(item, intent=replace(sent, answered_at=engine.clock())).verify(action)

    def verify(self, action: Action) -> str:
        try:
            there = action.look(self.session, self.intent.parameters, self.intent.marker)
        except Exception as error:
            return self.unknown(f"done, and not seen: {_said(error)}")
        self.engine.step("looked")
        if holds(there, self.intent.wanted):
            return self.end("verified", "", there)
        return self.unknown(f"the target said yes, and it is not so yet: {_both(self.intent, there)}")

    def unknown(self, reason: str) -> str:
        now = self.engine.clock()
        settles = self.action.settles if self.action else intents.LEASE
        with self.engine.write() as connection:
            intents.move(connection, self.intent, "unknown", at=now, reason=reason, due_at=(self.intent.sent_at or now) + settles)
        return "unknown"

    def not_seen(self, error: Exception) -> str:
        """Looking changes nothing: it is tried again, unless there is nothing to look at."""
        if isinstance(error, Unrecognized):
            return _stop(self.engine, self.intent, str(error))
        if isinstance(error, Refused):
            unsure = self.intent.state == "unknown"
            return self.end("handed_over" if unsure else "failed", f"{'whether it was done is not known: ' if unsure else ''}{error}")
        return _delay(self.engine, self.intent, error)

    def end(self, state: str, reason: str, there: State | None = None) -> str:
        with self.engine.write() as connection:
            outcomes.end(connection, self.engine, self.intent, state, self.engine.clock(), reason, there)
        return state


def _not_called_for(engine: Engine, intent: Intent) -> str | None:
    """Whether what was never sent is still what the current version asks for; else it is withdrawn. A proposal that was begun is carried through."""
    if intent.purpose == "undo" or intent.attempts or intent.turn or is_closing(intent.work_key):
        return None
    playbook, now = engine.playbooks[intent.playbook], engine.clock()
    try:
        rows = engine.found(playbook).rows
    except LookupError as error:                # nothing is published, or not this list: it may be tomorrow
        return _delay(engine, intent, Unavailable(str(error)))
    row = next((row for row in rows if row["work_key"] == intent.work_key), None)
    with engine.write() as connection:
        proposal = proposals.find(connection, intent.proposal)[0]
        work = work_of(playbook, row) if row is not None else None
        wanted = [(write.number, write.do, write.target, dict(write.parameters)) for write in work.writes] if work else None
        agreed = [(write["number"], write["do"], write["target"], write["parameters"]) for write in proposal.writes]
        if wanted == agreed:
            return None
        intents.move(connection, intent, "cancelled", at=now, reason="not called for any more")
        intents.cancel(connection, [intent.proposal], at=now, reason="not called for any more", who=intent.playbook)
        # what is there with other parameters is proposed again by the next look at the list, in this one's place
        proposals.move(connection, proposal.proposal, "gone", at=now, who=intent.playbook, was=("approved",), reason=(
            "the work is not on the list any more" if wanted is None else "it would be done otherwise now"))
    return "withdrawn"


def _delay(engine: Engine, intent: Intent, error: Exception) -> str:
    """Nothing was done now. Later, after a pause that grows; not for ever."""
    now = engine.clock()
    with engine.write() as connection:
        if intent.delays + 1 >= MOST_DELAYS:
            unsure = "whether it was done is not known; " if intent.state == "unknown" else ""
            outcomes.end(connection, engine, intent, "handed_over", now, f"{unsure}tried {MOST_DELAYS} times: {_said(error)}")
            return "handed_over"
        pause = min(FIRST_PAUSE * 2 ** intent.delays, LONGEST_PAUSE) * (0.5 + engine.random())
        asked = getattr(error, "after", None)
        due = now + max(pause, timedelta(seconds=asked or 0))
        intents.move(connection, intent, "unknown" if intent.state == "unknown" else "waiting", at=now, reason=_said(error), due_at=due, delayed=True)
    return "waiting"


def _stop(engine: Engine, intent: Intent, reason: str) -> str:
    """The target is not as we know it: nothing more is done there until a person has looked."""
    now = engine.clock()
    sent = intent.state in ("sending", "unknown")
    with engine.write() as connection:
        switches.turn(connection, switches.of_target(intent.target), "off", by=intent.playbook, at=now, reason=reason)
        intents.move(connection, intent, "unknown" if sent else "waiting", at=now, reason=reason, due_at=now)
        proposal = proposals.find(connection, intent.proposal)[0]
        engine.post.put(connection, outcomes.owners(engine, proposal), _telling_stop(intent.target, reason, now), now)
    return side_by_side.STOPPED


def _telling_stop(target: str, reason: str, now: datetime) -> Callable[..., Any]:
    return lambda language, role: notices.stopped(target, reason, now, language, role=role)


def _both(intent: Intent, there: State) -> str:
    return f"it was {intents.written(intent.before)}, wanted {intents.written(intent.wanted)}, is {intents.written(there)}"


def _said(error: Exception) -> str:
    """Of an action's own errors the text, which holds no secret; of others only what they are."""
    return str(error) if isinstance(error, ActionError) else f"a defect: {type(error).__name__}"
