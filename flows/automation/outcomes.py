"""What the end of an intent means for its proposal, and who hears of it; all in the transaction that ends it."""

from __future__ import annotations

from datetime import datetime

import sqlalchemy as sql

from flows.automation import leave, notices
from flows.automation.contract import State
from flows.automation.engine import Engine
from flows.store import intents, proposals
from flows.store.intents import Intent
from flows.store.proposals import Proposal


def end(
    connection: sql.Connection, engine: Engine, intent: Intent, state: str, now: datetime, reason: str, there: State | None = None,
) -> None:
    if not intents.move(connection, intent, state, at=now, reason=reason, after=there):
        return
    proposal = proposals.find(connection, intent.proposal)[0]
    if state == "verified":
        mates = intents.of_proposal(connection, intent.proposal, intent.purpose)
        if all(one.state == "verified" for one in mates):
            was = ("approved",) if intent.purpose == "do" else ("done", "failed", "handed_over")
            proposals.move(connection, proposal.proposal, "done" if intent.purpose == "do" else "undone", at=now, who=intent.playbook, was=was)
        return
    intents.cancel(connection, [intent.proposal], at=now, reason=f"step {intent.step} {state}", who=intent.playbook)
    if intent.purpose == "do":
        proposals.move(connection, proposal.proposal, state, at=now, who=intent.playbook, was=("approved",), reason=reason)
    playbook = engine.playbooks.get(intent.playbook)
    engine.post.put(connection, owners(engine, proposal), lambda language, role: notices.needs_a_person(
        playbook, proposal, reason, now, language, role=role), now)
    if playbook is not None and intent.purpose == "do":
        leave.canary_fell(connection, engine, playbook, proposal, now)


def owners(engine: Engine, proposal: Proposal) -> list[str]:
    """Who answers for a proposal: whose list it is, and who is asked."""
    playbook = engine.playbooks.get(proposal.playbook)
    owner = str(proposal.row.get("owner") or "")
    return [role for role in (owner, *(playbook.approvers[:1] if playbook else ())) if role]
