"""The stand-in's rules that do not depend on where one asks. Pages cited are those of developers.hubspot.com, by title."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sandbox.hubspot.portal import STAMPS, milliseconds
from sandbox.stand_in.limits import Failure
from sandbox.stand_in.state import Item

CORRELATION = "a43683b0-5717-4ceb-80b4-104d02915d8c"
SEARCH_PAGE = 200                # "Search the CRM", Limits
COMPARED: dict[str, Callable[[Any, Any], bool]] = {
    "GT": lambda left, right: left > right, "GTE": lambda left, right: left >= right, "LT": lambda left, right: left < right,
    "LTE": lambda left, right: left <= right, "EQ": lambda left, right: left == right,
}


def failure(status: int, category: str, message: str) -> Failure:
    """The error body of "Handling errors"."""
    return Failure(status, {"status": "error", "message": message, "correlationId": CORRELATION, "category": category})


def invalid(message: str) -> Failure:
    return failure(400, "VALIDATION_ERROR", message)


def too_many(policy: str, words: str) -> Callable[[int], Failure]:
    """ "API usage guidelines and limits", Error responses: the policy says which limit it was; there is no Retry-After."""
    message = f"You have reached your {words} limit."
    body = {"status": "error", "message": message, "errorType": "RATE_LIMIT", "correlationId": CORRELATION, "policyName": policy}
    return lambda wait: Failure(429, body)


def comparable(of: str, name: str, value: Any) -> Any:
    """A property's value as the search compares it: stamps as milliseconds (asked for as such, or as ISO 8601), ids as numbers, all else as text."""
    try:
        if name in (STAMPS[of], "createdate"):
            return int(value) if str(value).isdigit() else milliseconds(str(value))
        return int(value) if name == "hs_object_id" else str(value).lower()
    except ValueError:
        raise invalid(f"{value} is not a valid value of {name}") from None


def wanted(of: str, groups: list[Item], known: frozenset[str]) -> Callable[[Item], bool]:
    """ "Search the CRM", Filter search results: filters of a group are joined by and, groups by or; at most 5 groups of 6 filters, 18 in all."""
    sizes = [len(group["filters"]) for group in groups]
    if len(sizes) > 5 or sum(sizes) > 18 or max(sizes, default=0) > 6:
        raise invalid("too many filter groups or filters")
    tests: list[list[Callable[[Item], bool]]] = []
    for group in groups:
        tests.append([])
        for one in group["filters"]:
            name, operator = one.get("propertyName"), one.get("operator")
            if name not in known or operator not in COMPARED:
                raise invalid(f"There was a problem with the request: {name} {operator}")
            tests[-1].append(_test(of, name, COMPARED[operator], comparable(of, name, one.get("value"))))
    return lambda item: not tests or any(all(test(item) for test in group) for group in tests)


def _test(of: str, name: str, compare: Callable[[Any, Any], bool], value: Any) -> Callable[[Item], bool]:
    def test(item: Item) -> bool:
        mine = item["properties"].get(name)
        return mine is not None and compare(comparable(of, name, mine), value)

    return test


def since(of: str, groups: list[Item]) -> int:
    """The oldest stamp that a search for one slice of time can show, so that it need not look at everything."""
    filters = groups[0]["filters"] if len(groups) == 1 else []
    return max([comparable(of, STAMPS[of], one["value"]) for one in filters if one.get("propertyName") == STAMPS[of] and one.get("operator") in ("GT", "GTE")],
               default=0)
