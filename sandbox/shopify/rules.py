"""The stand-in's rules that do not depend on what is in the shop: what a query costs and may cost, what the search finds, how Shopify says no.

Pages cited are those of shopify.dev, by title.
"""

from __future__ import annotations

import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any

from sandbox.shopify.graphql import Selected
from sandbox.shopify.schema import TYPES, Field
from sandbox.stand_in.state import Item

MOST_COST = 1000                 # "GraphQL Admin API rate limits", Single query limit
MUTATION_COST = 10               # same page, Cost calculation
MOST_NODES = 250                 # "Paginating results with GraphQL"
TERM = re.compile(r"(\w+):(>=|<=|>|<|)(?:'([^']*)'|\"([^\"]*)\"|(\S+))")
STAMPS = {"created_at": "createdAt", "updated_at": "updatedAt"}
COMPARED: Mapping[str, Callable[[Any, Any], bool]] = {
    "": lambda mine, asked: mine == asked, ">": lambda mine, asked: mine > asked, ">=": lambda mine, asked: mine >= asked,
    "<": lambda mine, asked: mine < asked, "<=": lambda mine, asked: mine <= asked,
}


class Refusal(Exception):
    """An answer with status 200, `errors` and no data. extensions: beside the errors."""

    def __init__(self, message: str, code: str, *, extensions: Mapping[str, Any] | None = None, **details: Any) -> None:
        super().__init__(message)
        self.code = code
        self.body: dict[str, Any] = {"errors": [{"message": message, "extensions": {"code": code, **details}}]}
        if extensions:
            self.body["extensions"] = extensions


def denied(field: str, scope: str) -> Refusal:
    """ "New error messages for GraphQL operations without necessary access scopes" (change log)."""
    need = f"`{scope}` access scope."
    return Refusal(f"Access denied for {field} field. Required access: {need}", "ACCESS_DENIED", requiredAccess=need)


def _unknown(name: str, of: str) -> Refusal:
    return Refusal(f"Field '{name}' doesn't exist on type '{of}'", "undefinedField", typeName=of, fieldName=name)


def checked(of: str, selected: Sequence[Selected], allows: Callable[[str], bool]) -> None:
    """Refuses fields and arguments that the schema has not, and fields whose scope the app has not."""
    for one in selected:
        owner = one.on or of
        field = TYPES.get(owner, {}).get(one.name)
        if field is None:
            raise _unknown(one.name, owner)
        for name in one.arguments:
            if name not in field.arguments:
                raise Refusal(f"Field '{one.name}' doesn't accept argument '{name}'", "argumentNotAccepted", name=one.name, argumentName=name)
        if bool(one.fields) != bool(field.of):
            raise Refusal(f"Field '{one.name}' must {'have' if field.of else 'not have'} selections", "selectionMismatch", nodeName=one.name)
        if field.scope and not allows(field.scope):
            raise denied(one.name, field.scope)
        if field.many == "connection":
            for part in one.fields:
                if part.name not in ("nodes", "edges", "pageInfo"):
                    raise _unknown(part.name, f"{field.of}Connection")
                inside = [node for edge in part.fields if edge.name == "node" for node in edge.fields] if part.name == "edges" else part.fields
                checked("PageInfo" if part.name == "pageInfo" else field.of, inside, allows)
        elif field.of:
            checked(field.of, one.fields, allows)


def nodes_of(connection: Selected) -> tuple[Selected, ...]:
    """What is selected of a connection's records, as `nodes` or as `edges { node }`."""
    parts = (*connection.fields, *(part for edges in connection.fields if edges.name == "edges" for part in edges.fields))
    return next((one.fields for one in parts if one.name in ("nodes", "node")), ())


def cost(of: str, selected: Sequence[Selected]) -> int:
    """What a query may cost at most ("GraphQL Admin API rate limits", Cost calculation): a scalar nothing, an object 1, a connection so much as `first` of
    its nodes, `nodes` so much as it names. That a connection itself costs 2 is Shopify Engineering's ("Rate Limiting GraphQL APIs by Calculating Query
    Complexity")."""
    return sum(_field_cost(TYPES[one.on or of][one.name], one) for one in selected)


def _field_cost(field: Field, one: Selected) -> int:
    if not field.of:
        return 0
    if field.many == "connection":
        return 2 + first_of(one) * (1 + cost(field.of, nodes_of(one)))
    return (len(one.arguments["ids"]) if "ids" in one.arguments else 1) * (1 + cost(field.of, one.fields))


def first_of(connection: Selected) -> int:
    first = connection.arguments.get("first")
    if not isinstance(first, int) or not 0 < first <= MOST_NODES:
        raise Refusal(f"you must provide one of first or last, from 1 to {MOST_NODES}", "BAD_REQUEST")
    return first


class Bucket:
    """The leaky bucket of one app in one shop. What a query may cost must be there; what it did not cost is given back."""

    def __init__(self, size: float, rate: float, *, real: Callable[[], float] = time.monotonic) -> None:
        self.size, self.rate, self._real, self._lock = size, rate, real, threading.Lock()
        self._left, self._at = size, real()

    def take(self, requested: int) -> None:
        if requested > MOST_COST:
            raise Refusal(f"Query cost is {requested}, which exceeds the single query max cost limit ({MOST_COST}).", "MAX_COST_EXCEEDED",
                          cost=requested, maxCost=MOST_COST)
        with self._lock:
            self._refill()
            if requested > self._left:
                raise Refusal("Throttled", "THROTTLED", extensions={"cost": self._told(requested, None)})
            self._left -= requested

    def settle(self, requested: int, actual: int) -> Mapping[str, Any]:
        """`extensions.cost` of an answer."""
        with self._lock:
            self._left = min(self.size, self._left + requested - actual)
            return self._told(requested, actual)

    def _told(self, requested: int, actual: int | None) -> Mapping[str, Any]:
        return {"requestedQueryCost": requested, "actualQueryCost": actual, "throttleStatus": {
            "maximumAvailable": self.size, "currentlyAvailable": int(self._left), "restoreRate": self.rate}}

    def _refill(self) -> None:
        now = self._real()
        self._left, self._at = min(self.size, self._left + self.rate * (now - self._at)), now


def searched(query: str | None) -> Callable[[Item], bool]:
    """ "Shopify API search syntax": terms are joined by AND. Of an item its id and its stamps."""
    tests: list[Callable[[Item], bool]] = []
    rest = TERM.sub("", query or "").replace("AND", "").strip()
    if rest:
        raise Refusal(f"this stand-in cannot search for {rest!r}", "BAD_REQUEST")
    for name, comparator, *values in TERM.findall(query or ""):
        asked, compare = next(filter(None, values), ""), COMPARED[comparator]
        if name == "id":
            tests.append(_test(compare, int(asked), lambda item: item["id"]))
        elif name in STAMPS:
            tests.append(_test(compare, datetime.fromisoformat(asked), _stamp(STAMPS[name])))
        else:
            raise Refusal(f"this stand-in cannot search by {name}", "BAD_REQUEST")
    return lambda item: all(test(item) for test in tests)


def behind(query: str | None) -> int:
    """The id behind which all of a search's results lie, so that it need not look at everything."""
    return max((int("".join(values)) for name, comparator, *values in TERM.findall(query or "") if (name, comparator) == ("id", ">")), default=-1)


def _stamp(field: str) -> Callable[[Item], Any]:
    return lambda item: datetime.fromisoformat(item[field])


def _test(compare: Callable[[Any, Any], bool], asked: Any, mine: Callable[[Item], Any]) -> Callable[[Item], bool]:
    return lambda item: compare(mine(item), asked)
