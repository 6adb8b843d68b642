"""What happens to the records of a shop. The loader, a lived day and the tests all go through here, so all leave the same traces.

A record is kept as the API shows it, with what it contains inside of it: an order with its lines, refunds, fulfilments and transactions. Ids are integers
here and global ones in answers. Moments are seconds since 1970: Shopify stamps to the second.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sandbox.stand_in.state import Item, State

SCOPES = ("read_orders", "read_all_orders", "read_customers", "read_products", "read_inventory", "read_locations", "read_merchant_managed_fulfillment_orders")
ORDERS_SHOWN = 60 * 86_400       # seconds: without read_all_orders, what is older is not there ("Shopify API access scopes")
FIRST = 1001                     # Shopify's ids begin nowhere near 1


@dataclass(frozen=True, kw_only=True)
class Shop:
    """index_lag: seconds after which the search finds a record by its new stamp."""

    state: State
    index_lag: int = 0

    def now(self) -> int:
        return self.state.stamp()


def begin(shop: Shop, *, name: str, currency: str, time_zone: str) -> None:
    shop.state.put("Shop", {"id": 1, "name": name, "currencyCode": currency, "ianaTimezone": time_zone, "myshopifyDomain": "example.myshopify.com",
                            "taxesIncluded": False}, shop.now())
    shop.state.set_fact("scopes", [*SCOPES])


def create(shop: Shop, of: str, values: Mapping[str, Any], *, at: int, identity: int | None = None) -> int:
    if identity is None:
        (identity,) = shop.state.next_ids(of, first=FIRST)
    _put(shop, of, {"createdAt": shown_at(at), **values, "id": identity}, at)
    return identity


def update(shop: Shop, of: str, identity: int, values: Mapping[str, Any], *, at: int) -> None:
    _put(shop, of, {**one(shop, of, identity), **values}, at)


def arrive(shop: Shop, order: int, fulfillment: int, *, at: int) -> None:
    """A parcel of an order arrives, or is told of for the first time when it has. That the order is stamped with it is written nowhere: it is not."""
    item = one(shop, "Order", order)
    there = {parcel["id"]: parcel for parcel in item.get("fulfillments", [])}
    there[fulfillment] = {"status": "SUCCESS", **there.get(fulfillment, {}), "id": fulfillment, "deliveredAt": shown_at(at)}
    stamp = round(datetime.fromisoformat(item["updatedAt"]).timestamp())
    shop.state.put("Order", {**item, "fulfillments": [*there.values()]}, stamp)


def remove(shop: Shop, of: str, identity: int) -> None:
    """Without a trace that the API shows."""
    shop.state.delete(of, identity)


def one(shop: Shop, of: str, identity: int) -> Item:
    item = shop.state.get(of, identity)
    if item is None:
        raise KeyError(f"there is no {of} {identity}")
    return item


def shown_at(at: int) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def money(amount: Any, currency: str, shown: Any = None, other: str = "") -> Item:
    """A MoneyBag: in the shop's currency, and as the customer was shown it (default: the same)."""
    return {"shopMoney": {"amount": str(amount), "currencyCode": currency},
            "presentmentMoney": {"amount": str(amount if shown is None else shown), "currencyCode": other or currency}}


def _put(shop: Shop, of: str, item: Item, at: int) -> None:
    shop.state.put(of, {**item, "updatedAt": shown_at(at), "found_from": at + shop.index_lag}, at)
