"""Brings a Plan's tickets into the stand-in, as a company that has its service desk in Odoo keeps them: Helpdesk, of the Enterprise edition.

Odoo tracks stages, teams and assignees ("Tracking field changes"), not priorities. A mail is a message of the type email; whoever answers writes a comment,
or a log note that customers do not see. What Odoo keeps elsewhere (ratings, policies) is left out.
"""

from __future__ import annotations

from datetime import datetime

from sandbox.company.plan import Plan, Ticket, TicketEvent, number_of
from sandbox.odoo import database as databases
from sandbox.odoo.database import Database, moment
from sandbox.odoo.masters import USERS, user
from sandbox.odoo.steps import PARTNERS, partner, shown

STAGES = (("New", False), ("In Progress", False), ("Waiting for Customer", False), ("Solved", True), ("Cancelled", True))
STAGE_OF = {"new": 1, "open": 2, "pending": 3, "solved": 4, "closed": 4}
PRIORITY_OF = {"low": "0", "normal": "1", "high": "2", "urgent": "3"}
ROBOT = 1                       # OdooBot, whose login is __system__


def bring(plan: Plan, database: Database) -> int:
    """All tickets, into a database that has the plan's customers and agents. Returns how many there are."""
    with database.state.transaction():
        database.state.set_fact("not installed", [])
        at = moment(plan.tickets[0].created_at)
        robot = databases.create(database, "res.partner", {"name": "OdooBot", "type": "contact"}, at=at)
        databases.create(database, "res.users", {"login": "__system__", "name": "OdooBot", "partner_id": robot, "active": False}, at=at, identity=ROBOT)
        for place, (name, fold) in enumerate(STAGES, start=1):
            databases.create(database, "helpdesk.stage", {"name": name, "sequence": place, "fold": fold}, at=at, identity=place)
        for place, team in enumerate(plan.teams, start=1):
            databases.create(database, "helpdesk.team", {"name": team.name}, at=at, identity=place)
        for ticket in plan.tickets:
            _live(plan, database, ticket, robot)
    return len(plan.tickets)


def _live(plan: Plan, database: Database, ticket: Ticket, robot: int) -> None:
    identity, at, requester = number_of(ticket.number), moment(ticket.created_at), partner(ticket.requester)
    databases.create(database, "helpdesk.ticket", {
        "name": ticket.subject, "ticket_ref": f"{identity:05}", "team_id": _team(plan, ticket.team), "stage_id": STAGE_OF["new"], "partner_id": requester,
        "priority": PRIORITY_OF[ticket.priority]}, at=at, identity=identity)
    if ticket.channel == "email":
        _say(database, identity, ticket.created_at, requester, "email")
    for event in ticket.events:
        if event.kind in ("public_reply", "private_note"):
            author = {"agent": _agent(plan, event), "requester": requester}.get(event.actor, robot)
            _say(database, identity, event.at, author, "email" if event.actor == "requester" else "comment", is_internal=event.kind == "private_note")
        elif changes := _changes(plan, event):
            standing = databases.one(database, "helpdesk.ticket", identity)
            if any(standing[name] != value for name, value in changes.items()):
                databases.write(database, "helpdesk.ticket", identity, changes, at=moment(event.at))


def _changes(plan: Plan, event: TicketEvent) -> dict[str, object]:
    match event.kind:
        case "status":
            stage = STAGE_OF[str(event.value)]
            return {"stage_id": stage, **({"close_date": shown(event.at)} if event.value == "solved" else {})}
        case "priority":
            return {"priority": PRIORITY_OF[str(event.value)]}
        case "team":
            return {"team_id": _team(plan, str(event.value))}
        case "assignee":
            return {"user_id": user(plan, event.value) if event.value else False}
    return {}


def _say(database: Database, ticket: int, at: datetime, author: int | None, kind: str, *, is_internal: bool = False) -> None:
    databases.create(database, "mail.message", {"model": "helpdesk.ticket", "res_id": ticket, "date": shown(at), "author_id": author or False,
                                                "message_type": kind, "is_internal": is_internal}, at=moment(at))


def _agent(plan: Plan, event: TicketEvent) -> int | None:
    return PARTNERS["A"] + user(plan, event.by) - USERS if event.actor == "agent" and event.by else None


def _team(plan: Plan, name: str) -> int:
    return 1 + [team.name for team in plan.teams].index(name)
