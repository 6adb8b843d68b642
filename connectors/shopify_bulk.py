"""Shopify's bulk operations: a query that Shopify runs by itself, and whose results it puts into one file (pages of shopify.dev, by title).

    start     bulkOperationRunQuery; the operation is landed as the stream's position before anything else, so whoever goes on after a death waits for
              the same one. One that died in between is found by its query, which names the window ("bulkOperations"), and taken over.
    wait      "Perform bulk operations with the GraphQL Admin API", Poll a running bulk operation: `status`, and that costs one point
    download  one JSON object a line; what a nested connection holds stands on lines of its own with `__parentId`, not always right behind its parent
              ("bulkOperationRunQuery", groupObjects: grouping makes time-outs likelier). The file lies on another host: it is asked for without credentials.

Records come out in the order of ids, whatever the order of the file, so that a position is an id as it is between pages: the lines are sorted in SQLite's
temporary database, which has no name on disk, is gone with the process, and keeps memory flat.

A file is believed when it is whole: `fileSize` bytes, `objectCount` lines, `rootObjectCount` records without a parent, every parent there, and every line
JSON. An operation that fails tells a `partialDataUrl` ("BulkOperation"; errorCode: "partial or incomplete data"): which of its last records have all their
lines it does not tell, so nothing of it is taken. What goes wrong is tried once more with a new operation, and then GaveUp says why: pages bring the rest.

"Operation restrictions": at most five connections, nested two deep; `first` is not needed; no connection inside of a list (Refund.refundLineItems is one:
Order.refunds is a list). In versions from 2026-01 an app may have five operations a shop at a time; more are refused (LIMIT_REACHED) and waited for.
"""

from __future__ import annotations

import itertools
import json
import math
import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from operator import itemgetter
from typing import Any

from connectors.answers import field_of, parsed
from connectors.elsewhere import pieces
from connectors.rest import Rest
from connectors.shopify_graphql import Graphql
from connectors.shopify_records import LARGEST, number, odd
from connectors.shopify_streams import KEPT_IN, NESTED, Asked, connection
from connectors.stream import Json, Record, UnexpectedShape, Unreachable

OPERATIONS = 2                   # a stream's window may take: one that failed may be asked for again ("BulkOperationErrorCode", INTERNAL_SERVER_ERROR)
DOWNLOADS = 3                    # of one file
FIRST_LOOK, LAST_LOOK = 2.0, 60.0        # seconds between two looks, doubling
PATIENCE = 4 * 3600.0            # seconds that one run waits for an operation; it may take ten days (Limitations), and the next run goes on waiting
BUSY = 900.0                     # seconds that one run waits for one of the app's own operations to make room
START = "mutation($query: String!) { bulkOperationRunQuery(query: $query) { bulkOperation { id } userErrors { code message } } }"
OURS = 'query { bulkOperations(first: 20, query: "operation_type:query") { nodes { id status query } pageInfo { hasNextPage } } }'
LOOK = "query($id: ID!) { node(id: $id) { ... on BulkOperation { status errorCode objectCount rootObjectCount fileSize url } } }"
UNDER_WAY = ("CREATED", "RUNNING", "CANCELING")


class GaveUp(Exception):
    """The rest of the window is to be read page by page; why, in words for the night's report."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """What a position remembers of one. number: of this window's operations, from 1."""

    id: str
    number: int = 1


@dataclass(frozen=True, kw_only=True)
class Part:
    """Records in the order of ids, each with its connections as lists, and the operation that they are of."""

    records: Sequence[Record]
    operation: Operation


def query_of(asked: Asked, selected: str, terms: Sequence[str], until: datetime) -> str:
    """The bulk query of a stream: connections as `edges { node }`, of a list that holds connections the ids alone. Its name tells the window's end."""
    for whole, ids in asked.apart.values():
        selected = selected.replace(whole, ids)
    for name, (_, inside) in NESTED.get(asked.of, {}).items():
        selected = selected.replace(connection(asked.of, name), f"{name} {{ edges {{ node {{ {inside} }} }} }}")
    search = f"(query: {json.dumps(' AND '.join(terms))})" if terms else ""
    return f"query Until{math.ceil(until.timestamp())} {{ {asked.root}{search} {{ edges {{ node {{ {selected} }} }} }} }}"


class Bulk:
    """Safe to use from several threads: each brings an operation of its own."""

    def __init__(self, rest: Rest, graphql: Graphql, *, source: str, sleep: Callable[[float], None]) -> None:
        self._rest, self._graphql, self._source, self._sleep = rest, graphql, source, sleep

    def parts(self, ask: Callable[[int], str], asked: Asked, connections: Sequence[str], last: int, operation: Operation | None, stream: str) -> Iterator[Part]:
        """The records behind the id `last`. ask: the query behind an id. operation: to go on with. Raises GaveUp."""
        started = 0 if operation is None else operation.number
        while True:
            if operation is None:
                known = self._taken_over(ask(last), stream) if started == 0 else None
                operation = Operation(id=known or self._started(ask(last), stream), number=started + 1)
                yield Part(records=[], operation=operation)
            try:
                for records in self._records(operation, asked, connections, last, stream):
                    yield Part(records=records, operation=operation)
                    last = number(records[-1])
                return
            except _Failed as failure:
                started, operation = operation.number, None
                if started >= OPERATIONS:
                    raise GaveUp(f"{failure}: what was left is read page by page") from None

    # ---- start

    def _taken_over(self, query: str, stream: str) -> str | None:
        """An operation with this very query, of a run that died before it could remember it."""
        listed = field_of(self._graphql.ask(OURS, {}, stream=stream), "bulkOperations", dict, lambda what: self._odd(what, stream))
        return next((str(one["id"]) for one in field_of(listed, "nodes", list, lambda what: self._odd(what, stream))
                     if one.get("query") == query and one.get("status") in (*UNDER_WAY[:2], "COMPLETED")), None)

    def _started(self, query: str, stream: str) -> str:
        for pause in _pauses(BUSY):
            said = field_of(self._graphql.ask(START, {"query": query}, stream=stream), "bulkOperationRunQuery", dict, lambda what: self._odd(what, stream))
            errors = said.get("userErrors") or []
            if not errors:
                operation = field_of(said, "bulkOperation", dict, lambda what: self._odd(what, stream))
                return str(field_of(operation, "id", str, lambda what: self._odd(what, stream)))
            if errors[0].get("code") not in ("LIMIT_REACHED", "OPERATION_IN_PROGRESS"):
                raise GaveUp(f"Shopify refuses the bulk operation ({self._rest.redact(str(errors[0].get('message')))}): read page by page")
            self._sleep(pause)
        raise GaveUp("other bulk operations of our app left no room for this one: read page by page")

    # ---- wait

    def _finished(self, operation: Operation, stream: str) -> Mapping[str, Any]:
        """The operation, completed. Raises _Failed, and Unreachable where it takes longer than one run waits."""
        for pause in _pauses(PATIENCE):
            told = self._graphql.ask(LOOK, {"id": operation.id}, stream=stream)
            if "node" not in told:
                raise self._odd("the answer has no 'node'", stream)
            node = told["node"]
            if not node or node.get("status") == "EXPIRED":
                raise _Failed("Shopify does not keep the bulk operation's results any more")
            if node.get("status") == "COMPLETED":
                return dict(node)
            if node.get("status") not in UNDER_WAY:
                raise _Failed(f"the bulk operation ended as {node.get('status')} ({node.get('errorCode') or 'no reason given'})")
            self._sleep(pause)
        raise Unreachable(f"Shopify has been at work on a bulk operation for more than {PATIENCE / 3600:.0f} hours", source=self._source, stream=stream,
                          mend="nothing was lost; the next run goes on waiting for it")

    # ---- download

    def _records(self, operation: Operation, asked: Asked, connections: Sequence[str], last: int, stream: str) -> Iterator[Sequence[Record]]:
        lines = self._downloaded(operation, stream)
        try:
            found = lines.execute("select root, body from lines where root > ? order by root, is_part, place", [last])
            fields = KEPT_IN.get(asked.of, {})
            records = (_joined([parsed(body) for _, body in group], fields, connections) for _, group in itertools.groupby(found, key=itemgetter(0)))
            while page := [*itertools.islice(records, LARGEST)]:
                yield page
        finally:
            lines.close()

    def _downloaded(self, operation: Operation, stream: str) -> sqlite3.Connection:
        """The whole file, a line a row. Raises _Failed where it cannot be had whole."""
        failure: Exception | None = None
        for pause in _pauses(PATIENCE, most=DOWNLOADS):
            told = self._finished(operation, stream)       # again each time: a link may have expired while we waited
            lines = sqlite3.connect("")
            try:
                lines.execute("create table lines (place integer primary key, root integer, is_part integer, body blob)")
                if told.get("url"):
                    self._rest.note_request(stream)
                    with pieces(str(told["url"]), source=self._source, stream=stream) as found:
                        lines.executemany("insert into lines (root, is_part, body) values (?, ?, ?)", map(_row, _lines(found, _count(told, "fileSize"))))
                lines.execute("create index by_root on lines (root, is_part, place)")
                _whole(lines, told)
                return lines
            except (_Torn, Unreachable) as torn:
                lines.close()
                failure = torn
                self._sleep(pause)
        raise _Failed(f"the bulk operation's results could not be downloaded: {failure}")

    def _odd(self, what: str, stream: str) -> UnexpectedShape:
        return odd(what, source=self._source, stream=stream)


class _Failed(Exception):
    """An operation that came to nothing."""


class _Torn(Exception):
    """A file that is not what the operation says of it."""


def _pauses(total: float, most: int = 10**6) -> Iterator[float]:
    """Seconds to wait between two tries, doubling to LAST_LOOK, `total` of them together."""
    waited, pause = 0.0, FIRST_LOOK
    for _ in range(most):
        if waited > total:
            return
        yield pause
        waited, pause = waited + pause, min(2 * pause, LAST_LOOK)


def _lines(found: Iterator[bytes], size: int) -> Iterator[bytes]:
    rest, read = b"", 0
    for piece in found:
        read += len(piece)
        if read > size:
            raise _Torn(f"more than the {size} bytes that it should have")
        *whole, rest = (rest + piece).split(b"\n")
        yield from filter(None, whole)
    if read != size:
        raise _Torn(f"{read} of {size} bytes")
    if rest:
        yield rest


def _row(line: bytes) -> tuple[int, bool, bytes]:
    """(id of the record that the line is of, whether it is a part of it, the line)."""
    try:
        found = parsed(line)
        parent = found.get("__parentId")
        return number({"id": parent} if parent else found), bool(parent), line
    except (ValueError, RecursionError, AttributeError, KeyError):
        raise _Torn("a line that is no record") from None


def _count(told: Mapping[str, Any], name: str) -> int:
    try:
        return int(told.get(name) or 0)      # UnsignedInt64 comes as a text
    except (TypeError, ValueError):
        raise _Torn(f"its {name} is no number") from None


def _whole(lines: sqlite3.Connection, told: Mapping[str, Any]) -> None:
    for name, question in (("objectCount", "select count(*) from lines"), ("rootObjectCount", "select count(*) from lines where not is_part")):
        found, wanted = lines.execute(question).fetchone()[0], _count(told, name)
        if found != wanted:
            raise _Torn(f"{found} objects where {name} is {wanted}")
    if lines.execute("select 1 from lines as part where is_part and not exists (select 1 from lines where root = part.root and not is_part)").fetchone():
        raise _Torn("a line whose parent is missing")


def _joined(found: Sequence[Record], fields: Mapping[str, str], connections: Sequence[str]) -> dict[str, Json]:
    """A record's lines as one record. fields: by the type of a part."""
    record: dict[str, Any] = {**found[0], **{name: [] for name in connections}}
    for part in found[1:]:
        kept = {name: value for name, value in part.items() if name != "__parentId"}
        record[fields[kept["id"].split("/")[3]]].append(kept)
    return record
