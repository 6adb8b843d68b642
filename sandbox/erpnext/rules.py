"""The stand-in's rules that do not depend on where one asks: errors, filters, orders. Sources cited are modules of the framework."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.stand_in.limits import Failure
from sandbox.stand_in.state import Item

STATUS = {"AuthenticationError": 401, "PermissionError": 403, "DoesNotExistError": 404, "ValidationError": 417, "DataError": 417, "OperationalError": 500}
STAMPS = ("modified", "creation")
COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "=": lambda left, right: left == right, "!=": lambda left, right: left != right, ">": lambda left, right: left > right,
    ">=": lambda left, right: left >= right, "<": lambda left, right: left < right, "<=": lambda left, right: left <= right,
    "in": lambda left, right: left in right, "not in": lambda left, right: left not in right,
}


def failure(kind: str, message: str) -> Failure:
    """frappe.utils.response: `_server_messages` is JSON of a list of texts, each of them JSON; `exc` is a traceback."""
    told = json.dumps({"message": message, "title": "Message", "indicator": "red", "raise_exception": 1})
    trace = f'Traceback (most recent call last):\n  File "apps/frappe/frappe/app.py", line 110, in application\nfrappe.exceptions.{kind}: {message}\n'
    return Failure(STATUS[kind], {"exception": f"frappe.exceptions.{kind}: {message}", "exc_type": kind, "exc": json.dumps([trace]),
                                  "_server_messages": json.dumps([told])})


def too_many(wait: int) -> Failure:
    """frappe.rate_limiter: a page of text, and the seconds until the next window."""
    return Failure(429, "Too Many Requests", {"Retry-After": str(wait), "X-RateLimit-Reset": str(wait), "X-RateLimit-Remaining": "0"})


def conditions(filters: Any, doctype: str, known: Sequence[str]) -> list[tuple[str, str, Any]]:
    """[[field, operator, value]] or [[doctype, field, operator, value]] or {field: value}, all joined by "and" (frappe.model.db_query)."""
    given = [[field, "=", value] for field, value in filters.items()] if isinstance(filters, dict) else filters or []
    found = []
    for one in given:
        field, operator, value = one[-3:]
        if operator not in COMPARED:
            raise failure("ValidationError", f"Operator must be one of {', '.join(COMPARED)}")
        _must_know(doctype, field, known)
        if operator in ("in", "not in"):
            value = [str(entry).strip() for entry in (value if isinstance(value, list) else str(value).split(","))]
        found.append((field, operator, value))
    return found


def fits(tests: Sequence[tuple[str, str, Any]]) -> Callable[[Item], bool]:
    """Whether a document meets all of them; nothing compares with null."""
    ready = [(field, COMPARED[operator], _comparable(field, value) if operator not in ("in", "not in") else value) for field, operator, value in tests]

    def test(item: Item) -> bool:
        return all(item.get(field) is not None and compare(_comparable(field, item[field]), value) for field, compare, value in ready)

    return test


def ordered(items: list[Item], order: str, doctype: str, known: Sequence[str]) -> list[Item]:
    """ "modified asc, name asc". Where the order leaves ties, a database gives them in any order: here in one that changes with what is asked for."""
    keys = [(part.split()[0].strip("`"), part.split()[-1].lower() == "desc") for part in order.split(",")]
    if not re.fullmatch(r"\s*`?\w+`?( asc| desc)?(\s*,\s*`?\w+`?( asc| desc)?)*\s*", order, re.IGNORECASE):
        raise failure("ValidationError", "Illegal SQL Query")
    items = sorted(items, key=lambda item: hash((item["name"], len(items))))
    for field, descending in reversed(keys):
        _must_know(doctype, field, known)
        items.sort(key=lambda item: (item.get(field) is not None, _comparable(field, item.get(field))), reverse=descending)
    return items


def _must_know(doctype: str, field: str, known: Sequence[str]) -> None:
    if field not in known:
        raise failure("OperationalError", f"(1054, \"Unknown column 'tab{doctype}.{field}' in 'SELECT'\")")


def must_know_all(doctype: str, fields: Sequence[str], known: Sequence[str]) -> None:
    for field in fields:
        _must_know(doctype, field, known)


def _comparable(field: str, value: Any) -> Any:
    """Stamps as instants of the wall clock: of a whole second the fraction is left out."""
    if field in STAMPS and value is not None:
        try:
            return datetime.fromisoformat(str(value))
        except ValueError:
            raise failure("OperationalError", f"(1525, \"Incorrect DATETIME value: '{value}'\")") from None
    return "" if value is None else value
