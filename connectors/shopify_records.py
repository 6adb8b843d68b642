"""Records out of Shopify's connections: page by page as large as it allows, and each with all that it contains."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from connectors.answers import field_of
from connectors.rest import LoopGuard
from connectors.shopify_graphql import Graphql, TooCostly
from connectors.shopify_streams import NESTED, Asked
from connectors.stream import Json, Record, Stream, UnexpectedShape

LARGEST = 250                    # nodes a page, and ids a question ("Paginating results with GraphQL"; "Shopify API limits", Input limits)
REST_OF_A_CONNECTION = 50        # nodes a request
PAGED = "pageInfo { hasNextPage endCursor }"


def odd(what: str, *, source: str, stream: str) -> UnexpectedShape:
    return UnexpectedShape(what, source=source, stream=stream, mend="see Shopify's change log; nothing was lost, the next run asks again")


def number(record: Record) -> int:
    """gid://shopify/Order/1001 -> 1001"""
    return int(record["id"].rpartition("/")[2])


def behind_id(terms: Sequence[str], last: int) -> list[str]:
    """The search's terms for what comes behind an id, in the order of ids."""
    return [*terms, *([f"id:>{last}"] if last else [])]


class Records:
    """page_size: at most so many a request; Shopify says where that is too many."""

    def __init__(self, graphql: Graphql, *, source: str, page_size: int) -> None:
        self._graphql, self._source, self._page_size = graphql, source, page_size
        self._sizes: dict[str, int] = {}         # query -> records a request, where Shopify said so

    def pages(self, stream: Stream, asked: Asked, selected: str, terms: Sequence[str], last: int) -> Iterator[list[Record]]:
        """Pages in the order of ids; of what is read whole in the order that Shopify gives it, by its cursors."""
        arguments = ", ".join(filter(None, ("first: $first, after: $after, query: $query", asked.arguments)))
        query = f"query($first: Int!, $after: String, $query: String) {{ {asked.root}({arguments}) {{ nodes {{ {selected} }} {PAGED} }} }}"
        guard, token = LoopGuard(source=self._source, stream=stream.name), None
        while True:
            guard.see([last, token])
            search = " AND ".join(behind_id(terms, last))
            data, _ = self._sized(query, {"after": token, "query": search or None}, stream.name)
            nodes, token = self._nodes(data.get(asked.root), stream.name)
            if stream.cursor and nodes:
                try:
                    ids = [number(node) for node in nodes]
                except (KeyError, ValueError, AttributeError):
                    raise self._odd("a record has no id that is a global one", stream.name) from None
                if ids != sorted(set(ids)) or ids[0] <= last:
                    raise self._odd("a page is not in the order of ids that was asked for", stream.name)
                last = ids[-1]
            if nodes or token is None:
                yield nodes
            if token is None:
                return
            if stream.cursor and nodes:         # an empty page that is not the last has no id to go on from
                token = None

    def by_id(self, of: str, ids: Sequence[str], selected: str, stream: str) -> list[Record]:
        """The records of these ids; what is not there any more is missed when ids are compared."""
        query, found = f"query($ids: [ID!]!) {{ nodes(ids: $ids) {{ ... on {of} {{ {selected} }} }} }}", list[Record]()
        while ids:
            data, size = self._sized(query, {}, stream, ids=ids)
            found += [node for node in field_of(data, "nodes", list, lambda what: self._odd(what, stream)) if node]
            ids = ids[size:]
        return found

    def whole(self, record: Record, stream: str) -> dict[str, Any]:
        """A record with its connections as lists, to their ends: cursors would change from night to night."""
        return {name: self._whole_value(record, name, value, stream) for name, value in record.items()}

    # ---- small parts

    def _sized(self, query: str, variables: Mapping[str, Json], stream: str, ids: Sequence[str] | None = None) -> tuple[dict[str, Any], int]:
        """(data, how many were asked for): the first records, or those of the first ids, as many as Shopify allows at once."""
        while True:
            size = min(self._page_size, self._sizes.get(query, LARGEST), LARGEST if ids is None else len(ids))
            asked: Mapping[str, Json] = {"first": size} if ids is None else {"ids": [*ids[:size]]}
            try:
                return self._graphql.ask(query, {**variables, **asked}, stream=stream), size
            except TooCostly as refusal:
                if size == 1:
                    raise
                self._sizes[query] = max(1, math.floor(size * refusal.share))

    def _nodes(self, connection: Json, stream: str) -> tuple[list[Record], str | None]:
        """(nodes, cursor of the next page or None)."""
        def wrong(what: str) -> UnexpectedShape:
            return self._odd(what, stream)

        nodes, info = field_of(connection, "nodes", list, wrong), field_of(connection, "pageInfo", dict, wrong)
        if not all(isinstance(node, dict) for node in nodes):
            raise wrong("a page holds something that is no record")
        return nodes, field_of(info, "endCursor", str, wrong) if field_of(info, "hasNextPage", bool, wrong) else None

    def _whole_value(self, owner: Record, name: str, value: Json, stream: str) -> Json:
        if isinstance(value, list):
            return [self.whole(entry, stream) if isinstance(entry, dict) else entry for entry in value]
        if not isinstance(value, dict):
            return value
        if "pageInfo" not in value:
            return self.whole(value, stream)
        nodes, token = self._nodes(value, stream)
        guard = LoopGuard(source=self._source, stream=stream)
        while token is not None:
            guard.see(token)
            found, token = self._rest_of(owner["id"], name, token, stream)
            nodes = nodes + found
        return [self.whole(node, stream) for node in nodes]

    def _rest_of(self, owner: str, name: str, token: str, stream: str) -> tuple[list[Record], str | None]:
        of = owner.split("/")[3]
        paged = f"{name}(first: $first, after: $after) {{ nodes {{ {NESTED[of][name][1]} }} {PAGED} }}"
        query = f"query($id: ID!, $first: Int!, $after: String) {{ node(id: $id) {{ ... on {of} {{ {paged} }} }} }}"
        node = self._graphql.ask(query, {"id": owner, "first": REST_OF_A_CONNECTION, "after": token}, stream=stream)["node"]
        # deleted since the page before: it is missed when ids are compared
        return self._nodes(node.get(name), stream) if node else ([], None)

    def _odd(self, what: str, stream: str) -> UnexpectedShape:
        return odd(what, source=self._source, stream=stream)
