"""Brings a Plan's tickets into the stand-in, as an account that has its service desk in HubSpot keeps them.

A ticket goes through the pipeline that every account begins with; its team is its owner's. Of what was said, a ticket shows when it was first replied to;
the words are with its conversations, which have an API of their own. What the vendor has no property for (satisfaction, promises, queues) is left out.
"""

from __future__ import annotations

from typing import Any

from sandbox.company.plan import Plan, Ticket, TicketEvent, number_of
from sandbox.hubspot import portal as portals
from sandbox.hubspot.load import CONTACTS, milliseconds_of, owner_of
from sandbox.hubspot.portal import Portal

TICKETS = 5_000_000
STAGE_OF = {"new": "1", "pending": "2", "open": "3", "solved": "4", "closed": "4"}
PRIORITY_OF = {"low": "LOW", "normal": "MEDIUM", "high": "HIGH", "urgent": "URGENT"}
SOURCE_OF = {"email": "EMAIL", "chat": "CHAT", "web": "FORM", "phone": "PHONE"}


def bring(plan: Plan, portal: Portal) -> int:
    """All tickets, into an account that has the plan's customers and agents. Returns how many there are."""
    with portal.state.transaction():
        for ticket in plan.tickets:
            _live(plan, portal, ticket)
    return len(plan.tickets)


def _live(plan: Plan, portal: Portal, ticket: Ticket) -> None:
    identity = TICKETS + number_of(ticket.number)
    portals.create(portal, "tickets", {
        "subject": ticket.subject, "content": ticket.body, "hs_pipeline": "0", "hs_pipeline_stage": STAGE_OF["new"],
        "hs_ticket_priority": PRIORITY_OF[ticket.priority], "source_type": SOURCE_OF[ticket.channel]}, at=milliseconds_of(ticket.created_at), identity=identity)
    portals.associate(portal, "tickets", identity, "contacts", CONTACTS + number_of(ticket.requester))
    is_replied = False
    for event in ticket.events:
        changes = _changes(plan, event, is_replied)
        is_replied = is_replied or "first_agent_reply_date" in changes
        if changes:
            portals.update(portal, "tickets", identity, changes, at=milliseconds_of(event.at))


def _changes(plan: Plan, event: TicketEvent, is_replied: bool) -> dict[str, Any]:
    match event.kind:
        case "status":
            stage = STAGE_OF[str(event.value)]
            return {"hs_pipeline_stage": stage, "closed_date": portals.iso(milliseconds_of(event.at)) if stage == STAGE_OF["closed"] else None}
        case "priority":
            return {"hs_ticket_priority": PRIORITY_OF[str(event.value)]}
        case "assignee":
            return {"hubspot_owner_id": owner_of(plan, event.value) if event.value else ""}
        case "public_reply" if event.actor == "agent" and not is_replied:
            return {"first_agent_reply_date": portals.iso(milliseconds_of(event.at))}
    return {}
