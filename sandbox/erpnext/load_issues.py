"""Brings a Plan's tickets into the stand-in as Issues, for a company whose ERP is its helpdesk, too. The sandbox has one of its own, so it is done apart.

A ticket is Open until it is answered or resolved; who waits for the customer sets it to Replied. The team is a custom field. Ratings and notes have no place.
"""

from __future__ import annotations

from datetime import datetime
from functools import partial
from itertools import chain

from sandbox.company.plan import Plan, Ticket
from sandbox.erpnext import site as sites
from sandbox.erpnext.load import Step
from sandbox.erpnext.site import Site

STATUS_OF = {"new": "Open", "open": "Open", "pending": "Replied", "hold": "On Hold", "solved": "Resolved", "closed": "Closed"}
MEDIUM_OF = {"email": "Email", "chat": "Chat", "phone": "Phone", "web": "Email"}     # the portal writes a mail of its own (Issue.create_communication)


def load(plan: Plan, site: Site) -> int:
    """The tickets of the whole plan. Returns how many there are."""
    emails = {customer.number: customer.email for customer in plan.customers}
    with site.state.transaction():
        for at, step in sorted(chain.from_iterable(_ticket(site, ticket, emails[ticket.requester]) for ticket in plan.tickets), key=lambda one: one[0]):
            step(at=at)
    return site.state.count("Issue")


def _ticket(site: Site, ticket: Ticket, email: str) -> list[Step]:
    name, medium = f"ISS-{ticket.number}", MEDIUM_OF[ticket.channel]
    values = {"subject": ticket.subject, "status": "Open", "priority": _priority(ticket.priority), "customer": ticket.requester,
              "raised_by": email, "via_customer_portal": int(ticket.channel == "web"), "custom_team": ticket.team,
              "service_level_agreement": ticket.sla_policy, "first_responded_on": None, "sla_resolution_date": None}

    def said(incoming: bool, words: str | None, by: str | None, *, automatic: bool = False) -> partial[None]:
        return partial(sites.communicate, site, name, {
            "sent_or_received": "Received" if incoming else "Sent", "communication_medium": medium, "content": words, "sender": by,
            "communication_type": "Automated Message" if automatic else "Communication"})

    steps: list[Step] = [(ticket.created_at, partial(sites.insert, site, "Issue", name, values)), (ticket.created_at, said(True, ticket.body, email))]
    for event in ticket.events:
        if event.kind == "public_reply":
            steps.append((event.at, said(event.actor == "requester", event.value, event.by or email, automatic=event.actor == "bot")))
        elif event.kind in ("status", "priority", "team"):
            steps.append((event.at, partial(_save, site, name, event.kind, str(event.value))))
        elif event.kind == "assignee":
            steps.append((event.at, partial(sites.assign, site, "Issue", name, event.value)))
    return steps


def _save(site: Site, name: str, kind: str, value: str, *, at: datetime) -> None:
    its = sites.get(site, "Issue", name)
    if kind == "status":
        change = {"status": STATUS_OF[value]}
        if value in ("solved", "closed") and its["sla_resolution_date"] is None:
            change["sla_resolution_date"] = site.wall(at)
    else:
        change = {"priority": _priority(value)} if kind == "priority" else {"custom_team": value}
    if any(its[field] != now for field, now in change.items()):      # a mail that came in has opened it already
        sites.save(site, "Issue", name, change, at=at)


def _priority(word: str) -> str:
    return "Medium" if word == "normal" else word.title()
