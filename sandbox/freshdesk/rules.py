"""The stand-in's rules that do not depend on where one asks. Sections cited are those of developers.freshdesk.com/api."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from urllib.parse import urlencode

from sandbox.stand_in.limits import Failure
from sandbox.stand_in.state import Item

LARGEST_PAGE, USUAL_PAGE = 100, 30       # "Pagination"
LAST_PAGE = 300                          # "List All Tickets", note 2
DAYS_SHOWN = 30                          # same section, note 1: without updated_since
DAYS_IN_TRASH = 30                       # "Trash" of the vendor's help: then a deleted ticket is gone for good


def failure(status: int, code: str, message: str) -> Failure:
    """ "Errors"."""
    return Failure(status, {"code": code, "message": message})


def invalid(name: str, message: str) -> Failure:
    """ "Errors", 400."""
    return Failure(400, {"description": "Validation failed", "errors": [{"field": name, "message": message, "code": "invalid_value"}]})


def not_found() -> Failure:
    """ "Errors", 404: without a body."""
    return Failure(404, None)


def lacks(feature: str) -> Failure:
    return failure(403, "require_feature", f"The {feature} feature is not supported in your plan. Please upgrade your account to use it.")


def too_many(wait: int) -> Failure:
    """ "Rate Limit": Retry-After in seconds."""
    return Failure(429, {"message": "You have exceeded the limit of requests per minute"}, {"Retry-After": str(wait)})


def page_of(query: Item, path: str) -> tuple[int, int]:
    """(number of the page from 1, records a page)."""
    number, size = query.get("page", "1"), query.get("per_page", str(USUAL_PAGE))
    if not size.isdigit() or not 1 <= int(size) <= LARGEST_PAGE:
        raise invalid("per_page", f"It should be a Positive Integer less than or equal to {LARGEST_PAGE}")
    if not number.isdigit() or int(number) < 1:
        raise invalid("page", "It should be a Positive Integer")
    if path == "tickets" and int(number) > LAST_PAGE:
        raise invalid("page", f"You cannot access tickets beyond the {LAST_PAGE}th page. Please provide a smaller page number.")
    return int(number), int(size)


def link(url: str, path: str, query: Item, number: int) -> dict[str, str]:
    """ "Pagination": the address of the next page, in a header."""
    return {"link": f'<{url}/api/v2/{path}?{urlencode({**query, "page": str(number)})}>; rel="next"'}


def fitting(query: Item, allowed: Sequence[str]) -> None:
    """Parameters that an endpoint does not know are refused, not ignored."""
    for name in query:
        if name not in (*allowed, "page", "per_page"):
            raise invalid(name, "Unexpected/invalid field in request")


def in_state(state: str | None) -> Callable[[Item], bool]:
    """ "List All Contacts", Filters: without a state, contacts that are neither blocked nor deleted."""
    if state is None:
        return lambda item: item["_state"] in ("verified", "unverified")
    if state not in ("verified", "unverified", "blocked", "deleted"):
        raise invalid("state", "It should be one of these values: 'blocked,deleted,unverified,verified'")
    return lambda item: item["_state"] == state
