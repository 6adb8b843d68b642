"""What is read of Freshdesk: its streams, how each is asked for, and what an account may ask (freshdesk.py says why that way)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal

from connectors.personal import DOCUMENT_NUMBER
from connectors.stream import Cursor, Json, Kind, Personal, Stream

LAG = timedelta(minutes=5)               # lists are answered by replicas; and a clock that is a minute off must do no harm
RATINGS_CHANGE_FOR = timedelta(days=30)  # a customer may answer again, and an old rating cannot be asked for by its change

# What is personal ("Tickets", "Conversations", "Contacts", "Agents", "Satisfaction Ratings", Properties). Names of companies and of groups are nobody's.
VALUE = Personal(kind="text", keeps=DOCUMENT_NUMBER)     # of a field that the company made for itself
# "Merge Tickets", note_in_secondary: nothing but these words says that a ticket was merged into another one.
MERGE = r"^\s*This ticket is closed and merged into ticket #?\d+"
TICKET: Mapping[str, Kind | Personal] = {
    **dict.fromkeys(("subject", "description", "description_text", "structured_description"), "text"), "custom_fields": VALUE, "requester": "text",
    **dict.fromkeys(("cc_emails", "fwd_emails", "reply_cc_emails", "ticket_cc_emails", "to_emails", "support_email"), "email")}
CONVERSATION: Mapping[str, Kind | Personal] = {
    "conversations[].body": "text", "conversations[].body_text": Personal(kind="text", keeps=MERGE),
    **{f"conversations[].{name}": "email" for name in ("from_email", "to_emails", "cc_emails", "bcc_emails", "support_email")},
    **{f"conversations[].{name}": "text" for name in ("attachments[].*", "source_additional_info", "outgoing_failures", "thread_message_id")},
    "conversations[].attachments[].id": "impersonal", "conversations[].attachments[].size": "impersonal"}
# A contact is a person: all that is said of one, but for what is named here.
CONTACT: Mapping[str, Kind | Personal] = {
    "*": "text", "name": "name", "phone": "phone", "mobile": "phone", "email": "email", "other_emails": "email", "address": "address",
    "unique_external_id": Personal(kind="email", keeps=rf"{DOCUMENT_NUMBER}|^\d{{1,8}}$"),     # most often a customer number
    **dict.fromkeys(("id", "active", "deleted", "company_id", "other_companies", "language", "time_zone", "tags", "preferred_source", "csat_rating",
                     "created_at", "updated_at"), "impersonal")}
COMPANY: Mapping[str, Kind | Personal] = {"description": "text", "note": "text", "custom_fields": "text"}
# Agents' names and addresses are what KPIs compare them by.
AGENT: Mapping[str, Kind | Personal] = {
    "contact.name": "staff", "contact.email": "staff", "contact.job_title": "staff", "contact.phone": "phone", "contact.mobile": "phone",
    "contact.avatar": "text", "signature": "text"}


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a stream is asked for. lists: what has to be asked, one after the other, as parameters. since: the parameter that takes the window's beginning."""

    how: Literal["tickets", "conversations", "pages"]
    path: str = "tickets"
    lists: tuple[Mapping[str, str], ...] = ({},)
    since: str = ""


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a plan allows ("Rate Limit" of the vendor's API documentation): credits of the whole account and list requests of one kind, a minute."""

    credits: int
    lists: int


@dataclass(frozen=True, kw_only=True)
class Place:
    """How far the tickets are read: all before `since`, of that second those in `seen`; and the page of that second that is asked for next."""

    since: datetime
    seen: frozenset[int] = frozenset()
    number: int = 1

    @classmethod
    def of(cls, position: Mapping[str, Any]) -> Place:
        return cls(since=datetime.fromisoformat(position["since"]), seen=frozenset(position["seen"]), number=position["number"])

    def position(self, step: str) -> Json:
        return {"step": step, "since": self.since.isoformat(), "seen": sorted(self.seen), "number": self.number}


PLANS: Mapping[str, Plan] = {"growth": Plan(credits=200, lists=20), "pro": Plan(credits=400, lists=100), "enterprise": Plan(credits=700, lists=200)}

STREAMS: Mapping[Stream, Asked] = {
    Stream(name="tickets", key=("id",), deletes="tombstone", cursor=Cursor(field="updated_at", lag=LAG), personal=TICKET):
        Asked(how="tickets"),
    Stream(name="conversations", key=("ticket_id",), deletes="tombstone", cursor=Cursor(field="updated_at", lag=LAG), personal=CONVERSATION):
        Asked(how="conversations"),
    Stream(name="contacts", key=("id",), deletes="sweep", sweep_every=30, cursor=Cursor(field="updated_at", lag=LAG), personal=CONTACT, is_master=True):
        Asked(how="pages", path="contacts", lists=({}, {"state": "blocked"}, {"state": "deleted"}), since="_updated_since"),
    Stream(name="companies", key=("id",), deletes="full", personal=COMPANY): Asked(how="pages", path="companies"),
    Stream(name="agents", key=("id",), deletes="full", personal=AGENT): Asked(how="pages", path="agents"),
    Stream(name="groups", key=("id",), deletes="full"): Asked(how="pages", path="groups"),
    Stream(name="sla_policies", key=("id",), deletes="full"): Asked(how="pages", path="sla_policies"),
    Stream(name="business_hours", key=("id",), deletes="full"): Asked(how="pages", path="business_hours"),
    Stream(name="satisfaction_ratings", key=("id",), deletes="sweep", sweep_every=30, cursor=Cursor(field="created_at", lag=LAG, overlap=RATINGS_CHANGE_FOR),
           personal={"feedback": "text"}):
        Asked(how="pages", path="surveys/satisfaction_ratings", since="created_since"),
}
ASKED = {stream.name: asked for stream, asked in STREAMS.items()}
