"""Whether an intent may be sent now. Asked in the transaction that takes it, and again in the one after which it leaves: what is answered is true then."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Literal

import sqlalchemy as sql

from flows.automation import approvals
from flows.automation.engine import Engine, is_stopped, mode_of
from flows.automation.notices import ask as asking
from flows.automation.plan import over_cap
from flows.automation.playbook import Playbook
from flows.store import intents, proposals, switches
from flows.store.intents import Intent
from flows.store.proposals import CAPS, Proposal

Leave = Literal["go", "wait", "no"]


def of(connection: sql.Connection, engine: Engine, intent: Intent, now: datetime) -> Leave:
    """go; wait: not now, as it is switched off or others go first; no: not any more, and that is written down."""
    turned = switches.read(connection)
    proposal = proposals.find(connection, intent.proposal)[0]
    playbook = engine.playbooks.get(intent.playbook)
    said = proposals.decisions(connection, proposal.proposal, intent.purpose)
    is_two = playbook is not None and playbook.four_eyes and intent.purpose == "do"
    # First, so that what is switched off does not stay open for ever.
    if not _is_whole(proposal, intent) or not approvals.is_enough(proposal, said, four_eyes=is_two, now=now):
        return _close(connection, intent, now)
    allowed = ("approve", "auto") if intent.purpose == "do" else ("approve", "auto", "propose", "shadow")
    if playbook is None or is_stopped(intent.target, turned) or mode_of(playbook, turned) not in allowed:
        return "wait"
    if intent.purpose == "undo" or proposal.begun_at is not None:
        return "go"
    if _canary_is_out(connection, playbook, proposal):
        return "wait"
    if any(one.who == CAPS for one in said) and (over := _over(connection, engine, playbook, proposal, now)):
        ask_again(connection, engine, playbook, [proposal], reason=over, at=now)
        return "no"
    return "go"


def _is_whole(proposal: Proposal, intent: Intent) -> bool:
    """Whether the intent is a step of what was agreed to, as it was then. An undoing is made from what was done, not from what was agreed to."""
    if intent.purpose == "undo":
        return True
    is_step = any((write["number"], write["do"], write["target"], write["parameters"]) == (intent.step, intent.action, intent.target, dict(intent.parameters))
                  for write in proposal.writes)
    return is_step and proposal.state == "approved" and proposal.exact == proposals.exact(proposal.version, proposal.writes)


def _close(connection: sql.Connection, intent: Intent, now: datetime) -> Leave:
    """No approval holds any more. What may have been done is left to whoever looked."""
    if intent.state == "unknown":
        return "no"
    intents.cancel(connection, [intent.proposal], at=now, reason="no approval is valid any more", who=intent.playbook)
    if intent.purpose == "do":
        proposals.move(connection, intent.proposal, "expired", at=now, who=intent.playbook, was=("approved",), reason="agreed to, and not done in time")
    return "no"


def _canary(connection: sql.Connection, playbook: Playbook) -> int:
    """How many must be verified before the rest of an ask go. The very first of a playbook as it is goes alone."""
    table = proposals.proposals
    ever = sql.select(table.c.proposal).where(table.c.playbook == playbook.playbook, table.c.version == playbook.version, table.c.state.in_(("done", "undone")),
                                              table.c.begun_at.is_not(None)).limit(1)
    return playbook.canary or (0 if connection.execute(ever).first() else 1)


def _canary_is_out(connection: sql.Connection, playbook: Playbook, proposal: Proposal) -> bool:
    """The first of an ask were begun, and are not verified yet."""
    canary = _canary(connection, playbook)
    if not canary:
        return False
    begun = [one.state for one in proposals.select(connection, proposals.proposals.c.ask == proposal.ask) if one.begun_at is not None]
    verified = begun.count("done") + begun.count("undone")
    return verified < canary <= verified + begun.count("approved")


def _over(connection: sql.Connection, engine: Engine, playbook: Playbook, proposal: Proposal, now: datetime) -> str:
    """The cap that beginning this one, too, would exceed. The share of all rows was asked when it was proposed."""
    begun = [one for one in proposals.by_caps(connection, playbook.playbook, now - timedelta(days=8)) if one.begun_at is not None]
    start = engine.day_start(now)
    together = [one for one in begun if one.data_version == proposal.data_version]
    earlier = sum(1 for one in begun if one.begun_at is not None and one.begun_at >= start and one.data_version != proposal.data_version)
    without_share = playbook.model_copy(update={"caps": playbook.caps.model_copy(update={"share": None})})
    return over_cap(without_share, [one.row for one in [*together, proposal]], all_rows=0, today=earlier)


def ask_again(connection: sql.Connection, engine: Engine, playbook: Playbook, of_them: list[Proposal], *, reason: str, at: datetime) -> None:
    """What was allowed is not any more, before it was begun: people are asked."""
    for one in of_them:
        intents.cancel(connection, [one.proposal], at=at, reason=reason, who=playbook.playbook)
        proposals.void(connection, one.proposal)
        proposals.move(connection, one.proposal, "asked", at=at, who=playbook.playbook, reason=reason, was=("approved",))
        proposals.prolong(connection, one.proposal, at + playbook.expires_after)
    asked = [proposals.find(connection, one.proposal)[0] for one in of_them]
    if asked:
        engine.post.put(connection, playbook.approvers, lambda language, role: asking(
            playbook, asked, "asks", language, role=role, link_of=engine.post.link_of), at)


def canary_fell(connection: sql.Connection, engine: Engine, playbook: Playbook, proposal: Proposal, now: datetime) -> None:
    """One of the first went wrong: what was not begun of its ask asks again."""
    mates = proposals.select(connection, proposals.proposals.c.ask == proposal.ask)
    if sum(one.state == "done" for one in mates) >= _canary(connection, playbook):
        return
    if rest := [one for one in mates if one.state == "approved" and one.begun_at is None]:
        ask_again(connection, engine, playbook, rest, reason="one of the first went wrong", at=now)
