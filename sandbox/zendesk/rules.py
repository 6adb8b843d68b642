"""The stand-in's rules that do not depend on where one asks: who may call, how often, how errors look. Pages cited are those of developer.zendesk.com."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from sandbox.stand_in.limits import Failure
from sandbox.stand_in.state import Item
from sandbox.zendesk import life


@dataclass(frozen=True, kw_only=True)
class Account:
    """Who may call. "Security and authentication", API token: basic authentication as `<email>/token:<token>`."""

    email: str
    token: str = field(repr=False)
    user_id: int
    is_admin: bool


def failure(status: int, error: str, description: str, details: Any = None) -> Failure:
    """The error body of "Requests", Response format."""
    return Failure(status, {"error": error, "description": description, **({"details": details} if details else {})})


def too_many(wait: int) -> Failure:
    """ "Rate limits": 429 with Retry-After in seconds; incremental exports allow 10 a minute, an account 200 to 2500."""
    body = {"error": "APIRateLimitExceeded", "description": "Number of allowed API requests per minute exceeded"}
    return Failure(429, body, {"Retry-After": str(wait)})


def not_json(why: str) -> Failure:
    return failure(400, "InvalidJSON", why)


def wanted(kind: str, query: Item) -> Callable[[Item], bool]:
    """ "Satisfaction Ratings", Filters (start_time: of the oldest rating); "Tickets", List Tickets by External ID."""
    start, end = (life.iso(int(query[name])) if query.get(name, "").isdigit() else None for name in ("start_time", "end_time"))
    if kind == "satisfaction_ratings":
        return lambda item: (start is None or item["created_at"] >= start) and (end is None or item["created_at"] <= end)
    if kind == "tickets":
        return lambda item: item["status"] != "deleted" and ("external_id" not in query or item["external_id"] == query["external_id"])
    return lambda item: True


def without_words(child: Item) -> Item:
    """ "Incremental Ticket Event Export", Sideloading: without comment_events a comment is only told of."""
    if child["event_type"] != "Comment":
        return child
    told = {"comment_present": True, "comment_public": child["public"]}
    return {"id": child["id"], "via": child["via"], "via_reference_id": None, **told, "event_type": "Comment"}


def checked(fields: Item) -> Item:
    for name, allowed in (("status", life.STATUSES), ("priority", (*life.PRIORITIES, None)), ("type", (*life.TYPES, None))):
        if name in fields and fields[name] not in allowed:
            raise invalid(name, f"{name.capitalize()}: {fields[name]} is not a valid value")
    return fields


def invalid(name: str, description: str) -> Failure:
    return failure(422, "RecordInvalid", "Record validation errors", {name: [{"description": description}]})


def not_found() -> Failure:
    return failure(404, "RecordNotFound", "Not found")
