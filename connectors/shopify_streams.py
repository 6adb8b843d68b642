"""What is read of Shopify: its streams, and what is selected of each (shopify.py says how).

Metafields stand for what Shopify has no field for and companies add (Settings, Custom data), in the namespace `custom`:

    customers   customer_number   the number that other systems know the customer by
    orders      requested_on      day on which the customer wants the goods

Connections inside of a record are asked for in small pages, because a query costs what it may bring at most; what is cut is asked for by its owner's id.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from connectors.personal import DOCUMENT_NUMBER, LIST_ENTRY
from connectors.stream import Cursor, Kind, Personal, Stream

# Shopify states no figure for how late its search index may be. Connectors met minutes; an hour, as of HubSpot's, costs one page more a night.
LAG = timedelta(hours=1)
MONEY = "shopMoney { amount currencyCode } presentmentMoney { amount currencyCode }"
LINE = (f"id sku title quantity currentQuantity variant {{ id }} discountedTotalSet(withCodeDiscounts: true) {{ {MONEY} }}"
        " taxLines { priceSet { shopMoney { amount } } }")
REFUND_LINE = f"id quantity restockType lineItem {{ id }} subtotalSet {{ {MONEY} }} totalTaxSet {{ shopMoney {{ amount }} }}"
FULFILLMENT_ORDER = "id status assignedLocation { location { id } } deliveryMethod { maxDeliveryDateTime }"
VARIANT = "id sku title price inventoryItem { id }"
LEVEL = 'id updatedAt location { id } quantities(names: ["available", "committed", "incoming", "on_hand"]) { name quantity }'
# The connections that records contain: type of their owner -> field -> (nodes a page, what is selected of each).
NESTED: Mapping[str, Mapping[str, tuple[int, str]]] = {
    "Order": {"lineItems": (5, LINE), "fulfillmentOrders": (2, FULFILLMENT_ORDER)},
    "Refund": {"refundLineItems": (3, REFUND_LINE)},
    "Product": {"variants": (10, VARIANT)},
    "InventoryItem": {"inventoryLevels": (5, LEVEL)},
}
# In a file of a bulk operation a part is told by its type: type of the owner -> type of the part -> field.
KEPT_IN: Mapping[str, Mapping[str, str]] = {"Order": {"LineItem": "lineItems", "FulfillmentOrder": "fulfillmentOrders"},
                                            "Product": {"ProductVariant": "variants"}}
DISPATCH = "read_merchant_managed_fulfillment_orders"     # scope of Order.fulfillmentOrders


def connection(of: str, name: str) -> str:
    """The selection of a nested connection's first page."""
    first, selected = NESTED[of][name]
    return f"{name}(first: {first}) {{ nodes {{ {selected} }} pageInfo {{ hasNextPage endCursor }} }}"


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a stream is asked for. root: the connection. of: the type of its records, where they have a cursor. selected: fields of a record.

    arguments: of the root, beside those of paging. scoped: scope -> what is selected beside, where our app has it. apart: lists that hold connections,
    which a bulk operation refuses: field -> (its selection, ids alone).
    """

    root: str
    selected: str
    of: str = ""
    arguments: str = ""
    scoped: Mapping[str, str] = field(default_factory=dict)
    apart: Mapping[str, tuple[str, str]] = field(default_factory=dict)


def _metafield(name: str, key: str) -> str:
    return f'{name}: metafield(namespace: "custom", key: "{key}") {{ value }}'


REFUNDS = f"refunds {{ id createdAt note totalRefundedSet {{ {MONEY} }} {connection('Refund', 'refundLineItems')} }}"
ORDER = (
    "id name createdAt updatedAt processedAt cancelledAt cancelReason test currencyCode presentmentCurrencyCode taxesIncluded sourceName"
    " displayFinancialStatus displayFulfillmentStatus customer { id } shippingAddress { countryCodeV2 provinceCode }"
    " customerJourneySummary { lastVisit { source utmParameters { campaign medium source } } }"
    f" {_metafield('requestedOn', 'requested_on')} transactions {{ id kind status processedAt }} {connection('Order', 'lineItems')}"
    f" {REFUNDS}"
    " fulfillments { id status createdAt deliveredAt estimatedDeliveryAt location { id } trackingInfo { company } }")
ASKED: Mapping[str, Asked] = {
    "shop": Asked(root="shop", selected="id name currencyCode ianaTimezone"),
    "locations": Asked(root="locations", selected="id name isActive address { countryCode }", arguments="includeInactive: true, includeLegacy: true"),
    "products": Asked(root="products", of="Product", arguments="sortKey: ID",
                      selected=f"id title productType vendor status createdAt updatedAt {connection('Product', 'variants')}"),
    "inventory_items": Asked(root="inventoryItems", selected="id sku tracked requiresShipping createdAt updatedAt unitCost { amount currencyCode }"),
    "inventory_levels": Asked(root="inventoryItems", selected=f"id sku {connection('InventoryItem', 'inventoryLevels')}"),
    "customers": Asked(root="customers", of="Customer", arguments="sortKey: ID",
                       selected="id createdAt updatedAt firstName lastName state numberOfOrders defaultEmailAddress { emailAddress }"
                       f" defaultAddress {{ countryCodeV2 provinceCode }} {_metafield('customerNumber', 'customer_number')}"),
    "orders": Asked(root="orders", of="Order", selected=ORDER, arguments="sortKey: ID", scoped={DISPATCH: connection("Order", "fulfillmentOrders")},
                    apart={"refunds": (REFUNDS, "refunds { id }")}),
}

NUMBER = Personal(kind="text", keeps=rf"{DOCUMENT_NUMBER}|^\d{{1,8}}$")
DAY = Personal(kind="text", keeps=r"^\d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:\d\d))?$")
WORDS = Personal(kind="text", keeps=r"^[^@]*$")
PERSONAL: Mapping[str, Mapping[str, Kind | Personal]] = {
    "customers": {"firstName": "name", "lastName": "name", "defaultEmailAddress": "email", "customerNumber.value": NUMBER},
    "orders": {"refunds[].note": Personal(kind="text", keeps=LIST_ENTRY), "requestedOn.value": DAY, "customerJourneySummary.lastVisit.source": WORDS,
               "customerJourneySummary.lastVisit.utmParameters": WORDS},
}


def _stream(name: str) -> Stream:
    """Nothing tells of a record that was deleted (`deletionEvents` knows products alone, and is deprecated): what changes is swept once a week.

    The list of inventory cannot be sorted by id, and a level's stamp is not its item's: inventory is read whole, like what is small.
    """
    if name in ("shop", "locations", "inventory_items", "inventory_levels"):
        return Stream(name=name, key=("id",), deletes="full")
    return Stream(name=name, key=("id",), deletes="sweep", sweep_every=7, cursor=Cursor(field="updatedAt", lag=LAG), stamps=("updatedAt",),
                  personal=PERSONAL.get(name, {}), is_master=name in ("products", "customers"))


STREAMS = tuple(_stream(name) for name in ASKED)
