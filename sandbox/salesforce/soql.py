"""As much of SOQL as a reader of whole objects needs: SELECT fields FROM object [WHERE a AND b ...] [ORDER BY Id] [LIMIT n]."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.salesforce.org import seconds
from sandbox.salesforce.rules import refusal
from sandbox.salesforce.schema import KINDS
from sandbox.stand_in.state import Item

LONGEST = 100_000       # characters; "SOQL and SOSL Limits for Search Queries"
COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    ">=": lambda left, right: left >= right, "<=": lambda left, right: left <= right, ">": lambda left, right: left > right,
    "<": lambda left, right: left < right, "=": lambda left, right: left == right, "!=": lambda left, right: left != right,
}
STATEMENT = re.compile(r"SELECT (?P<fields>.+?) FROM (?P<of>\w+)(?: WHERE (?P<where>.+?))?(?: ORDER BY Id(?: ASC)?)?(?: LIMIT (?P<limit>\d+))?", re.DOTALL)


@dataclass(frozen=True, kw_only=True)
class Query:
    """fits: whether a record is asked for. since: seconds; no record whose stamp is older is asked for."""

    of: str
    fields: list[str]
    fits: Callable[[Item], bool]
    since: int
    limit: int | None


def parsed(text: str, visible: Callable[[str], Mapping[str, str]]) -> Query:
    """Raises what the vendor answers to a statement that it does not take. visible: the fields of an object that our user may see, with their types."""
    if len(text) > LONGEST:
        raise refusal(400, "QUERY_TOO_COMPLICATED", f"The SOQL statement is longer than {LONGEST} characters")
    match = STATEMENT.fullmatch(text.strip())
    if match is None:
        raise refusal(400, "MALFORMED_QUERY", f"unexpected token in: {text[:80]}")
    of = match["of"]
    if of not in KINDS:
        raise refusal(400, "INVALID_TYPE", f"sObject type '{of}' is not supported.")
    known, names = visible(of), [name.strip() for name in match["fields"].split(",")]
    conditions = [condition.split(maxsplit=2) for condition in re.split(r"\s+AND\s+", match["where"] or "") if condition]
    for name in [*names, *(condition[0] for condition in conditions)]:
        if name not in known:
            raise refusal(400, "INVALID_FIELD", f"No such column '{name}' on entity '{of}'. If you are attempting to use a custom field, be sure to append"
                                                " the '__c' after the custom field name.")
    tests = [_test(name, known[name], operator, literal) for name, operator, literal in conditions]
    since = max([_literal(known[name], literal) for name, operator, literal in conditions
                 if name == ("SystemModstamp" if KINDS[of].has_stamp else "CreatedDate") and operator in (">=", ">")], default=-1)
    return Query(of=of, fields=names, fits=lambda item: all(test(item) for test in tests), since=since, limit=int(match["limit"]) if match["limit"] else None)


def _test(name: str, kind: str, operator: str, literal: str) -> Callable[[Item], bool]:
    if operator not in COMPARED:
        raise refusal(400, "MALFORMED_QUERY", f"unknown operator {operator}")
    compare, right = COMPARED[operator], _literal(kind, literal)

    def test(item: Item) -> bool:
        left = item.get(name)
        return left is not None and compare(seconds(left) if kind == "datetime" else left, right)

    return test


def _literal(kind: str, text: str) -> Any:
    """ "Date Formats and Date Literals in WHERE": instants stand without quotes, texts and ids in them."""
    try:
        if kind == "datetime":
            return seconds(text)
        if kind == "boolean":
            return {"true": True, "false": False}[text.lower()]
    except (ValueError, KeyError):
        raise refusal(400, "MALFORMED_QUERY", f"value of filter criterion must be of type {kind} and should not be enclosed in quotes") from None
    if not re.fullmatch(r"'[^']*'", text):
        raise refusal(400, "MALFORMED_QUERY", f"value of filter criterion must be of type {kind} and should be enclosed in quotes")
    return text[1:-1]
