"""A plan's tickets as the records that Zendesk and Request Tracker would give out, and the plan's agreements as the drop folder has them."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

from sandbox.company.plan import Plan, Ticket, TicketEvent

Records = dict[tuple[str, str], list[Any]]
RT_STATUS = {"new": "new", "open": "open", "pending": "stalled", "hold": "stalled", "solved": "resolved", "closed": "closed"}
RT_PRIORITY = {"low": "0", "normal": "50", "high": "80", "urgent": "100"}
RATING_FIELD = "6"


def text(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def number(ticket: Ticket) -> int:
    return int(ticket.number[1:])


def agreements(plan: Plan) -> Records:
    policies = [
        (f"{policy.name}|{priority}", {
            "policy": policy.name, "priority": priority, "first_reply_minutes": str(minutes), "calendar": policy.calendar,
            "next_reply_minutes": str(policy.next_reply_minutes.get(priority, "")), "resolution_minutes": str(policy.resolution_minutes[priority]),
            "pauses_on_pending": str(policy.pauses_on_pending).lower(),
        })
        for policy in plan.sla_policies
        for priority, minutes in policy.first_reply_minutes.items()
    ]
    teams = [(team.name, {"team": team.name, "department": team.department, "time_zone": team.time_zone, "calendar": team.calendar}) for team in plan.teams]
    shifts = [
        (f"{row['agent']}|{row['starts_at']}", {name: str(value) for name, value in row.items()}) for row in plan.tables["rosters.csv"]
    ]
    staffing = [(str(row["team"]), {name: str(value) for name, value in row.items()}) for row in plan.tables["staffing.csv"]]
    return {("files", "sla_policies"): policies, ("files", "teams"): teams, ("files", "rosters"): shifts, ("files", "staffing"): staffing}


def calendar_tables(plan: Plan) -> dict[str, list[Any]]:
    hours = [
        (calendar.name, calendar.time_zone, weekday, opens, closes)
        for calendar in plan.calendars for weekday, pairs in calendar.hours.items() for opens, closes in pairs
    ]
    return {"calendars": hours, "holidays": [(calendar.name, day) for calendar in plan.calendars for day in calendar.holidays]}


def last(ticket: Ticket, kind: str, otherwise: Any) -> Any:
    return next((event.value for event in reversed(ticket.events) if event.kind == kind), otherwise)


def zendesk(plan: Plan) -> Records:
    """Every change of a ticket in one second is one audit, as the application saves it."""
    groups = {team.name: 500 + place for place, team in enumerate(plan.teams)}
    people = [*(agent.email for agent in plan.agents), *(customer.email for customer in plan.customers)]
    users = {email: 1000 + place for place, email in enumerate(people)}
    customers = {customer.number: users[customer.email] for customer in plan.customers}
    bot, numbers = 999, itertools.count(70_000)
    agents = {agent.email for agent in plan.agents}
    records: Records = {
        ("zendesk", "groups"): [{"id": identity, "name": name} for name, identity in groups.items()],
        ("zendesk", "users"): [
            {"id": bot, "email": "bot@x.example", "role": "agent", "tags": ["bot"]},
            *({"id": identity, "email": email, "role": "agent" if email in agents else "end-user", "tags": []} for email, identity in users.items()),
        ],
        ("zendesk", "tickets"): [], ("zendesk", "ticket_events"): [], ("zendesk", "satisfaction_ratings"): [], ("zendesk", "ticket_metric_events"): [],
    }

    def change(now: dict[str, Any], key: str, value: Any) -> dict[str, Any]:
        before, now[key] = now.get(key), value
        return {"id": next(numbers), "via": "Web form", key: value, "previous_value": before, "event_type": "Change"}

    def comment(author: int, public: bool) -> dict[str, Any]:
        return {"id": next(numbers), "type": "Comment", "author_id": author, "public": public, "body": "...", "event_type": "Comment"}

    for ticket in plan.tickets:
        identity, requester = number(ticket), customers[ticket.requester]
        now: dict[str, Any] = {"status": "new", "group_id": str(groups[ticket.team]), "priority": ticket.priority, "satisfaction_score": "unoffered"}
        actors = {"bot": bot, "system": -1, "requester": requester}
        created = [{"id": next(numbers), key: value, "event_type": "Create"} for key, value in now.items()]
        audits = [(ticket.created_at, requester, [*created, comment(requester, True)])]
        for at, events in itertools.groupby(ticket.events, key=lambda event: event.at):
            children, updater = [], -1
            for event in events:
                updater = users[event.by] if event.actor == "agent" and event.by else actors[event.actor]
                match event.kind:
                    case "public_reply" | "private_note":
                        children.append(comment(updater, event.kind == "public_reply"))
                    case "status" | "priority":
                        children.append(change(now, event.kind, event.value))
                    case "team":
                        children.append(change(now, "group_id", str(groups[event.value or ""])))
                    case "assignee":
                        children.append(change(now, "assignee_id", str(users[event.value or ""])))
                    case "rating":
                        children.append(change(now, "satisfaction_score", event.value))
                        records["zendesk", "satisfaction_ratings"].append(
                            {"id": next(numbers), "ticket_id": identity, "requester_id": requester, "score": event.value, "created_at": text(event.at)})
            audits.append((at, updater, children))
        for at, updater, children in audits:
            records["zendesk", "ticket_events"].append(
                {"id": next(numbers), "ticket_id": identity, "created_at": text(at), "updater_id": updater, "event_type": "Audit", "child_events": children})
        assignee = now.get("assignee_id")
        records["zendesk", "tickets"].append({
            "id": identity, "via": {"channel": {"phone": "voice"}.get(ticket.channel, ticket.channel)}, "created_at": text(ticket.created_at),
            "subject": ticket.subject, "priority": now["priority"], "status": now["status"], "requester_id": requester,
            "assignee_id": int(assignee) if assignee else None,
            "group_id": int(now["group_id"]), "tags": [f"topic_{ticket.topic}", f"sla_{ticket.sla_policy}"] if ticket.sla_policy else [],
        })
    return records


def request_tracker(plan: Plan) -> Records:
    queues = {team.name: str(3 + place) for place, team in enumerate(plan.teams)}
    emails = {customer.number: customer.email for customer in plan.customers}
    people = ["RT_System", "autoresponder", "Nobody", *(agent.email for agent in plan.agents), *emails.values()]
    users = {name: place for place, name in enumerate(people, start=1)}
    transactions: list[Any] = []
    tickets: list[Any] = []
    for ticket in plan.tickets:
        requester = emails[ticket.requester]
        now = {"Status": "new", "Queue": queues[ticket.team], "Owner": str(users["Nobody"]), "Priority": RT_PRIORITY[ticket.priority]}
        transactions += [_transaction(ticket, ticket.created_at, requester, "Create", "", "", "")]
        for event in ticket.events:
            by = {"bot": "autoresponder", "system": "RT_System", "requester": requester}.get(event.actor) or event.by or requester
            transactions += _told(ticket, event, by, now, queues, users)
        fields: Mapping[str, list[str]] = {"Channel": [ticket.channel], "SLA policy": [ticket.sla_policy] if ticket.sla_policy else [], "Customer rating": []}
        tickets.append({
            "id": str(number(ticket)), "EffectiveId": str(number(ticket)), "Status": now["Status"], "Subject": ticket.subject,
            "Queue": {"id": now["Queue"], "Name": next(name for name, identity in queues.items() if identity == now["Queue"])},
            "Owner": {"id": people[int(now["Owner"]) - 1]}, "Requestor": [{"id": requester}], "Priority": now["Priority"],
            "Created": text(ticket.created_at), "CustomFields": [{"id": "1", "name": name, "values": values} for name, values in fields.items()],
        })
    return {
        ("request_tracker", "tickets"): tickets,
        ("request_tracker", "transactions"): [{"id": str(place), **transaction} for place, transaction in enumerate(transactions, start=1)],
        ("request_tracker", "users"): [{"id": identity, "Name": name, "EmailAddress": name if "@" in name else ""} for name, identity in users.items()],
        ("request_tracker", "queues"): [{"id": int(identity), "Name": name} for name, identity in queues.items()],
        ("request_tracker", "custom_fields"): [{"id": int(RATING_FIELD), "Name": "Customer rating"}],
    }


def _told(ticket: Ticket, event: TicketEvent, by: str, now: dict[str, str], queues: Mapping[str, str], users: Mapping[str, int]) -> Iterator[dict[str, Any]]:
    match event.kind:
        case "public_reply":
            yield _transaction(ticket, event.at, by, "Correspond", "", "", "")
        case "private_note":
            yield _transaction(ticket, event.at, by, "Comment", "", "", "")
        case "rating":
            yield _transaction(ticket, event.at, by, "CustomField", RATING_FIELD, "", event.value or "")
        case kind:
            value = event.value or ""
            field, new = {
                "status": ("Status", RT_STATUS.get(value, "")), "team": ("Queue", queues.get(value, "")),
                "assignee": ("Owner", str(users.get(value, ""))), "priority": ("Priority", RT_PRIORITY.get(value, "")),
            }[kind]
            if now[field] != new:
                yield _transaction(ticket, event.at, by, "Status" if field == "Status" else "Set", field, now[field], new)
                if field == "Owner":
                    yield _transaction(ticket, event.at, by, "SetWatcher", field, now[field], new)
            now[field] = new


def _transaction(ticket: Ticket, at: datetime, by: str, kind: str, field: str, old: str, new: str) -> dict[str, Any]:
    return {
        "Type": kind, "Field": field, "OldValue": old, "NewValue": new, "Created": text(at), "ObjectType": "RT::Ticket", "ObjectId": str(number(ticket)),
        "Creator": {"id": by},
    }
