"""Brings a Plan into the stand-in: the whole history at once, or one more day of it.

Ids are made from the plan's numbers as the Zendesk stand-in makes them (T00017 -> 17), so that two helpdesks of one company have the same ids: after a merger
they must not collide.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from sandbox.company.hours import iso, local_instant, open_time, seconds_of, start_of
from sandbox.company.plan import Calendar, Plan, SlaPolicy, Ticket, TicketEvent, number_of
from sandbox.freshdesk import desk as desks
from sandbox.freshdesk.desk import CLOSED, ON_OTHERS, OPEN, PENDING, RESOLVED, Desk, Policy
from sandbox.stand_in.state import Item, State
from sandbox.zendesk.load import (
    ADMIN,
    ADMIN_EMAIL,
    AGENTS,
    BOT,
    CUSTOMERS,
    GROUPS,
    LAST_DAY,
    ORGANIZATIONS,
    POLICIES,
    WORDLESS,
    agent_of,
    end_of,
    group_of,
)

STATUSES = {"new": OPEN, "open": OPEN, "pending": PENDING, "hold": ON_OTHERS, "solved": RESOLVED, "closed": CLOSED}
PRIORITIES = {"low": 1, "normal": 2, "high": 3, "urgent": 4}
SOURCES = {"email": 1, "web": 2, "phone": 3, "chat": 7}
RATINGS = {"good": 103, "bad": -103}
HOURS, AUTOMATION = 700, 1
WEEKDAYS = {"mon": "monday", "tue": "tuesday", "wed": "wednesday", "thu": "thursday", "fri": "friday", "sat": "saturday", "sun": "sunday"}


def load(plan: Plan, state: State) -> dict[str, int]:
    """The whole plan into an empty state. Returns how many records of each kind there are."""
    with state.transaction():
        people(plan, state)
        desk = desk_of(plan, state)
        for ticket in plan.tickets:
            _live_ticket(desk, plan, ticket)
    return {kind: state.count(kind) for kind in ("tickets", "contacts", "companies", "agents", "satisfaction_ratings")}


def live_day(before: Plan, after: Plan, deleted: Iterable[str], state: State) -> dict[str, int]:
    """Brings the state from the end of one plan to the end of the next: new tickets, further events of old ones, deletions."""
    known = {ticket.number: ticket for ticket in before.tickets}
    done = {"created": 0, "updated": 0, "deleted": 0}
    with state.transaction():
        people(after, state)
        desk = desk_of(after, state)
        for ticket in after.tickets:
            was = known.get(ticket.number)
            if was is None:
                _live_ticket(desk, after, ticket)
                done["created"] += 1
            elif was != ticket:
                standing = state.get("tickets", number_of(ticket.number))
                if standing is not None and not standing.get("deleted"):
                    _live_events(desk, after, replace(ticket, events=tuple(event for event in ticket.events if event not in set(was.events))), standing)
                    done["updated"] += 1
        at = end_of(after) - 8 * 3600
        for number in deleted:
            standing = state.get("tickets", number_of(number))
            if standing is not None and not standing.get("deleted"):
                desks.trash(desk, standing, at=at)
                done["deleted"] += 1
    return done


def desk_of(plan: Plan, state: State) -> Desk:
    spans = {calendar.name: open_time(calendar, plan.starts_on, LAST_DAY) for calendar in plan.calendars}
    return Desk(state=state, policies={policy.name: Policy(
        respond={PRIORITIES[name]: minutes for name, minutes in policy.first_reply_minutes.items()},
        resolve={PRIORITIES[name]: minutes for name, minutes in policy.resolution_minutes.items()},
        open_time=spans[policy.calendar]) for policy in plan.sla_policies})


# ---- tickets

def _live_ticket(desk: Desk, plan: Plan, ticket: Ticket) -> Item:
    requester = CUSTOMERS + number_of(ticket.requester)
    customer = desk.state.get("contacts", requester)
    lived = desks.create(desk, {
        "id": number_of(ticket.number), "subject": ticket.subject, "priority": PRIORITIES[ticket.priority], "source": SOURCES[ticket.channel],
        "type": ticket.topic.capitalize(), "group_id": group_of(plan, ticket.team), "requester_id": requester,
        "company_id": customer["company_id"] if customer else None, "custom_fields": {"cf_order_number": ticket.order},
        "tags": [f"topic_{ticket.topic}", *([f"sla_{ticket.sla_policy}"] if ticket.sla_policy else [])],
    }, at=seconds_of(ticket.created_at), policy=ticket.sla_policy)
    return _live_events(desk, plan, ticket, lived)


def _live_events(desk: Desk, plan: Plan, ticket: Ticket, lived: Item) -> Item:
    for event in ticket.events:
        lived = _live_event(desk, plan, event, lived)
    return lived


def _live_event(desk: Desk, plan: Plan, event: TicketEvent, lived: Item) -> Item:
    at = seconds_of(event.at)
    match event.kind:
        case "public_reply" | "private_note":
            user = lived["requester_id"] if event.actor == "requester" else BOT if event.actor == "bot" else agent_of(plan, event.by)
            return desks.converse(desk, lived, user=user, at=at, text=event.value or WORDLESS, incoming=event.actor == "requester",
                                  private=event.kind == "private_note", automation=AUTOMATION if event.actor == "bot" else None)
        case "rating":
            desks.rate(desk, lived, RATINGS[event.value or "good"], at=at)
            return lived
        case "status":
            return desks.update(desk, lived, {"status": STATUSES[event.value or "open"]}, at=at)
        case "priority":
            return desks.update(desk, lived, {"priority": PRIORITIES[event.value or "normal"]}, at=at)
        case "team":
            return desks.update(desk, lived, {"group_id": group_of(plan, event.value or "")}, at=at)
        case "assignee":
            return desks.update(desk, lived, {"responder_id": agent_of(plan, event.value) if event.value else None}, at=at)


# ---- people and rules

def people(plan: Plan, state: State) -> None:
    """Groups, agents, customers, companies, SLA policies and business hours; a record is written again only when it says something else."""
    began = seconds_of(start_of(plan.starts_on, plan.time_zone))
    hours = {calendar.name: HOURS + number for number, calendar in enumerate(plan.calendars, start=1)}
    for calendar in plan.calendars:
        state.put_if_changed("business_hours", _business_hours(calendar, hours[calendar.name], began), began)
    for number, team in enumerate(plan.teams, start=1):
        crew = [agent_of(plan, agent.email) for agent in plan.agents if agent.team == team.name]
        state.put_if_changed("groups", {"id": GROUPS + number, "name": team.name, "description": team.department, "escalate_to": None, "unassigned_for": None,
                                        "business_hour_id": hours.get(team.calendar), "agent_ids": crew, "group_type": "support_agent_group",
                                        "auto_ticket_assign": 0, "created_at": iso(began), "updated_at": iso(began)}, began)
    for number, policy in enumerate(plan.sla_policies, start=1):
        state.put_if_changed("sla_policies", _policy(policy, POLICIES + number, number, began), began)
    for number, agent in enumerate(plan.agents, start=1):
        at = seconds_of(local_instant(agent.hired_on, "09:00", agent.time_zone))
        has_left = agent.left_on is not None and agent.left_on <= plan.ends_on      # who leaves is deactivated, not deleted
        state.put_if_changed(
            "agents", desks.agent(AGENTS + number, agent.name, agent.email, at=at, groups=[group_of(plan, agent.team)], deactivated=has_left), at)
    for identity, name, email in ((BOT, "Answer bot", "bot@helpdesk.example"), (ADMIN, "Operations", ADMIN_EMAIL)):
        state.put_if_changed("agents", desks.agent(identity, name, email, at=began, groups=[]), began)
    for customer in plan.customers:
        at, number = seconds_of(customer.created_at), number_of(customer.number)
        place = {"country": customer.country, "region": customer.region}
        company = ORGANIZATIONS + number if customer.is_company else None
        if company:
            state.put_if_changed("companies", {"id": company, "name": customer.name, "description": None, "note": None, "domains": [], "custom_fields": place,
                                               "created_at": iso(at), "updated_at": iso(at), "health_score": None, "account_tier": None, "renewal_date": None,
                                               "industry": None}, at)
        state.put_if_changed("contacts", desks.contact(CUSTOMERS + number, customer.name, customer.email, at=at, company_id=company, custom_fields=place,
                                                       unique_external_id=customer.number), at)


def _policy(policy: SlaPolicy, identity: int, position: int, at: int) -> Item:
    targets = {f"priority_{PRIORITIES[name]}": {
        "respond_within": policy.first_reply_minutes[name] * 60, "resolve_within": minutes * 60, "next_respond_within": None,
        "business_hours": True, "escalation_enabled": False} for name, minutes in policy.resolution_minutes.items()}
    return {"id": identity, "name": policy.name, "description": f"business hours: {policy.calendar}", "active": True, "is_default": position == 1,
            "position": position, "sla_target": targets, "applicable_to": {}, "escalation": {}, "created_at": iso(at), "updated_at": iso(at)}


def _business_hours(calendar: Calendar, identity: int, at: int) -> Item:
    """One span a day: the vendor knows no pause at noon."""
    days: Mapping[str, Item] = {WEEKDAYS[day]: {"start_time": spans[0][0], "end_time": spans[-1][1]} for day, spans in calendar.hours.items() if spans}
    return {"id": identity, "name": calendar.name, "description": None, "is_default": identity == HOURS + 1, "time_zone": calendar.time_zone,
            "business_hours": days, "list_of_holidays": [{"name": "Holiday", "date": day.isoformat()} for day in calendar.holidays],
            "created_at": iso(at), "updated_at": iso(at)}
