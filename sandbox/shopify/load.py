"""Brings a Plan into the stand-in: the shop, its locations, products with what is in stock of them, customers, and orders with all that happened to them.

Shopify keeps no history, so an order is put as it stands, stamped with the last thing that happened to it. Ids are made from the plan's numbers and places,
so the same company has the same ids in every load. A parcel is a fulfilment once it has left; an order is paid when the company confirms it; what came back
is restocked and paid back when that was agreed. Where customers pay in another currency, Shopify converts at the rate of the day.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from sandbox.company.hours import local_instant, start_of
from sandbox.company.money import CENT, Exchange, reporting_day
from sandbox.company.plan import Correction, Customer, Order, Plan, Product, Shipment, in_stock, number_of
from sandbox.company.story import Day
from sandbox.shopify import shop as shops
from sandbox.shopify.shop import Shop
from sandbox.stand_in.state import Item

KINDS = ("Location", "Product", "InventoryItem", "Customer", "Order")


def load(plan: Plan, shop: Shop) -> dict[str, int]:
    """The whole plan into an empty state. Returns how many records of each kind there are."""
    with shop.state.transaction():
        shops.begin(shop, name=plan.company, currency=plan.currency, time_zone=plan.time_zone)
        at = _moment(start_of(plan.starts_on, plan.time_zone))
        for place, warehouse in enumerate(plan.warehouses, start=1):
            shops.create(shop, "Location", {"name": warehouse.code, "isActive": True, "address": {"countryCode": None}}, at=at, identity=place)
        for place, product in enumerate(plan.products, start=1):
            shops.create(shop, "Product", _product(product, place), at=at, identity=place)
        _stock(plan, shop, at)
        _bring(plan, shop, plan.customers, plan.orders, since=0)
    return {of: shop.state.count(of) for of in KINDS}


def live_day(before: Plan, day: Day, shop: Shop) -> dict[str, int]:
    """From the end of one plan to the end of the next. Nothing of a shop's is thrown away on a day."""
    since = _moment(start_of(day.day, before.time_zone))
    customers, orders = day.added.customers + day.changed.customers, day.added.orders + day.changed.orders
    with shop.state.transaction():
        _bring(day.after, shop, customers, orders, since=since)
        _stock(day.after, shop, _moment(local_instant(day.day, "23:59", before.time_zone)))
    return {"customers": len(customers), "orders": len(orders)}


def _bring(plan: Plan, shop: Shop, customers: Iterable[Customer], orders: Iterable[Order], *, since: int) -> None:
    """since: no stamp is older, because what is stamped before has been read already."""
    for customer in customers:
        shops.create(shop, "Customer", _customer(customer), at=max(since, _moment(customer.created_at)), identity=number_of(customer.number))
    desk = Desk.of(plan)
    for order in orders:
        shops.create(shop, "Order", desk.order(order), at=max(since, _moment(max(_instants(order)))), identity=number_of(order.number))


def _stock(plan: Plan, shop: Shop, at: int) -> None:
    there, began = in_stock(plan), shops.shown_at(_moment(start_of(plan.starts_on, plan.time_zone)))
    for number, product in enumerate(plan.products, start=1):
        levels = [{"id": 10 * number + place, "location": {"id": place}, "updatedAt": shops.shown_at(at),
                   "quantities": [{"name": name, "quantity": there[product.code, warehouse.code]} for name in ("available", "on_hand")]}
                  for place, warehouse in enumerate(plan.warehouses, start=1)]
        values = {"createdAt": began, "sku": product.code, "tracked": True, "requiresShipping": True, "inventoryLevels": levels,
                  "unitCost": {"amount": str(product.cost_price), "currencyCode": plan.currency}}
        shops.create(shop, "InventoryItem", values, at=at, identity=number)


def _product(product: Product, number: int) -> Item:
    """A product in one kind alone has one variant, of this title."""
    variant = {"id": number, "sku": product.code, "title": "Default Title", "price": str(product.list_price), "inventoryItem": {"id": number}}
    return {"title": product.name, "productType": product.category, "status": "ACTIVE", "variants": [variant]}


def _customer(customer: Customer) -> Item:
    first, _, last = customer.name.partition(" ")
    return {"firstName": first, "lastName": last, "createdAt": _shown(customer.created_at), "defaultEmailAddress": {"emailAddress": customer.email},
            "defaultAddress": {"countryCodeV2": customer.country}, "metafields": {"custom.customer_number": customer.number}}


@dataclass(frozen=True, kw_only=True)
class Desk:
    """What an order is told with: places and countries, products, rates."""

    currency: str
    exchange: Exchange
    countries: Mapping[str, str]
    products: Mapping[str, int]
    locations: Mapping[str, int]
    zones: Mapping[str, str]

    @classmethod
    def of(cls, plan: Plan) -> Desk:
        return cls(currency=plan.currency, exchange=Exchange(plan.rates), countries={one.number: one.country for one in plan.customers},
                   products={one.code: place for place, one in enumerate(plan.products, start=1)},
                   locations={one.code: place for place, one in enumerate(plan.warehouses, start=1)},
                   zones={one.code: one.time_zone for one in plan.warehouses})

    def order(self, order: Order) -> Item:
        mine, left = number_of(order.number), [one for one in order.shipments if one.shipped_at]
        medium = order.channel if order.channel != "unknown" else None
        return {
            "name": order.number, "createdAt": _shown(order.placed_at), "processedAt": _shown(order.placed_at), "test": False,
            "cancelledAt": _shown(order.cancelled_at), "cancelReason": "OTHER" if order.cancelled_at else None, "taxesIncluded": False,
            "currencyCode": self.currency, "presentmentCurrencyCode": order.currency, "sourceName": "web",
            "displayFinancialStatus": "PAID" if order.confirmed_at else "PENDING", "displayFulfillmentStatus": _status(order, left),
            "customer": {"id": number_of(order.customer)}, "shippingAddress": {"countryCodeV2": self.countries[order.customer]},
            "customerJourneySummary": {"lastVisit": {"utmParameters": {"medium": medium, "campaign": order.campaign}}} if medium or order.campaign else None,
            "metafields": {"custom.requested_on": order.requested_on.isoformat()} if order.requested_on else {},
            "transactions": [{"id": mine, "kind": "SALE", "status": "SUCCESS", "processedAt": _shown(order.confirmed_at)}] if order.confirmed_at else [],
            "lineItems": [self._line(order, mine, place) for place in range(len(order.lines))],
            "fulfillmentOrders": [self._to_be_sent(order, mine)],
            "fulfillments": [self._fulfillment(order, one, 10 * mine + place) for place, one in enumerate(order.shipments) if one.shipped_at],
            "refunds": [self._refund(order, one, 10 * mine + place) for place, one in enumerate(order.corrections)],
        }

    def _line(self, order: Order, mine: int, place: int) -> Item:
        line = order.lines[place]
        return {"id": 20 * mine + place, "sku": line.product, "quantity": line.quantity, "currentQuantity": line.quantity - sum(
            one.quantities.get(line.product, 0) for one in order.corrections if one.kind == "return"), "variant": {"id": self.products[line.product]},
            "discountedTotalSet": self._money(order, line.unit_price * line.quantity, order.placed_at), "taxLines": []}

    def _to_be_sent(self, order: Order, mine: int) -> Item:
        promised = local_instant(order.promised_on, "18:00", self.zones[order.warehouse])
        return {"id": mine, "status": "CLOSED" if order.cancelled_at else "OPEN", "assignedLocation": {"location": {"id": self.locations[order.warehouse]}},
                "deliveryMethod": {"methodType": "SHIPPING", "maxDeliveryDateTime": _shown(promised)}}

    def _fulfillment(self, order: Order, shipment: Shipment, identity: int) -> Item:
        return {"id": identity, "status": "SUCCESS", "createdAt": _shown(shipment.shipped_at), "deliveredAt": _shown(shipment.delivered_at),
                "location": {"id": self.locations[order.warehouse]}, "trackingInfo": [{"company": shipment.carrier}]}

    def _refund(self, order: Order, correction: Correction, identity: int) -> Item:
        places = {line.product: place for place, line in enumerate(order.lines)}
        lines = [{"id": 20 * identity + places[code], "quantity": pieces, "restockType": "RETURN" if correction.kind == "return" else "NO_RESTOCK",
                  "lineItem": {"id": 20 * number_of(order.number) + places[code]}, "totalTaxSet": self._money(order, Decimal(0), correction.at),
                  "subtotalSet": self._money(order, order.lines[places[code]].unit_price * pieces, correction.at)}
                 for code, pieces in correction.quantities.items()]
        total = sum((order.lines[places[code]].unit_price * pieces for code, pieces in correction.quantities.items()), Decimal(0))
        return {"id": identity, "createdAt": _shown(correction.at), "note": correction.reason, "refundLineItems": lines,
                "totalRefundedSet": self._money(order, total, correction.at)}

    def _money(self, order: Order, amount: Decimal, at: datetime) -> Item:
        converted = (amount / self.exchange.rate(order.currency, reporting_day(at))).quantize(CENT, ROUND_HALF_UP)
        return shops.money(converted, self.currency, amount.quantize(CENT), order.currency)


# ---- small parts

def _status(order: Order, left: list[Shipment]) -> str:
    wanted, sent = sum(line.quantity for line in order.lines), sum(sum(one.quantities.values()) for one in left)
    return "UNFULFILLED" if not left else "FULFILLED" if sent >= wanted else "PARTIALLY_FULFILLED"


def _instants(order: Order) -> Iterator[datetime]:
    """When something happened that Shopify is told of."""
    for shipment in order.shipments:
        yield from filter(None, (shipment.shipped_at, shipment.delivered_at))
    yield from filter(None, (order.placed_at, order.confirmed_at, order.cancelled_at, *(one.at for one in order.corrections)))


def _moment(at: datetime) -> int:
    return int(at.timestamp())


def _shown(at: datetime | None) -> Any:
    return shops.shown_at(_moment(at)) if at else None
