"""Lets the helpdesk live one more day of the story: new tickets, the next events of old ones, what was thrown away or merged."""

from __future__ import annotations

import dataclasses
from collections import Counter
from datetime import UTC, date, datetime, timedelta
from datetime import time as time_of_day
from typing import Any

from sandbox.company.plan import Plan, Ticket
from sandbox.request_tracker import server
from sandbox.request_tracker.home import Home, read_facts, write_facts
from sandbox.request_tracker.load import SandboxError, run_operations
from sandbox.request_tracker.operations import Operation, history, ticket_id


def live(home: Home, *, before: Plan, after: Plan, deleted: tuple[str, ...] = ()) -> dict[str, Any]:
    """Brings RT from `before` to `after`, one or several days later; returns counts of what was done.

    deleted: numbers of tickets that are gone in `after`. Those with an odd number are merged into an older ticket of their team, as people do with
    a second mail about the same thing; the others get the status 'deleted'. The server, if it runs, is started again under the new day's clock.
    """
    facts = read_facts(home)
    if facts.get("lived_until") != before.ends_on.isoformat():
        raise SandboxError(f"{home.base} stands at the end of {facts.get('lived_until')}, not of {before.ends_on}")
    oldest = int(facts["oldest_ticket"])
    was_running = server.stop(home)
    answer = run_operations(home, [*_news(before, after, oldest), *_gone(before, after, deleted, oldest)], together=0)
    now = datetime.combine(after.ends_on + timedelta(days=1), time_of_day(2, 30), tzinfo=UTC)
    write_facts(home, {"now": now.isoformat(), "lived_until": after.ends_on.isoformat()})
    if was_running:
        server.start(home)
    return {"day": after.ends_on.isoformat(), "done": Counter(answer["done"])}


def _news(before: Plan, after: Plan, oldest: int) -> list[Operation]:
    """Operations of the tickets in `after` that `before` did not know, by time."""
    known = {ticket.number: ticket for ticket in before.tickets}
    fresh: list[Ticket] = []
    held_already: set[int] = set()
    for ticket in after.tickets:
        was = known.get(ticket.number)
        if was == ticket or ticket_id(ticket.number) < oldest:
            continue
        if was is not None:
            held = set(was.events)
            ticket = dataclasses.replace(ticket, events=tuple(event for event in ticket.events if event not in held))
            held_already.add(ticket_id(ticket.number))
        fresh.append(ticket)
    happened = history(dataclasses.replace(after, tickets=tuple(fresh)))
    return [operation for operation in happened if operation["do"] != "create" or operation["ticket"] not in held_already]


def _gone(before: Plan, after: Plan, deleted: tuple[str, ...], oldest: int) -> list[Operation]:
    at = int(datetime.combine(after.ends_on, time_of_day(16), tzinfo=UTC).timestamp())
    operations: list[Operation] = []
    standing = [ticket for ticket in before.tickets if ticket.number not in deleted and ticket_id(ticket.number) >= oldest]
    for ticket in before.tickets:
        identity = ticket_id(ticket.number)
        if ticket.number not in deleted or identity < oldest:
            continue
        older = [other for other in standing if other.team == ticket.team and ticket_id(other.number) < identity]
        agent = _somebody(after, ticket.team, after.ends_on)
        if identity % 2 and older:
            operations.append({"at": at, "do": "merge", "ticket": identity, "by": agent, "into": ticket_id(older[-1].number)})
        else:
            operations.append({"at": at, "do": "status", "ticket": identity, "by": agent, "value": "deleted"})
    return operations


def _somebody(plan: Plan, team: str, day: date) -> str:
    """An agent who works there that day, preferably of this team."""
    here = [agent for agent in plan.agents if agent.hired_on <= day and (agent.left_on is None or agent.left_on > day)]
    return next((agent.email for agent in here if agent.team == team), here[0].email)
