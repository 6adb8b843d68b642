"""What is read of Zendesk: its streams, how each is asked for, and what of it is personal (zendesk.py says why it is asked that way)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

from connectors.personal import ANY, DOCUMENT_NUMBER
from connectors.stream import Cursor, Kind, Personal, Stream

LAG = timedelta(minutes=2)
RATINGS_CHANGE_FOR = timedelta(days=30)


# What is personal ("Tickets", "Ticket Audits", "Users", "Satisfaction Ratings", JSON format). Names of organizations and of groups are nobody's.
VALUE = Personal(kind="text", keeps=DOCUMENT_NUMBER)     # of a field that the company made for itself
# What a field was before: of these fields it is a word out of the vendor's list or a number of his, of all others it may be anything.
PREVIOUS = Personal(kind="text", unless=dict.fromkeys(
    ("status", "priority", "type", "group_id", "assignee_id", "requester_id", "submitter_id", "organization_id", "brand_id", "satisfaction_score"), ANY))


def _via(below: str = "") -> dict[str, Kind | Personal]:
    """Who wrote to whom, as "Via Types" has it: from and to, with other parts for each channel."""
    ends = [f"{below}via.source.{end}" for end in ("from", "to")]
    parts: dict[str, Kind | Personal] = {
        "*": "name", "address": "email", "original_recipients[]": "email", "phone": "phone", "formatted_phone": "phone", "ticket_id": "impersonal",
        "channel": "impersonal", "id": "impersonal"}
    return {f"{end}.{part}": kind for end in ends for part, kind in parts.items()}


TICKET: Mapping[str, Kind | Personal] = {
    "subject": "text", "raw_subject": "text", "description": "text", "recipient": "email", "custom_fields[].value": VALUE, "fields[].value": VALUE,
    "satisfaction_rating.comment": "text", **_via()}
EVENT: Mapping[str, Kind | Personal] = {
    **{f"child_events[].{name}": "text" for name in ("body", "html_body", "plain_body", "subject", "raw_subject", "description", "satisfaction_comment")},
    "child_events[].previous_value": PREVIOUS, "child_events[].custom_ticket_fields": VALUE, "child_events[].attachments[].*": "text",
    "child_events[].attachments[].id": "impersonal", "child_events[].attachments[].size": "impersonal", "child_events[].recipient": "email",
    "child_events[].data.*": "text", "child_events[].formatted_from": "phone", "child_events[].formatted_to": "phone",
    "system.ip_address": "ip", "system.location": "address", "system.latitude": "address", "system.longitude": "address", "system.client": "ip",
    "metadata": "ip", **_via(), **_via("child_events[].")}
# A user is a person: all that is said of one, but for what is named here. Agents' addresses are what KPIs compare them by.
USER: Mapping[str, Kind | Personal] = {
    "*": "text", "name": "name", "alias": "name", "phone": "phone", "shared_phone_number": "phone",
    "email": Personal(kind="email", unless={"role": frozenset({"agent", "admin"})}, then="staff"),
    "external_id": Personal(kind="email", keeps=rf"{DOCUMENT_NUMBER}|^\d{{1,8}}$|^meridian-[0-9a-f]+$"),    # a customer number, of some an address
    **dict.fromkeys(("id", "url", "role", "role_type", "custom_role_id", "active", "tags", "organization_id", "default_group_id", "locale", "locale_id",
                     "time_zone", "iana_time_zone", "ticket_restriction", "created_at", "updated_at", "last_login_at"), "impersonal")}
ORGANIZATION: Mapping[str, Kind | Personal] = {"details": "text", "notes": "text", "organization_fields": "text"}


@dataclass(frozen=True, kw_only=True)
class Export:
    """How a stream is asked for. how: the vendor's cursor, its time-based export, a list in pages, one answer, or one answer for each schedule.

    stamp: the field that orders an export. since: a list that can be asked for by its beginning; one that has a stamp and cannot is narrowed by us.
    is_slow: under the limit of the list of deletions.
    """

    how: Literal["cursor", "time", "list", "whole", "by schedule"]
    path: str
    items: str
    stamp: str = ""
    params: Mapping[str, str] | None = None
    since: bool = False
    is_slow: bool = False


SCHEDULES = "business_hours/schedules"
STREAMS: Mapping[Stream, Export] = {
    Stream(name="tickets", key=("id",), deletes="tombstone", cursor=Cursor(field="generated_timestamp", lag=LAG), stamps=("generated_timestamp",),
           personal=TICKET):
        Export(how="cursor", path="incremental/tickets/cursor.json", items="tickets", stamp="generated_timestamp"),
    Stream(name="ticket_events", key=("id",), cursor=Cursor(field="timestamp", lag=LAG), stamps=("timestamp",), personal=EVENT):
        Export(how="time", path="incremental/ticket_events.json", items="ticket_events", stamp="timestamp", params={"include": "comment_events"}),
    Stream(name="users", key=("id",), cursor=Cursor(field="updated_at", lag=LAG), stamps=("updated_at",), personal=USER, is_master=True):
        Export(how="cursor", path="incremental/users/cursor.json", items="users", stamp="updated_at"),
    Stream(name="groups", key=("id",), deletes="full"): Export(how="list", path="groups.json", items="groups"),
    Stream(name="organizations", key=("id",), deletes="tombstone", cursor=Cursor(field="updated_at", lag=LAG), stamps=("updated_at",), personal=ORGANIZATION,
           is_master=True):
        Export(how="time", path="incremental/organizations.json", items="organizations", stamp="updated_at"),
    Stream(name="satisfaction_ratings", key=("id",), deletes="sweep", sweep_every=30, cursor=Cursor(field="created_at", lag=LAG, overlap=RATINGS_CHANGE_FOR),
           incomparable="the last 30 days of it are read again every night, and once a month all keys are compared", personal={"comment": "text"}):
        Export(how="list", path="satisfaction_ratings.json", items="satisfaction_ratings", stamp="created_at", since=True),
    Stream(name="ticket_metric_events", key=("id",), cursor=Cursor(field="time", lag=LAG), stamps=("time",)):
        Export(how="time", path="incremental/ticket_metric_events.json", items="ticket_metric_events", stamp="time"),
    Stream(name="sla_policies", key=("id",), deletes="full"): Export(how="list", path="slas/policies.json", items="sla_policies"),
    Stream(name="schedules", key=("id",), deletes="full"): Export(how="whole", path=f"{SCHEDULES}.json", items="schedules"),
    Stream(name="schedule_holidays", key=("id",), deletes="full"): Export(how="by schedule", path=f"{SCHEDULES}.json", items="schedule_holidays"),
    Stream(name="deleted_tickets", key=("id",), cursor=Cursor(field="deleted_at", lag=LAG, overlap=LAG), personal={"subject": "text", "actor.name": "name"},
           incomparable="the vendor lists deletions for 30 days only, and all of the list is looked through every night"):
        Export(how="list", path="deleted_tickets.json", items="deleted_tickets", stamp="deleted_at", is_slow=True),
}
EXPORTS = {stream.name: export for stream, export in STREAMS.items()}
