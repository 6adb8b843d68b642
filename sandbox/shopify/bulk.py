"""Bulk operations ("Perform bulk operations with the GraphQL Admin API", "BulkOperation"; pages of shopify.dev): a query that the shop works through by
itself, here a piece whenever somebody looks at it, on the records as they then are; and a file of what it found.

Operations are kept in memory: a server that starts anew has forgotten them, as Shopify has after seven days.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sandbox.shopify.graphql import Selected, Unreadable, parse
from sandbox.shopify.rules import nodes_of
from sandbox.shopify.schema import ROOTS, TYPES
from sandbox.stand_in.state import Item, State

AT_A_TIME = 5                    # "Limitations": from version 2026-01 on
MOST_CONNECTIONS, DEEPEST = 5, 2  # "Operation restrictions"
KEPT_FOR = 7 * 86_400            # seconds; "BulkOperation": results expire after seven days
DONE = ("COMPLETED", "FAILED", "CANCELED", "EXPIRED")


@dataclass
class Operation:
    """fate: what becomes of it, see Operations."""

    id: int
    query: str
    selected: Selected
    began: float
    fate: str
    status: str = "CREATED"
    error: str | None = None
    last: int = -1
    roots: list[Item] = field(default_factory=list)
    parts: list[Item] = field(default_factory=list)
    content: bytes = b""


@dataclass
class Operations:
    """search, show: the shop's own: records of a query behind an id; what is selected of one.

    pace: records that an operation gets through between two looks. busy: so many starts from now on are refused, because others are running. fates: of the
    next operations, one each: 'FAILED' or 'CANCELED' on the way, 'EXPIRED' when it is looked at, 'forgotten', 'unreachable' file, 'cut' in mid-line,
    'short' of a line, 'orphan' whose parent is missing, '' for none. here: where the server was asked. host: of the links to files, where it
    is another one.
    """

    state: State
    search: Callable[[Selected, int, int], list[Item]]
    show: Callable[[str, Item, Sequence[Selected]], Item]
    pace: int = 1000
    busy: int = 0
    fates: list[str] = field(default_factory=list)
    started: list[Operation] = field(default_factory=list)
    downloads: int = 0
    here: str = ""
    host: str = ""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    def run(self, query: str, may: Callable[[Sequence[Selected]], None]) -> Item:
        """The payload of bulkOperationRunQuery. may: raises where the app may not ask this."""
        with self._lock:
            try:
                selected = parse(query, {})
            except Unreadable as error:
                return _refused("INVALID", f"Invalid bulk query: {error}")
            wrong = _restricted(selected)
            if wrong:
                return _refused("INVALID", wrong)
            may(selected)
            if self.busy or sum(one.status not in DONE for one in self.started) >= AT_A_TIME:
                self.busy = max(0, self.busy - 1)
                return _refused("LIMIT_REACHED", "Bulk operations limit reached. Please try again later.")
            (identity,) = self.state.next_ids("BulkOperation", first=1001)
            one = Operation(id=identity, query=query, selected=selected[0], began=self.state.now().timestamp(), fate=self.fates.pop(0) if self.fates else "")
            self.started.append(one)
            self._work(one)
            return {"bulkOperation": self._told(one), "userErrors": []}

    def look(self, identity: int) -> Item | None:
        with self._lock:
            one = next((one for one in self.started if one.id == identity and one.fate != "forgotten"), None)
            if one is None:
                return None
            if one.status == "RUNNING":
                self._work(one)
            elif one.status == "CREATED":
                one.status = "RUNNING"
            if one.status == "COMPLETED" and (one.fate == "EXPIRED" or self.state.now().timestamp() > one.began + KEPT_FOR):
                one.status = "EXPIRED"
            return self._told(one)

    def newest(self, count: int) -> list[Item]:
        """ "bulkOperations": newest first."""
        with self._lock:
            return [self._told(one) for one in reversed(self.started)][:count]

    def download(self, identity: int) -> bytes | None:
        """The file of an operation; None where its link leads nowhere any more."""
        self.downloads += 1
        one = next((one for one in self.started if one.id == identity), None)
        return None if one is None or one.status != "COMPLETED" or one.fate == "unreachable" else one.content

    # ---- at work

    def _work(self, one: Operation) -> None:
        found = self.search(one.selected, one.last, self.pace)
        of = ROOTS[one.selected.name]
        for item in found:
            one.last = item["id"]
            one.roots.append(self._line(of, item, nodes_of(one.selected), one.parts))
        if found and one.fate in ("FAILED", "CANCELED"):
            one.status, one.error = one.fate, "INTERNAL_SERVER_ERROR" if one.fate == "FAILED" else None
        elif len(found) < self.pace:
            one.content, one.status = _file(one), "COMPLETED"

    def _line(self, of: str, item: Item, selected: Sequence[Selected], parts: list[Item]) -> Item:
        """A record without its connections, whose nodes become lines of their own."""
        line = self.show(of, item, [one for one in selected if TYPES[of][one.name].many != "connection"])
        for one in selected:
            inside = TYPES[of][one.name]
            if inside.many == "connection":
                owner = f"gid://shopify/{of}/{item['id']}"
                parts += [{**self._line(inside.of, part, nodes_of(one), parts), "__parentId": owner} for part in item.get(one.name) or []]
        return line

    def _told(self, one: Operation) -> Item:
        """As of a BulkOperation; numbers of 64 bits are texts. The first line of what failed, cut, is all that partialDataUrl has."""
        is_whole, has_lines = one.status == "COMPLETED", bool(one.roots)
        objects = len(one.roots) + len(one.parts)
        url = f"{self.host or self.here}/bulk/{one.id}.jsonl?signature=0123456789abcdef" if has_lines else None
        return {"id": one.id, "status": one.status, "query": one.query, "errorCode": one.error, "type": "QUERY", "objectCount": str(objects),
                "rootObjectCount": str(len(one.roots)), "fileSize": str(len(one.content)) if is_whole and has_lines else None,
                "url": url if is_whole else None, "partialDataUrl": url if one.status == "FAILED" else None}


def _file(one: Operation) -> bytes:
    """Parts stand behind their parents, though not right behind them."""
    lines = [json.dumps(line, ensure_ascii=False).encode() for line in (*one.roots, *one.parts)]
    if one.fate == "orphan":
        lines[0] = json.dumps({"id": "gid://shopify/LineItem/1", "__parentId": "gid://shopify/Order/1"}).encode() if lines else b""
        one.parts.append(one.roots.pop(0))
    if one.fate == "short":
        del lines[-1:]
    content = b"".join(line + b"\n" for line in lines)
    return content[:-3] if one.fate == "cut" else content


def _refused(code: str, message: str) -> Item:
    return {"bulkOperation": None, "userErrors": [{"code": code, "message": message, "field": ["query"]}]}


def _restricted(selected: Sequence[Selected]) -> str:
    """ "Operation restrictions": why a bulk query is refused, in Shopify's words as its callers report them; '' if it is not."""
    if len(selected) != 1 or selected[0].name not in ROOTS:
        return "Bulk queries must contain at least one connection."
    depths: list[int] = []
    in_list = _walk("QueryRoot", selected, 0, False, depths)
    if in_list:
        return "Queries that contain a connection field within a list field are not currently supported."
    if len(depths) > MOST_CONNECTIONS:
        return f"Bulk queries cannot contain more than {MOST_CONNECTIONS} connections."
    if max(depths) > DEEPEST + 1:
        return f"Bulk queries cannot contain connections with a nesting depth greater than {DEEPEST}."
    return ""


def _walk(of: str, selected: Sequence[Selected], depth: int, in_list: bool, depths: list[int]) -> bool:
    """Notes how deep each connection stands. Returns whether one stands in a list."""
    found = False
    for one in selected:
        inside = TYPES.get(of, {}).get(one.name)
        if inside is None or not inside.of:
            continue
        if inside.many == "connection":
            depths.append(depth + 1)
            found |= in_list or _walk(inside.of, nodes_of(one), depth + 1, False, depths)
        else:
            found |= _walk(inside.of, one.fields, depth, in_list or inside.many == "list", depths)
    return found
