"""Shopify: the stand-in, a shop with nothing but its name in it. Orders have more lines, and refunds more of them, than come in one piece."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import shopify
from connectors.shopify_streams import ASKED, LAG
from connectors.stream import Json
from sandbox.shopify import shop as shops
from sandbox.shopify.graphql import Selected, parse
from sandbox.shopify.rules import nodes_of
from sandbox.shopify.schema import ROOTS, TYPES
from sandbox.stand_in.state import Item
from tests.length import IS_DRILL
from tests.sandbox.shopify.store import Running, store

LATE = timedelta(minutes=10)     # how far the index may lag behind a record that `late` makes
FREE_TEXT = {"shop": "name", "locations": "name", "products": "title", "inventory_items": "sku", "inventory_levels": "sku",
             "customers": "lastName", "orders": "name"}
# Streams differ in how they are read: as one object, whole, by id with and without connections inside. `make drill` takes all.
DIFFERENT = ("shop", "inventory_levels", "customers", "orders")
MONEY = shops.money("10.00", "EUR", "11.50", "USD")


class ShopifySubject:
    kind = "shopify"
    safe_after = LATE + timedelta(seconds=1)

    def __init__(self, running: Running, streams: Sequence[str]) -> None:
        self._store, self._shop, self.url, self.streams = running, running.shop, running.url, tuple(streams)
        self._turn = 0
        assert LATE < LAG

    def connect(
        self, *, url: str | None = None, memory: Callable[[str], Json] | None = None, now: Callable[[], datetime], **options: Any,
    ) -> shopify.Shopify:
        without = [name for name in ASKED if name not in self.streams]
        return self._store.connect(url=url or self.url, page_size=3, without=without, clock=now, **options)

    def now(self) -> datetime:
        return self._store.now()

    def advance(self, delta: timedelta) -> None:
        self._shop.state.set_clock(self.now() + delta)

    # ---- what happens at the source

    def create(self, stream: str, count: int) -> list[str]:
        return [key for _ in range(count) for key in self._create(stream)]

    def _create(self, stream: str, *, index_lag: int = 0, **values: Any) -> list[str]:
        """A shop has one name, so there is never another of them."""
        if stream == "shop":
            return []
        of, shop = ROOTS[ASKED[stream].root], replace(self._shop, index_lag=index_lag)
        return [_key(of, shops.create(shop, of, {**self._inside(of), **values}, at=shop.now()))]

    def _inside(self, of: str) -> Item:
        match of:
            case "Order":
                return {"lineItems": self._parts("LineItem", 7, discountedTotalSet=MONEY), "refunds": []}
            case "Product":
                return {"variants": self._parts("ProductVariant", 12, price="10.00")}
            case "InventoryItem":
                return {"inventoryLevels": self._parts("InventoryLevel", 6, quantities=[{"name": "on_hand", "quantity": 1}, {"name": "reserved", "quantity": 2}])}
        return {}

    def _parts(self, of: str, count: int, **values: Any) -> list[Item]:
        return [{**values, "id": identity} for identity in self._shop.state.next_ids(of, count)]

    def update(self, stream: str, key: str) -> None:
        """Of an order: in turn a refund, which stamps it, another name, and a parcel's arrival, which does not."""
        self._turn += 1
        of, identity = _found(key)
        change: Mapping[str, Any] = {FREE_TEXT[stream]: f"changed {self._turn}"}
        if stream == "orders" and self._turn % 3 == 0:
            shops.arrive(self._shop, identity, self._parts("Fulfillment", 1)[0]["id"], at=self._shop.now())
            return
        if stream == "orders" and self._turn % 3 == 1:
            order = shops.one(self._shop, of, identity)
            back = self._parts("RefundLineItem", 4, quantity=1, subtotalSet=MONEY, lineItem={"id": order["lineItems"][0]["id"]})
            change = {"refunds": order["refunds"] + self._parts("Refund", 1, note="damaged", refundLineItems=back)}
        shops.update(self._shop, of, identity, change, at=self._shop.now())

    def remove(self, stream: str, key: str) -> bool:
        if stream == "shop":
            return False
        shops.remove(self._shop, *_found(key))
        return True

    def late(self, stream: str) -> str:
        """A record that the search finds only ten minutes after the instant of its stamp."""
        if stream not in ("products", "customers", "orders"):
            return ""
        return self._create(stream, index_lag=round(LATE.total_seconds()))[0]

    def drift(self, stream: str) -> None:
        """Text becomes a number, or an object; what is not asked for by name is not read."""
        of = _type(stream)
        for number, item in enumerate(self._shop.state.items(of, most=2)):
            changes = {"novel": "yes", FREE_TEXT[stream]: (17, {"novel": [{"deep": None}]})[number]}
            shops.update(self._shop, of, item["id"], changes, at=self._shop.now())

    def odd(self, stream: str, value: Any) -> str:
        return next(iter(self._create(stream, **{FREE_TEXT[stream]: value})), "")

    def hollow(self, stream: str) -> bool:
        self._store.api.hollow.add(ASKED[stream].root)
        return stream != "shop"

    # ---- what is there

    def truth(self, stream: str) -> dict[str, Json]:
        asked = ASKED[stream]
        of, selected = _type(stream), parse(f"{{ {' '.join([asked.selected, *asked.scoped.values()])} }}", {})
        return {_key(of, item["id"]): whole(of, item, selected) for item in self._shop.state.items(of)}


def whole(of: str, item: Item, selected: tuple[Selected, ...]) -> Item:
    """A record with all that was selected of it, connections as lists without an end."""
    return {one.alias: _whole_value(of, item, one) for one in selected}


def _whole_value(of: str, item: Item, one: Selected) -> Json:
    if one.name == "id":
        return _key(of, item["id"])
    value, field = item.get(one.name), TYPES[of][one.name]
    if one.name == "metafield":
        value = item.get("metafields", {}).get(f"custom.{one.arguments['key']}")
        return None if value is None else {"value": value}
    if field.many:
        wanted = one.arguments.get("names")
        return [whole(field.of, entry, nodes_of(one) or one.fields) for entry in value or [] if wanted is None or entry["name"] in wanted]
    return value if value is None or not field.of else whole(field.of, value, one.fields)


def _type(stream: str) -> str:
    return ROOTS.get(ASKED[stream].root, "Shop")


def _key(of: str, identity: int) -> str:
    return f"gid://shopify/{of}/{identity}"


def _found(key: str) -> tuple[str, int]:
    _, _, _, of, identity = key.split("/")
    return of, int(identity)


@contextmanager
def running(tmp_path: Path) -> Iterator[ShopifySubject]:
    with store(tmp_path) as shop:
        yield ShopifySubject(shop, [*ASKED] if IS_DRILL else DIFFERENT)
