"""A `Plan`'s tickets as operations for loader.pl: plain data, in the order in which they happened.

What the plan calls a thing and what Request Tracker calls it is decided here, and only here.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, time, timedelta
from pathlib import Path
from typing import Any

from sandbox.company.plan import Plan, SlaPolicy, Ticket

Operation = dict[str, Any]

STATUSES = {"new": "new", "open": "open", "pending": "stalled", "hold": "stalled", "solved": "resolved", "closed": "closed"}
PRIORITIES = {"low": 0, "normal": 50, "high": 80, "urgent": 100}

CHANNEL, TOPIC, ORDER, POLICY, RATING = "Channel", "Topic", "Order number", "SLA policy", "Customer rating"

NOTICE = "Notice"               # of a queue: what its automatic reply says besides

BOT = "autoresponder"           # writes the automatic replies
READER = "meridian-reader"      # reads everything about tickets, changes nothing, is no superuser
WRITER = "meridian-writer"      # for automations

# How far back tickets go through RT's own API when a history is loaded.
YOUNG = timedelta(days=10)

READING = ["SeeQueue", "ShowTicket", "ShowTicketComments", "ShowOutgoingEmail", "SeeCustomField", "SeeGroup"]
WORKING = [
    "CreateTicket", "ReplyToTicket", "CommentOnTicket", "ModifyTicket", "DeleteTicket", "OwnTicket", "TakeTicket", "StealTicket", "ReassignTicket",
    "ModifyCustomField", "SetInitialCustomField", "Watch",
]


def ticket_id(number: str) -> int:
    """Request Tracker's id of the plan's ticket: its number ('T00042' is ticket 42), so that other systems can name it."""
    return int("".join(letter for letter in number if letter.isdigit()))


def level(policy: str, priority: str) -> str:
    """The native service level that sets a ticket's due date; Request Tracker has one time a level, so a level per priority."""
    return f"{policy}-{priority}"


def setup(plan: Plan) -> Iterator[Operation]:
    """Queues, custom fields, accounts and rights, at an instant before the history starts."""
    at = _seconds(datetime.combine(plan.starts_on, time(), tzinfo=UTC) - timedelta(days=1))
    yield {"at": at, "do": "quiet"}
    for team in plan.teams:
        yield {"at": at, "do": "queue", "name": team.name, "description": f"{team.department}, {team.time_zone}"}
    choices: list[tuple[str, str, list[str]]] = [
        (CHANNEL, "How the customer reached us", ["email", "chat", "web", "phone"]),
        (TOPIC, "What it is about", ["question", "delivery", "defect", "billing", "return"]),
        (ORDER, "Number of the order in the ERP", []),
        (POLICY, "Service level promised to the customer", [policy.name for policy in plan.sla_policies]),
        (RATING, "What the customer thought of it", ["good", "bad"]),
    ]
    for name, description, values in choices:
        yield {"at": at, "do": "custom_field", "name": name, "description": description, "values": values}
    for agent in plan.agents:
        yield {
            "at": at, "do": "user", "name": agent.email, "emailaddress": agent.email, "realname": agent.name, "organization": agent.team,
            "timezone": agent.time_zone, "privileged": True,
        }
    for name, real in ((BOT, "Automatic replies"), (READER, "Meridian, reading"), (WRITER, "Meridian, working")):
        yield {"at": at, "do": "user", "name": name, "realname": real, "privileged": True, "timezone": "UTC"}
    members = [agent.email for agent in plan.agents]
    yield {"at": at, "do": "group", "name": "Agents", "members": [*members, BOT, WRITER], "rights": READING + WORKING}
    yield {"at": at, "do": "group", "name": "Readers", "members": [READER], "rights": READING}
    yield {"at": at, "do": "notice", "name": NOTICE, "description": "What the automatic reply says besides", "template": "Autoreply"}
    yield {"at": at, "do": "group", "name": "Automations", "members": [WRITER], "rights": ["AdminQueue"]}
    # Customers may write; not everyone may, or the reading account could too.
    yield {"at": at, "do": "role", "name": "Unprivileged", "rights": ["CreateTicket", "SetInitialCustomField"]}
    yield {"at": at, "do": "role", "name": "Requestor", "rights": ["ShowTicket", "ReplyToTicket", "ModifyTicket", "SeeCustomField", "ModifyCustomField"]}


def history(plan: Plan) -> Iterator[Operation]:
    """Everything that happened to the plan's tickets, by time; a requester's account appears with their first ticket."""
    emails = {customer.number: customer for customer in plan.customers}
    known: set[str] = set()
    events: list[tuple[datetime, int, int, Operation]] = []
    for place, ticket in enumerate(plan.tickets):
        for step, (at, operation) in enumerate(_of_ticket(ticket, emails[ticket.requester].email)):
            events.append((at, place, step, operation))
    events.sort(key=lambda event: event[:3])
    for at, place, _, operation in events:
        if operation["do"] == "create":
            customer = emails[plan.tickets[place].requester]
            if customer.email not in known:
                known.add(customer.email)
                yield {"at": _seconds(at), "do": "user", "name": customer.email, "emailaddress": customer.email, "realname": customer.name,
                       "organization": customer.number, "country": customer.country}
        yield {"at": _seconds(at), **operation}


def _of_ticket(ticket: Ticket, requester: str) -> Iterator[tuple[datetime, Operation]]:
    identity = ticket_id(ticket.number)
    fields = {CHANNEL: ticket.channel, TOPIC: ticket.topic}
    if ticket.order:
        fields[ORDER] = ticket.order
    if ticket.sla_policy:
        fields[POLICY] = ticket.sla_policy
    yield ticket.created_at, {
        "do": "create", "ticket": identity, "by": requester, "requestor": requester, "queue": ticket.team, "subject": ticket.subject, "text": ticket.body,
        "priority": PRIORITIES[ticket.priority], "fields": fields, "level": level(ticket.sla_policy, ticket.priority) if ticket.sla_policy else None,
    }
    for event in ticket.events:
        actor = {"agent": event.by, "requester": event.by or requester, "bot": BOT, "system": None}[event.actor]
        common = {"ticket": identity, "by": actor}
        match event.kind:
            case "public_reply" | "private_note":
                yield event.at, {**common, "do": event.kind, "text": event.value or "(no text)"}
            case "status":
                yield event.at, {**common, "do": "status", "value": STATUSES[event.value or "open"]}
            case "team" | "assignee":
                yield event.at, {**common, "do": event.kind, "value": event.value}
            case "priority":
                priority = event.value or "normal"
                yield event.at, {**common, "do": "priority", "value": PRIORITIES[priority]}
                if ticket.sla_policy:
                    yield event.at, {"ticket": identity, "by": None, "do": "level", "value": level(ticket.sla_policy, priority)}
            case "rating":
                yield event.at, {**common, "do": "field", "name": RATING, "value": event.value}


def split(plan: Plan) -> tuple[Plan, Plan]:
    """The plan's tickets in two: those that can be written as rows, and the young, the unfinished and the unusual, which go through RT's own API.

    So whatever is still to happen happens to tickets that RT made itself, and open tickets have RT's due dates.
    """
    young_from = datetime.combine(plan.ends_on, time(), tzinfo=UTC) - YOUNG

    def needs_api(ticket: Ticket) -> bool:
        statuses = [event.value for event in ticket.events if event.kind == "status"]
        ratings = sum(event.kind == "rating" for event in ticket.events)
        return ticket.created_at >= young_from or ratings > 1 or not statuses or statuses[-1] not in ("solved", "closed")

    old = tuple(ticket for ticket in plan.tickets if not needs_api(ticket))
    young = tuple(ticket for ticket in plan.tickets if needs_api(ticket))
    return dataclasses.replace(plan, tickets=old), dataclasses.replace(plan, tickets=young)


def without_levels(what: Iterable[Operation]) -> Iterator[Operation]:
    """The same history before the company switched RT's native service levels on: no due dates, the promised policy still stands in its field."""
    for operation in what:
        if operation["do"] != "level":
            yield {key: value for key, value in operation.items() if key != "level"}


def levels(plan: Plan) -> Iterator[tuple[str, str, SlaPolicy]]:
    """Every native service level: its name, the priority and the policy it stands for."""
    for policy in plan.sla_policies:
        for priority in PRIORITIES:
            if priority in policy.resolution_minutes:
                yield level(policy.name, priority), priority, policy


def write(path: Path, operations: Iterable[Operation]) -> int:
    """Writes operations as JSON lines, readable by the owner alone (some carry passwords); returns how many."""
    count = 0
    path.touch(mode=0o600)
    with path.open("w", encoding="utf-8") as out:
        for operation in operations:
            out.write(json.dumps(operation, ensure_ascii=False) + "\n")
            count += 1
    return count


def _seconds(at: datetime) -> int:
    return int(at.timestamp())
