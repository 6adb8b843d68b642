"""What happens at a helpdesk: tickets created, changed, talked about, rated, deleted, marked as spam, merged, archived; contacts and agents come and go.

Loader, lived days and tests all go through here, so all of them leave the vendor's traces: `updated_at`, `stats`, due dates, conversations. Fields that
begin with '_' are the desk's own and never shown; `_visible_from` is when a lagging replica of the list knows of a record.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sandbox.company.hours import OpenTime, iso, seconds_of
from sandbox.stand_in.state import Item, State

OPEN, PENDING, RESOLVED, CLOSED, ON_CUSTOMER, ON_OTHERS = 2, 3, 4, 5, 6, 7    # "Tickets", Ticket Properties: status
WAITING, DONE = (PENDING, ON_CUSTOMER, ON_OTHERS), (RESOLVED, CLOSED)          # the statuses with the SLA timer off, as an account has them at first
FIELDS = ("subject", "status", "priority", "group_id", "responder_id", "type", "tags", "requester_id", "company_id")
REPLY, NOTE = 0, 2               # "Conversations", Conversation Properties: source
DAY = 86_400                     # seconds
CONTACT_STATES = ("verified", "unverified", "blocked", "deleted")


@dataclass(frozen=True, kw_only=True)
class Policy:
    """Open minutes to a first response and to the resolution, by priority (1 low to 4 urgent), and the hours they are counted on."""

    respond: dict[int, int]
    resolve: dict[int, int]
    open_time: OpenTime


@dataclass(frozen=True, kw_only=True)
class Desk:
    """The state, and the SLA policies by name."""

    state: State
    policies: dict[str, Policy] = field(default_factory=dict)


def shown(item: Item) -> Item:
    return {name: value for name, value in item.items() if not name.startswith("_")}


def talk_of(ticket: int) -> str:
    """The kind under which a ticket's conversations rest: they are asked for a thousand times, and only by ticket."""
    return f"conversations {ticket}"


# ---- tickets

def create(desk: Desk, ticket: Item, *, at: int, policy: str | None = None) -> Item:
    """A new ticket. `ticket`: id, requester_id, source and whatever else is set at creation."""
    whole: Item = {
        "cc_emails": [], "fwd_emails": [], "reply_cc_emails": [], "ticket_cc_emails": [], "fr_escalated": False, "spam": False, "email_config_id": None,
        "group_id": None, "priority": 1, "requester_id": None, "responder_id": None, "source": 1, "company_id": None, "status": OPEN, "subject": None,
        "association_type": None, "support_email": None, "to_emails": None, "product_id": None, "id": None, "type": None, "due_by": None,
        "fr_due_by": None, "is_escalated": False, "custom_fields": {}, "created_at": iso(at), "updated_at": iso(at), "associated_tickets_count": None,
        "tags": [], "_policy": policy, "_paused": 0, "_since": None,
        "stats": {"agent_responded_at": None, "requester_responded_at": None, "first_responded_at": None, "status_updated_at": iso(at),
                  "reopened_at": None, "resolved_at": None, "closed_at": None, "pending_since": None},
        **ticket,
    }
    status = whole["status"]
    whole["status"] = OPEN
    _promise(desk, whole)
    if status != OPEN:
        _change_status(desk, whole, status, at)
    return _keep(desk, whole, at)


def update(desk: Desk, ticket: Item, changes: Item, *, at: int) -> Item:
    """One update of fields; nothing happens if nothing changes."""
    changed = {name: value for name, value in changes.items() if name in FIELDS and ticket[name] != value}
    if not changed:
        return ticket
    if "status" in changed:
        _change_status(desk, ticket, changed.pop("status"), at)
    ticket |= changed
    if "priority" in changed:
        _promise(desk, ticket)
    return _keep(desk, ticket, at)


def converse(desk: Desk, ticket: Item, *, user: int, at: int, text: str, incoming: bool = False, private: bool = False, automation: int | None = None) -> Item:
    """A reply or a note ("Conversations"); both move the ticket's updated_at, as clients that read by it rely on. Returns the ticket."""
    (identity,) = desk.state.next_ids("conversation", first=40_000_001)
    desk.state.put(talk_of(ticket["id"]), {
        "body": f"<div>{text}</div>", "body_text": text, "id": identity, "incoming": incoming, "private": private, "user_id": user, "support_email": None,
        "source": NOTE if private else REPLY, "category": 2 if private else 1 if incoming else 3, "to_emails": [], "from_email": None, "cc_emails": [],
        "bcc_emails": [], "email_failure_count": None, "outgoing_failures": None, "thread_id": None, "thread_message_id": None, "created_at": iso(at),
        "updated_at": iso(at), "last_edited_at": None, "last_edited_user_id": None, "attachments": [], "automation_id": automation,
        "automation_type_id": None if automation is None else 1, "auto_response": automation is not None, "ticket_id": ticket["id"],
        "source_additional_info": None}, at)
    if not private:
        name = "requester_responded_at" if incoming else "agent_responded_at"
        ticket["stats"][name] = iso(at)
        if not incoming and automation is None:
            ticket["stats"]["first_responded_at"] = ticket["stats"]["first_responded_at"] or iso(at)
    return _keep(desk, ticket, at)


def take_out(desk: Desk, ticket: int, conversation: int) -> None:
    """ "Delete a Conversation". Whether it moves the ticket's updated_at is not documented; here it does not, which is the harder case."""
    desk.state.delete(talk_of(ticket), conversation)


def rate(desk: Desk, ticket: Item, value: int, *, at: int, feedback: str | None = None) -> Item:
    """ "Satisfaction Ratings": 103 (extremely happy) to -103 (extremely unhappy), 100 neutral. The ticket is not touched."""
    (identity,) = desk.state.next_ids("rating", first=9_001)
    rating = {"id": identity, "survey_id": 1, "user_id": ticket["requester_id"], "agent_id": ticket["responder_id"], "feedback": feedback,
              "group_id": ticket["group_id"], "ticket_id": ticket["id"], "created_at": iso(at), "updated_at": iso(at), "ratings": {"default_question": value}}
    desk.state.put("satisfaction_ratings", rating, at)
    return rating


def trash(desk: Desk, ticket: Item, *, at: int, back: bool = False) -> Item:
    """ "Delete a Ticket", "Restore a Ticket"."""
    ticket.pop("deleted", None)
    return _keep(desk, ticket if back else ticket | {"deleted": True}, at)


def mark_spam(desk: Desk, ticket: Item, *, at: int, back: bool = False) -> Item:
    return _keep(desk, ticket | {"spam": not back}, at)


def merge(desk: Desk, primary: Item, secondary: Item, *, user: int, at: int) -> None:
    """ "Merge Tickets": the secondary is closed; without words of one's own each side gets a note that names the other."""
    converse(desk, primary, user=user, at=at, private=True, text=f"Merged from ticket {secondary['id']}")
    converse(desk, secondary, user=user, at=at, private=True, text=f"This ticket is closed and merged into ticket {primary['id']}")
    update(desk, secondary, {"status": CLOSED}, at=at)


def archive(desk: Desk, *, now: int) -> int:
    """What was closed and left alone for 120 days ("Ticket Archiving" of the vendor's help): in no list any more. Returns how many there are."""
    idle = desk.state.items("tickets", where=lambda item: item["status"] == CLOSED and not item.get("_archived") and item["updated_at"] < iso(now - 120 * DAY))
    for ticket in idle:
        desk.state.put("tickets", ticket | {"_archived": True}, instant(ticket["updated_at"]))
    return len(idle)


def _keep(desk: Desk, ticket: Item, at: int) -> Item:
    ticket |= {"updated_at": iso(at)}
    for due, late in (("due_by", "is_escalated"), ("fr_due_by", "fr_escalated")):
        done = ticket["stats"]["resolved_at" if due == "due_by" else "first_responded_at"]
        ticket[late] = ticket[due] is not None and (done or iso(at)) > ticket[due]
    desk.state.put("tickets", ticket, at)
    return ticket


def _change_status(desk: Desk, ticket: Item, status: int, at: int) -> None:
    """`stats` ("View a Ticket", include=stats), and the SLA timer, which stands still while a ticket waits and while it is resolved. Reopening takes
    resolved_at and closed_at away; closing what is not resolved resolves it."""
    stats, before, policy = ticket["stats"], ticket["status"], desk.policies.get(ticket["_policy"] or "")
    has_stood = before in WAITING or (before in DONE and status not in DONE)
    if has_stood and policy and ticket["_since"] is not None:
        ticket["_paused"] += policy.open_time.passed(at) - policy.open_time.passed(ticket["_since"])
    if status in (*WAITING, *DONE) and before not in DONE:
        ticket["_since"] = at
    ticket["status"] = status
    stats |= {"status_updated_at": iso(at), "pending_since": iso(at) if status == PENDING else None}
    if status in DONE:
        stats["resolved_at"] = stats["resolved_at"] or iso(at)
        stats["closed_at"] = iso(at) if status == CLOSED else None
    elif before in DONE:
        stats |= {"reopened_at": iso(at), "resolved_at": None, "closed_at": None}
    _promise(desk, ticket)


def _promise(desk: Desk, ticket: Item) -> None:
    """due_by and fr_due_by: from the creation on, by today's priority; time with the timer off does not count ("SLA Policies")."""
    policy, began = desk.policies.get(ticket["_policy"] or ""), datetime.fromisoformat(ticket["created_at"])
    if policy is not None:
        minutes = policy.resolve[ticket["priority"]] + ticket["_paused"] / 60
        ticket |= {"due_by": iso(seconds_of(policy.open_time.after(began, minutes))),
                   "fr_due_by": iso(seconds_of(policy.open_time.after(began, policy.respond[ticket["priority"]])))}


# ---- people and settings

def contact(identity: int, name: str, email: str | None, *, at: int, **more: Any) -> Item:
    return {"active": True, "address": None, "company_id": None, "description": None, "email": email, "id": identity, "job_title": None, "language": "en",
            "mobile": None, "name": name, "phone": None, "time_zone": "Berlin", "twitter_id": None, "custom_fields": {}, "tags": [], "other_emails": [],
            "facebook_id": None, "created_at": iso(at), "updated_at": iso(at), "csat_rating": None, "preferred_source": "email", "other_companies": [],
            "unique_external_id": None, "_state": "verified", **more}


def put_contact(desk: Desk, item: Item, *, at: int) -> Item:
    """A contact as it is from now on; `deleted` is only there when it is true ("Contacts", Contact Properties)."""
    item = {name: value for name, value in item.items() if name != "deleted"} | {"updated_at": iso(at), "active": item["_state"] != "unverified"}
    if item["_state"] == "deleted":
        item["deleted"] = True
    desk.state.put("contacts", item, at)
    return item


def agent(identity: int, name: str, email: str, *, at: int, groups: list[int], **more: Any) -> Item:
    return {"available": True, "occasional": False, "id": identity, "ticket_scope": 1, "signature": None, "group_ids": groups, "role_ids": [3],
            "skill_ids": [], "available_since": None, "created_at": iso(at), "updated_at": iso(at), "type": "support_agent", "focus_mode": True,
            "deactivated": False, "last_active_at": None,
            "contact": {"active": True, "email": email, "job_title": None, "language": "en", "last_login_at": None, "mobile": None, "name": name,
                        "phone": None, "time_zone": "Berlin", "created_at": iso(at), "updated_at": iso(at)}, **more}


def remove_agent(desk: Desk, item: Item, *, at: int) -> None:
    """ "Delete an Agent": who is none any more is a contact with the same id."""
    desk.state.delete("agents", item["id"])
    put_contact(desk, contact(item["id"], item["contact"]["name"], item["contact"]["email"], at=at), at=at)


def instant(text: str) -> int:
    return seconds_of(datetime.fromisoformat(text))

