"""Brings a Plan's tickets into the stand-in as cases: a case belongs to its team's queue until somebody takes it, and ends as Closed.

What the vendor has no standard object for (satisfaction, promises) is left out. Who wrote from outside is the organisation's guest user or an e-mail.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from sandbox.company.hours import seconds_of
from sandbox.company.plan import Plan, Ticket, TicketEvent, number_of
from sandbox.salesforce import org as orgs
from sandbox.salesforce.org import Org, identity_of, iso

STATUSES = (("New", False), ("Working", False), ("Waiting for Customer", False), ("Closed", True))
STATUS_OF = {"new": "New", "open": "Working", "pending": "Waiting for Customer", "solved": "Closed", "closed": "Closed"}
PRIORITY_OF = {"low": "Low", "normal": "Medium", "high": "High", "urgent": "Critical"}
GUEST, AUTOMATED = 900_001, 900_002


def put_statuses(org: Org, at: int) -> None:
    for number, (name, closed) in enumerate(STATUSES, start=1):
        put(org, "CaseStatus", 200 + number, {"ApiName": name, "MasterLabel": name, "SortOrder": number, "IsDefault": number == 1, "IsClosed": closed}, at=at)


def bring(plan: Plan, org: Org, tickets: Mapping[str, Ticket | None], at: int) -> None:
    """tickets: number -> the ticket as the CRM knows it (None: not at all). at: when teams and machine users were made."""
    for number, team in enumerate(plan.teams, start=1):
        put(org, "Group", number, {"Name": team.name, "DeveloperName": team.name.replace(" ", "_"), "Type": "Queue"}, at=at)
    for number, name, kind in ((GUEST, "Support Site Guest User", "Guest"), (AUTOMATED, "Automated Process", "AutomatedProcess")):
        put(org, "User", number, {"Username": name, "Name": name, "UserType": kind, "IsActive": True}, at=at)
    for ticket in plan.tickets:
        if ticket.number in tickets:
            _live(plan, org, ticket, tickets[ticket.number])


def _live(plan: Plan, org: Org, ticket: Ticket, known: Ticket | None) -> None:
    number = number_of(ticket.number)
    identity, customer = identity_of("Case", number), number_of(ticket.requester)
    if known is None:
        orgs.create(org, "Case", {
            "CaseNumber": f"{number:08}", "Subject": ticket.subject, "Status": "New", "Priority": PRIORITY_OF[ticket.priority], "Type": ticket.topic.title(),
            "Origin": ticket.channel.title(), "OwnerId": _queue(plan, ticket.team), "ContactId": identity_of("Contact", customer), "IsClosed": False,
            "AccountId": identity_of("Account", customer), "Ticket_Number__c": ticket.number, "Order_Number__c": ticket.order, "CreatedById": _user(GUEST),
        }, at=seconds_of(ticket.created_at), number=number)
    done = set(known.events) if known else set()
    for event in ticket.events:
        if event not in done:
            _happen(plan, org, identity, ticket, event)


def _happen(plan: Plan, org: Org, identity: str, ticket: Ticket, event: TicketEvent) -> None:
    at, by = seconds_of(event.at), _author(plan, event)
    if event.kind in ("public_reply", "private_note"):
        if ticket.channel == "email" and event.kind == "public_reply":
            orgs.create(org, "EmailMessage", {"ParentId": identity, "Incoming": event.actor == "requester", "Status": "3", "MessageDate": iso(at),
                                              "CreatedById": by, "TextBody": event.value}, at=at)
        else:
            orgs.create(org, "CaseComment", {"ParentId": identity, "IsPublished": event.kind == "public_reply", "CommentBody": event.value,
                                             "CreatedById": by}, at=at)
        return
    changes: dict[str, Any] = {}
    if event.kind == "status":
        status = STATUS_OF[str(event.value)]
        changes = {"Status": status, "IsClosed": status == "Closed", "ClosedDate": iso(at) if status == "Closed" else None}
    elif event.kind == "priority":
        changes = {"Priority": PRIORITY_OF[str(event.value)]}
    elif event.kind == "team":
        changes = {"OwnerId": _queue(plan, str(event.value))}
    elif event.kind == "assignee" and event.value:
        changes = {"OwnerId": user_of(plan, event.value)}
    standing = org.state.get("Case", identity) or {}
    if any(standing.get(name) != value for name, value in changes.items() if name != "ClosedDate"):
        orgs.update(org, "Case", identity, changes, at=at, by=by)


def _author(plan: Plan, event: TicketEvent) -> str:
    if event.actor == "agent" and event.by:
        return user_of(plan, event.by)
    return _user(GUEST if event.actor == "requester" else AUTOMATED)


def put(org: Org, of: str, number: int, values: Mapping[str, Any], *, at: int, once: bool = False) -> None:
    """Writes a record where it says something else than before. once: only where there is none."""
    standing = org.state.get(of, identity_of(of, number))
    if standing is None:
        orgs.create(org, of, values, at=at, number=number)
    elif not once and any(standing.get(name) != value for name, value in values.items()):
        orgs.update(org, of, standing["Id"], values, at=at)


def user_of(plan: Plan, email: str) -> str:
    return _user(1 + next(number for number, one in enumerate(plan.agents) if one.email == email))


def _user(number: int) -> str:
    return identity_of("User", number)


def _queue(plan: Plan, team: str) -> str:
    return identity_of("Group", 1 + next(number for number, one in enumerate(plan.teams) if one.name == team))
