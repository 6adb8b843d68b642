"""Brings a Plan into the stand-in: the whole history at once, or one more day of it.

Ids are made from the plan's numbers (T00017 -> 17, C00123 -> 2000123), so the same company has the same ids in every load.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import date

from sandbox.company.hours import WEEKDAYS, iso, local_instant, open_time, seconds_of, start_of
from sandbox.company.plan import Agent, Calendar, Customer, Plan, SlaPolicy, Ticket, TicketEvent, number_of
from sandbox.stand_in.state import Item, State
from sandbox.zendesk import life, triggers
from sandbox.zendesk.life import Desk, Policy

CUSTOMERS, AGENTS, GROUPS, ORGANIZATIONS, POLICIES, SCHEDULES = 2_000_000, 1_000_000, 500, 3_000_000, 800, 700
MINUTES_OF_A_DAY = 1440
ADMIN, BOT = 999_999, 999_998
ADMIN_EMAIL, WORKER_EMAIL = "operations@helpdesk.example", "robot@helpdesk.example"
WORKER = 999_997
CHANNELS = {"phone": "voice"}
TOPIC_TYPES = {"question": "question", "delivery": "incident", "defect": "problem", "billing": "question", "return": "task"}
WORDLESS = "(the plan does not say in which words)"
SYSTEM_UPDATE_EVERY = 7          # every seventh ticket was touched by the system some hours after its last update
LAST_DAY = date(2027, 12, 31)    # business hours are laid out until here


def load(plan: Plan, state: State, base_url: str) -> dict[str, int]:
    """The whole plan into an empty state. Returns how many records of each kind there are."""
    with state.transaction():
        people(plan, state, base_url)
        desk = desk_of(plan, state, base_url)
        for ticket in plan.tickets:
            lived = _live_ticket(desk, plan, ticket)
            last = seconds_of(max([ticket.created_at, *(event.at for event in ticket.events)]))
            if lived["id"] % SYSTEM_UPDATE_EVERY == 0 and last + 6 * 3600 < end_of(plan):
                life.touch(desk, lived, at=last + 6 * 3600)
        life.look_at_clocks(desk, end_of(plan))
    return {kind: state.count(kind) for kind in ("tickets", "ticket_events", "users", "organizations", "satisfaction_ratings", "ticket_metric_events")}


def live_day(before: Plan, after: Plan, deleted: Iterable[str], state: State, base_url: str) -> dict[str, int]:
    """Brings the state from the end of one plan to the end of the next: new tickets, further events of old ones, deletions, a few system updates."""
    known = {ticket.number: ticket for ticket in before.tickets}
    done = {"created": 0, "updated": 0, "deleted": 0, "touched": 0}
    with state.transaction():
        people(after, state, base_url)
        desk = desk_of(after, state, base_url)
        for ticket in after.tickets:
            was = known.get(ticket.number)
            if was is None:
                _live_ticket(desk, after, ticket)
                done["created"] += 1
            elif was != ticket:
                held = set(was.events)
                standing = state.get("tickets", number_of(ticket.number))
                if standing is not None and standing["status"] not in ("deleted", "closed"):
                    _live_events(desk, after, replace(ticket, events=tuple(event for event in ticket.events if event not in held)), standing)
                    done["updated"] += 1
        life.look_at_clocks(desk, end_of(after))
        at = end_of(after) - 8 * 3600
        for number in deleted:
            standing = state.get("tickets", number_of(number))
            if standing is not None and standing["status"] != "deleted":
                life.delete(desk, standing, at=at)
                done["deleted"] += 1
        for identity in range(after.ends_on.toordinal() % 97 + 1, len(before.tickets), 397):
            standing = state.get("tickets", identity)
            if standing is not None and standing["generated_timestamp"] < at and standing["status"] != "deleted":
                life.touch(desk, standing, at=at)
                done["touched"] += 1
    return done


def desk_of(plan: Plan, state: State, base_url: str) -> Desk:
    spans = {calendar.name: open_time(calendar, plan.starts_on, LAST_DAY) for calendar in plan.calendars}
    policies = {}
    for policy in plan.sla_policies:
        targets = {(metric, priority): minutes for metric, promised in _promises(policy).items() for priority, minutes in promised.items()}
        record = state.get("sla_policies", POLICIES + 1 + plan.sla_policies.index(policy))
        assert record is not None, "people() writes the policies first"
        policies[f"sla_{policy.name}"] = Policy(record=record, targets=targets, open_time=spans[policy.calendar])
    return Desk(state=state, base_url=base_url, policies=policies, bots=frozenset({BOT}))


# ---- tickets

def _live_ticket(desk: Desk, plan: Plan, ticket: Ticket) -> Item:
    requester = CUSTOMERS + number_of(ticket.requester)
    tags = [f"topic_{ticket.topic}", *([f"sla_{ticket.sla_policy}"] if ticket.sla_policy else [])]
    user = desk.state.get("users", requester)
    lived = life.create(
        desk, {
            "id": number_of(ticket.number), "external_id": ticket.number, "subject": ticket.subject, "priority": ticket.priority,
            "type": TOPIC_TYPES[ticket.topic], "group_id": group_of(plan, ticket.team), "requester_id": requester,
            "organization_id": user["organization_id"] if user else None, "tags": tags, "order": ticket.order,
        },
        at=seconds_of(ticket.created_at), body=ticket.body, author=requester, via=CHANNELS.get(ticket.channel, ticket.channel))
    return _live_events(desk, plan, ticket, lived)


def _live_events(desk: Desk, plan: Plan, ticket: Ticket, lived: Item) -> Item:
    """The plan's events as updates: what one person did in one second is one update, as one save of the form is."""
    for (at, actor, by), together in itertools.groupby(ticket.events, key=lambda event: (event.at, event.actor, event.by)):
        updater, via = _who(plan, actor, by, lived)
        changes: Item = {}
        for event in together:
            change = _change(plan, event, updater)
            if set(change) & set(changes):
                lived = life.update(desk, lived, changes, at=seconds_of(at), updater=updater, via=via)
                changes = {}
            changes |= change
        lived = life.update(desk, lived, changes, at=seconds_of(at), updater=updater, via=via)
    return lived


def _change(plan: Plan, event: TicketEvent, author: int) -> Item:
    match event.kind:
        case "public_reply" | "private_note":
            return {"comment": {"body": event.value or WORDLESS, "public": event.kind == "public_reply", "author_id": author}}
        case "team":
            return {"group_id": group_of(plan, event.value or "")}
        case "assignee":
            return {"assignee_id": agent_of(plan, event.value) if event.value else None}
        case "rating":
            return {"score": event.value}
        case _:
            return {event.kind: event.value}


def _who(plan: Plan, actor: str, by: str | None, lived: Item) -> tuple[int, str]:
    """(updater, channel)."""
    if actor == "requester":
        return lived["requester_id"], lived["via"]["channel"]
    if actor == "bot":
        return BOT, "api"
    if actor == "system" or by is None:
        return life.SYSTEM, "rule"
    return agent_of(plan, by), "web"


# ---- people and rules

def people(plan: Plan, state: State, base_url: str) -> None:
    """Groups, agents, customers, companies, SLA policies and schedules; a record is written again only when it says something else."""
    began = seconds_of(start_of(plan.starts_on, plan.time_zone))
    hires = {team.name: min([agent.hired_on for agent in plan.agents if agent.team == team.name], default=plan.starts_on) for team in plan.teams}
    for number, team in enumerate(plan.teams, start=1):
        made = min(began, seconds_of(local_instant(hires[team.name], "09:00", team.time_zone)))
        state.put_if_changed("groups", {
            "id": GROUPS + number, "url": f"{base_url}/api/v2/groups/{GROUPS + number}.json", "name": team.name, "description": team.department,
            "default": number == 1, "deleted": False, "is_public": True, "created_at": iso(made), "updated_at": iso(made)}, made)
    for number, policy in enumerate(plan.sla_policies, start=1):
        state.put_if_changed("sla_policies", _policy(policy, POLICIES + number, number, began, base_url), began)
    for number, calendar in enumerate(plan.calendars, start=1):
        _put_schedule(state, calendar, SCHEDULES + number, began)
    for number, agent in enumerate(plan.agents, start=1):
        _put_agent(plan, state, agent, AGENTS + number, base_url)
    for identity, name, email, role, tags in ((BOT, "Answer bot", "bot@helpdesk.example", "agent", ["bot"]), (ADMIN, "Operations", ADMIN_EMAIL, "admin", []),
                                              (WORKER, "Automations", WORKER_EMAIL, "agent", ["bot"])):
        state.put_if_changed("users", _user(identity, name, email, role, began, base_url, tags=tags), began)
    triggers.put(state, began)
    for customer in plan.customers:
        _put_customer(state, customer, base_url)


def _put_agent(plan: Plan, state: State, agent: Agent, identity: int, base_url: str) -> None:
    hired = seconds_of(local_instant(agent.hired_on, "09:00", agent.time_zone))
    user = _user(identity, agent.name, agent.email, "agent", hired, base_url, zone=agent.time_zone) | {"default_group_id": group_of(plan, agent.team)}
    if agent.left_on is not None and agent.left_on <= plan.ends_on:   # who leaves is suspended, not deleted: the tickets stay theirs
        left = seconds_of(local_instant(agent.left_on, "18:00", agent.time_zone))
        state.put_if_changed("users", user | {"suspended": True, "updated_at": iso(left)}, left)
    else:
        state.put_if_changed("users", user, hired)


def _put_customer(state: State, customer: Customer, base_url: str) -> None:
    at, number = seconds_of(customer.created_at), number_of(customer.number)
    place = {"country": customer.country, "region": customer.region}
    organization = None
    if customer.is_company:
        organization = ORGANIZATIONS + number
        state.put_if_changed("organizations", {
            "id": organization, "url": f"{base_url}/api/v2/organizations/{organization}.json", "name": customer.name, "external_id": customer.number,
            "shared_tickets": False, "shared_comments": False, "created_at": iso(at), "updated_at": iso(at), "deleted_at": None,
            "domain_names": [], "details": "", "notes": "", "group_id": None, "tags": [], "organization_fields": place}, at)
    state.put_if_changed("users", _user(CUSTOMERS + number, customer.name, customer.email, "end-user", at, base_url) | {
        "external_id": customer.number, "organization_id": organization, "user_fields": place}, at)


def _user(identity: int, name: str, email: str, role: str, at: int, base_url: str, *, tags: list[str] | None = None, zone: str = "Europe/Berlin") -> Item:
    is_customer = role == "end-user"
    return {
        "id": identity, "url": f"{base_url}/api/v2/users/{identity}.json", "name": name, "email": email, "created_at": iso(at), "updated_at": iso(at),
        "time_zone": _zone_name(zone), "iana_time_zone": zone, "phone": None, "shared_phone_number": None, "photo": None,
        "locale_id": 1, "locale": "en-US", "organization_id": None, "role": role, "verified": True, "external_id": None, "tags": tags or [], "alias": "",
        "active": True, "shared": False, "shared_agent": False, "last_login_at": None, "two_factor_auth_enabled": None, "signature": None, "details": "",
        "notes": "", "role_type": None, "custom_role_id": None, "moderator": not is_customer, "ticket_restriction": "requested" if is_customer else None,
        "only_private_comments": False, "restricted_agent": is_customer, "suspended": False, "default_group_id": None, "report_csv": False,
        "user_fields": {},
    }


def _put_schedule(state: State, calendar: Calendar, identity: int, at: int) -> None:
    """ "Schedules", Intervals: minutes since Sunday at midnight, none over midnight. Time zones are called as in users' `time_zone`."""
    intervals = []
    for weekday, hours in calendar.hours.items():
        midnight = (WEEKDAYS.index(weekday) + 1) % 7 * MINUTES_OF_A_DAY
        intervals += [{"start_time": midnight + _minute(opens), "end_time": midnight + _minute(closes)} for opens, closes in hours]
    state.put_if_changed("schedules", {"id": identity, "name": calendar.name, "time_zone": _zone_name(calendar.time_zone),
                                       "created_at": iso(at), "updated_at": iso(at),
                                       "intervals": sorted(intervals, key=lambda interval: interval["start_time"])}, at)
    for number, day in enumerate(calendar.holidays, start=1):
        state.put_if_changed("schedule_holidays", {"id": identity * 1000 + number, "name": f"Closed on {day}", "start_date": day.isoformat(),
                                                   "end_date": day.isoformat(), "schedule_id": identity}, at)


def _minute(clock: str) -> int:
    hours, minutes = clock.split(":")
    return int(hours) * 60 + int(minutes)


def _zone_name(zone: str) -> str:
    """The vendor's name of a time zone, as far as its cities are called alike."""
    return zone.rsplit("/", 1)[-1].replace("_", " ")


def _policy(policy: SlaPolicy, identity: int, position: int, at: int, base_url: str) -> Item:
    metrics = [
        {"priority": priority, "metric": metric, "target": minutes, "target_in_seconds": minutes * 60, "business_hours": True}
        for metric, promised in _promises(policy).items() for priority, minutes in promised.items()
    ]
    return {
        "id": identity, "url": f"{base_url}/api/v2/slas/policies/{identity}.json", "title": policy.name, "description": f"business hours: {policy.calendar}",
        "position": position, "filter": {"all": [{"field": "current_tags", "operator": "includes", "value": f"sla_{policy.name}"}], "any": []},
        "policy_metrics": metrics, "created_at": iso(at), "updated_at": iso(at)}


def _promises(policy: SlaPolicy) -> Mapping[str, Mapping[str, int]]:
    """Zendesk's metric -> priority -> minutes ("SLA Policies", Metrics)."""
    resolution = "requester_wait_time" if policy.pauses_on_pending else "resolution_time"
    return {"first_reply_time": policy.first_reply_minutes, "next_reply_time": policy.next_reply_minutes, resolution: policy.resolution_minutes}


def group_of(plan: Plan, team: str) -> int:
    return GROUPS + 1 + next(number for number, one in enumerate(plan.teams) if one.name == team)


def agent_of(plan: Plan, email: str | None) -> int:
    return AGENTS + 1 + next(number for number, one in enumerate(plan.agents) if one.email == email)


def end_of(plan: Plan) -> int:
    """The last second of the plan's last day."""
    return seconds_of(local_instant(plan.ends_on, "24:00", plan.time_zone)) - 1
