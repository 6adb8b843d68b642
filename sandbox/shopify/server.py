"""The stand-in's answers: POST /admin/api/<version>/graphql.json, the files of bulk operations, and /sandbox/clock for whoever plays the company.

What is answered is what was selected, nothing else. Pages cited are those of shopify.dev, by title.
"""

from __future__ import annotations

import base64
import hmac
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from sandbox.shopify.bulk import Operations
from sandbox.shopify.graphql import Selected, Unreadable, is_mutation, parse
from sandbox.shopify.rules import MUTATION_COST, Bucket, Refusal, behind, checked, cost, first_of, nodes_of, searched
from sandbox.shopify.schema import ROOTS, TYPES, Field
from sandbox.shopify.shop import ORDERS_SHOWN, Shop
from sandbox.stand_in.limits import Failure, json_object
from sandbox.stand_in.serving import Routes
from sandbox.stand_in.state import Item

OLDEST = "2026-01"               # of the versions that are still answered: each for 12 months ("About Shopify API versioning", Release schedule)
UNAUTHORIZED = Failure(401, {"errors": "[API] Invalid API key or access token (unrecognized login or wrong password)"})
NOT_FOUND = Failure(404, {"errors": "Not Found"})


class Api:
    """hollow: root fields whose next page is empty and not the last. failing: raised by the next queries, one each. costs, refused: of the queries so far,
    what they brought, or the code of what they were refused for."""

    def __init__(self, shop: Shop, token: str, *, bucket: Bucket | None = None, oldest: str = OLDEST) -> None:
        self.shop, self._token, self.bucket, self._oldest = shop, token, bucket or Bucket(2000, 100), oldest
        self.hollow: set[str] = set()
        self.failing: list[Refusal] = []
        self.costs: list[int] = []
        self.refused: list[str] = []
        self.bulk = Operations(shop.state, search=self._found, show=lambda of, item, selected: self._object(of, item, selected, [0]))
        self._routes = Routes(("POST", "/admin/api/([^/]+)/graphql.json", self._graphql), ("POST", "/sandbox/clock", self._set_clock),
                              ("GET", "/sandbox/clock", self._clock), ("GET", r"/bulk/(\d+)\.jsonl", self._file))

    def answer(self, method: str, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], Any]:
        try:
            found = self._routes.find(method, urlsplit(url).path)
            if found is None:
                raise NOT_FOUND
            function, groups = found
            said: tuple[int, Mapping[str, str], Any] = function(headers, body, *groups)
            return said
        except Failure as refused:
            return refused.status, refused.headers, refused.body

    def _clock(self, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], Any]:
        return 200, {}, {"now": self.shop.state.now().isoformat()}

    def _set_clock(self, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], Any]:
        self.shop.state.set_clock(datetime.fromisoformat(json.loads(body)["now"]))
        return self._clock(headers, body)

    def _file(self, headers: Mapping[str, str], body: bytes, identity: str) -> tuple[int, Mapping[str, str], Any]:
        """Shopify's files lie on another host, which is not to see the app's token."""
        content = None if "X-Shopify-Access-Token" in headers else self.bulk.download(int(identity))
        return (400, {}, "<Error><Code>ExpiredToken</Code></Error>") if content is None else (200, {}, content)

    def _graphql(self, headers: Mapping[str, str], body: bytes, version: str) -> tuple[int, Mapping[str, str], Any]:
        """ "About Shopify API versioning", Version stability: a version that is not answered any more falls forward to the oldest that is."""
        if not hmac.compare_digest(headers.get("X-Shopify-Access-Token", "").encode(), self._token.encode()):
            raise UNAUTHORIZED
        said = {"X-Shopify-API-Version": max(version, self._oldest)}
        question = json_object(body, lambda reason: Failure(400, {"errors": reason}))
        try:
            if self.failing:
                raise self.failing.pop(0)
            document = str(question.get("query", ""))
            selected, of = parse(document, question.get("variables") or {}), "Mutation" if is_mutation(document) else "QueryRoot"
            self._may(selected, of)
            requested = MUTATION_COST if of == "Mutation" else cost(of, selected)
            self.bucket.take(requested)
            spent = [MUTATION_COST if of == "Mutation" else 0]
            self.bulk.here = f"http://{headers.get('Host')}"
            data = self._root(selected, spent)
            self.costs.append(spent[0])
            return 200, said, {"data": data, "extensions": {"cost": self.bucket.settle(requested, spent[0])}}
        except Unreadable as error:
            return 200, said, Refusal(str(error), "parseError").body
        except Refusal as refusal:
            self.refused.append(refusal.code)
            return 200, said, refusal.body

    def _may(self, selected: Sequence[Selected], of: str = "QueryRoot") -> None:
        checked(of, selected, lambda scope: scope in self._scopes())

    # ---- what was selected

    def _root(self, selected: Sequence[Selected], spent: list[int]) -> Item:
        found: Item = {}
        for one in selected:
            match one.name:
                case "shop":
                    found[one.alias] = self._object("Shop", self.shop.state.items("Shop")[0], one.fields, spent)
                case "currentAppInstallation":
                    said = {"id": 1, "accessScopes": [{"handle": scope} for scope in self._scopes()]}
                    found[one.alias] = self._object("AppInstallation", said, one.fields, spent)
                case "node":
                    found[one.alias] = self._node(str(one.arguments.get("id")), one.fields, spent)
                case "nodes":
                    found[one.alias] = [self._node(gid, one.fields, spent) for gid in one.arguments["ids"]]
                case "bulkOperationRunQuery":
                    payload = self.bulk.run(one.arguments["query"], self._may)
                    found[one.alias] = self._object("BulkOperationRunQueryPayload", payload, one.fields, [0])
                case "bulkOperations":
                    found[one.alias] = self._page(one, "BulkOperation", self.bulk.newest(first_of(one)), None, False, spent)
                case _:
                    found[one.alias] = self._roots(one, spent)
        return found

    def _roots(self, one: Selected, spent: list[int]) -> Item:
        """Records by id. A search looks into an index, which learns of a change later than the record does; a list without one does not."""
        of, after, first = ROOTS[one.name], max(behind(one.arguments.get("query")), _behind(one.arguments.get("after"))), first_of(one)
        if one.name in self.hollow:
            self.hollow.discard(one.name)
            return self._page(one, of, [], _cursor(after), True, spent)
        found = self._found(one, after, first + 1)
        return self._page(one, of, found[:first], _cursor(found[:first][-1]["id"]) if found else None, len(found) > first, spent)

    def _found(self, one: Selected, after: int, most: int) -> list[Item]:
        of, query, now = ROOTS[one.name], one.arguments.get("query"), int(self.shop.state.now().timestamp())
        test, seen = searched(query), self._seen(of, now)
        return self.shop.state.items(of, after=max(after, behind(query)), most=most,
                                     where=lambda item: seen(item) and (not query or item["found_from"] <= now) and test(item))

    def _seen(self, of: str, now: int) -> Any:
        if of != "Order" or "read_all_orders" in self._scopes():
            return lambda item: True
        return lambda item: datetime.fromisoformat(item["createdAt"]).timestamp() >= now - ORDERS_SHOWN

    def _node(self, gid: str, selected: Sequence[Selected], spent: list[int]) -> Item | None:
        """Any object by its global id; what stands inside of another record is looked for there."""
        _, _, _, of, identity = gid.split("/")
        item = self.bulk.look(int(identity)) if of == "BulkOperation" else self.shop.state.get(of, int(identity)) or self._inside(of, int(identity))
        return self._object(of, item, [one for one in selected if one.on == of], spent) if item else None

    def _inside(self, of: str, identity: int) -> Item | None:
        orders = self.shop.state.items("Order") if of == "Refund" else []
        return next((item for order in orders for item in order.get("refunds", ()) if item["id"] == identity), None)

    def _page(self, one: Selected, of: str, items: Sequence[Item], end: str | None, more: bool, spent: list[int]) -> Item:
        spent[0] += 2
        nodes = [self._object(of, item, nodes_of(one), spent) for item in items]
        info: Item = {"hasNextPage": more, "endCursor": end}
        return {part.alias: nodes if part.name == "nodes" else {told.alias: info[told.name] for told in part.fields} for part in one.fields}

    def _object(self, of: str, item: Item, selected: Sequence[Selected], spent: list[int]) -> Item:
        spent[0] += 1
        return {one.alias: self._value(of, TYPES[of][one.name], item, one, spent) for one in selected}

    def _value(self, of: str, field: Field, item: Item, one: Selected, spent: list[int]) -> Any:
        if one.name == "id":
            return f"gid://shopify/{of}/{item['id']}"
        if one.name == "metafield":
            value = item.get("metafields", {}).get(f"{one.arguments['namespace']}.{one.arguments['key']}")
            return None if value is None else self._object("Metafield", {"value": value}, one.fields, spent)
        value = item.get(one.name)
        if field.many == "connection":
            first, after, found = first_of(one), max(0, _behind(one.arguments.get("after"))), value or []
            end = after + len(found[after:after + first])
            return self._page(one, field.of, found[after:end], _cursor(end), end < len(found), spent)
        if field.many == "list":
            found = [entry for entry in value or [] if "names" not in one.arguments or entry["name"] in one.arguments["names"]]
            spent[0] -= max(0, len(found[:one.arguments.get("first")]) - 1)     # a list costs what one object does
            return [self._object(field.of, entry, one.fields, spent) for entry in found[:one.arguments.get("first")]]
        return value if value is None or not field.of else self._object(field.of, value, one.fields, spent)

    def _scopes(self) -> list[str]:
        scopes: list[str] = self.shop.state.fact("scopes", [])
        return scopes


def _cursor(after: int) -> str:
    """Opaque, as the vendor's."""
    return base64.b64encode(json.dumps({"last_id": after}).encode()).decode()


def _behind(cursor: str | None) -> int:
    return int(json.loads(base64.b64decode(cursor))["last_id"]) if cursor else -1
