"""Take back what was done: an intent of its own for each step, in reverse order, made from what was there before and afterwards."""

from __future__ import annotations

from datetime import timedelta

from flows.automation.contract import ActionError
from flows.automation.engine import Engine, sessions
from flows.store import audit, intents, proposals
from flows.store.intents import Intent, written
from flows.store.proposals import Approval, Proposal

LASTS = timedelta(hours=24)


class CannotUndo(Exception):
    """Nothing of it is taken back; the text says why."""


def undo(engine: Engine, name: str, *, who: str, by: str, why: str) -> list[Intent]:
    """Plan the way back of a proposal; the executor goes it. who asks is enough: taking back is urgent. Raises CannotUndo, NoSuchProposal, ActionError."""
    now = engine.clock()
    with engine.ledger.begin() as connection:
        found = proposals.find(connection, name)
        if len(found) > 1:
            raise CannotUndo(f"{name} are {len(found)} proposals; undo them one by one: {', '.join(one.proposal for one in found)}")
        (one,) = found
        done = [intent for intent in intents.of_proposal(connection, one.proposal, "do") if intent.state == "verified"]
        under_way = intents.is_open(connection, one.playbook, one.work_key)
    if under_way:
        raise CannotUndo(f"{one.proposal} is under way: turn it off (meridian automations off {one.playbook}), or wait for its end")
    if not done:
        raise CannotUndo(f"nothing of {one.proposal} was done by us: it is {one.state}")
    planned = _planned(engine, one, done)
    with engine.write() as connection:
        proposals.decide(connection, one.proposal, Approval(
            who=who, purpose="undo", decision="approve", via="terminal", by=by, exact=one.exact, at=now, expires_at=now + LASTS))
        audit.append(connection, at=now, who=who, what="asked to undo", subject=one.proposal, detail={"why": why, "by": by})
        return [intent for intent in planned if intents.plan(connection, intent, who=who)]


def _planned(engine: Engine, one: Proposal, done: list[Intent]) -> list[Intent]:
    now, planned = engine.clock(), []
    with sessions(engine) as session:
        for turn, intent in enumerate(reversed(done)):
            action = engine.actions[intent.action]
            try:
                there = action.look(session(intent.target), intent.parameters, intent.marker)
            except ActionError as error:
                raise CannotUndo(f"step {intent.step} cannot be looked at: {error}") from None
            if written(there) != written(intent.after):
                raise CannotUndo(f"step {intent.step} was changed since: it was left as {written(intent.after)}, it is {written(there)}; a person decides")
            back = action.undo(intent.parameters, intent.before, intent.after or {})
            if back is None or back.action not in engine.actions:
                raise CannotUndo(f"{intent.action} cannot be taken back: {written(intent.before)} → {written(intent.after)}; do it by hand")
            backwards = engine.actions[back.action]
            name = intents.name_of(one.version, intent.target, one.current, "undo", intent.step, back.action, back.parameters)
            before = backwards.look(session(intent.target), back.parameters, intents.marker_of(name))
            planned.append(Intent(
                intent=name, proposal=one.proposal, purpose="undo", playbook=one.playbook, work_key=one.work_key, step=intent.step, turn=turn,
                target=intent.target, action=back.action, parameters=dict(back.parameters), before=before, wanted=backwards.wanted(back.parameters, before),
                state="planned", due_at=now, planned_at=now))
    return planned
