"""How often people decided as a playbook proposed: by what they said, and, where it only watches, by what is there in the target once the work is gone."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sql

from flows.automation.contract import ActionError, holds
from flows.automation.engine import Engine
from flows.automation.options import Automations
from flows.automation.playbook import Playbook
from flows.store import proposals
from flows.store.proposals import CAPS, Approval, Proposal

SEEN = "seen"


@dataclass(frozen=True, kw_only=True)
class Agreement:
    """agreed: of so many decisions, as it proposed."""

    agreed: int
    decisions: int

    @property
    def share(self) -> float:
        return self.agreed / self.decisions if self.decisions else 0.0

    def __str__(self) -> str:
        return f"{self.agreed} of {self.decisions} decisions as proposed ({self.share:.0%})" if self.decisions else "no decisions yet"


def of(connection: sql.Connection, playbook: Playbook) -> Agreement:
    """Of the playbook as it is: what it decided when it did something else says nothing."""
    table = proposals.approvals
    against = sql.func.sum(sql.case((table.c.decision == "reject", 1), else_=0))
    query = sql.select(table.c.proposal, against.label("against")).join(
        proposals.proposals, proposals.proposals.c.proposal == table.c.proposal,
    ).where(proposals.proposals.c.playbook == playbook.playbook, proposals.proposals.c.version == playbook.version, table.c.purpose == "do",
            table.c.who != CAPS).group_by(table.c.proposal)
    rows = connection.execute(query).all()
    return Agreement(agreed=sum(not row.against for row in rows), decisions=len(rows))


def why_not_auto(found: Agreement, options: Automations) -> str:
    """Why a playbook may not run by itself yet, with the figures; '' when it may."""
    if found.decisions >= options.decisions and (found.share >= options.agreement or not options.decisions):
        return ""
    return f"{found}; {options.agreement:.0%} of at least {options.decisions} are asked for"


def seen(engine: Engine, session: Callable[[str], Any], one: Proposal) -> bool | None:
    """Whether a target has what was only noted; None where that cannot be told: a marker of ours is not there when people did it."""
    if not one.writes or any(engine.actions[write["do"]].repeat != "A" or write["before"] is None for write in one.writes if write["do"] in engine.actions):
        return None
    try:
        return all(holds(engine.actions[write["do"]].look(session(write["target"]), write["parameters"], ""), write["wanted"]) for write in one.writes)
    except (ActionError, KeyError):
        return None


def book(connection: sql.Connection, found: Sequence[tuple[Proposal, bool]], now: datetime) -> None:
    for one, is_so in found:
        said = Approval(who=SEEN, purpose="do", decision="approve" if is_so else "reject", via=SEEN, by=one.playbook, exact=one.exact, at=now, expires_at=now)
        if proposals.decide(connection, one.proposal, said):
            proposals.move(connection, one.proposal, "accepted" if is_so else "rejected", at=now, who=SEEN, was=("noted",), reason="as it is in the target")
