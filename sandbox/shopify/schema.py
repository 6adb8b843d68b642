"""The part of the Admin API's schema that the stand-in knows ("GraphQL Admin API reference", objects and queries of 2026-10)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Field:
    """of: the type of its objects, '' for a scalar. many: 'list', 'connection', or '' for one. scope: the access scope without which it is refused."""

    of: str = ""
    many: str = ""
    arguments: tuple[str, ...] = ()
    scope: str = ""


PAGING = ("first", "after")
SEARCHED = (*PAGING, "query", "sortKey")


def _one(of: str, *arguments: str) -> Field:
    return Field(of=of, arguments=arguments)


def _list(of: str, *arguments: str) -> Field:
    return Field(of=of, many="list", arguments=arguments)


def _connection(of: str, *, arguments: tuple[str, ...] = PAGING, scope: str = "") -> Field:
    return Field(of=of, many="connection", arguments=arguments, scope=scope)


def _type(scalars: str, **others: Field) -> Mapping[str, Field]:
    return {**{name: Field() for name in scalars.split()}, **others}


MONEY = _one("MoneyBag")
METAFIELD = _one("Metafield", "namespace", "key")
TYPES: Mapping[str, Mapping[str, Field]] = {
    "QueryRoot": _type(
        "", shop=_one("Shop"), currentAppInstallation=_one("AppInstallation"), node=_one("Node", "id"), nodes=_list("Node", "ids"),
        # `inventoryItems` and `locations` are ordered otherwise than by a SortKeys of their own: the first has none.
        orders=_connection("Order", arguments=SEARCHED, scope="read_orders"), customers=_connection("Customer", arguments=SEARCHED, scope="read_customers"),
        products=_connection("Product", arguments=SEARCHED, scope="read_products"),
        inventoryItems=_connection("InventoryItem", arguments=(*PAGING, "query"), scope="read_inventory"),
        locations=_connection("Location", arguments=(*SEARCHED, "includeInactive", "includeLegacy"), scope="read_locations"),
        bulkOperations=_connection("BulkOperation", arguments=(*SEARCHED, "reverse"))),
    "Mutation": _type("", bulkOperationRunQuery=_one("BulkOperationRunQueryPayload", "query", "groupObjects")),
    "BulkOperationRunQueryPayload": _type("", bulkOperation=_one("BulkOperation"), userErrors=_list("BulkOperationUserError")),
    "BulkOperationUserError": _type("code message field"),
    "BulkOperation": _type("id status query errorCode type objectCount rootObjectCount fileSize url partialDataUrl"),
    "PageInfo": _type("hasNextPage endCursor"),
    "AppInstallation": _type("id", accessScopes=_list("AccessScope")),
    "AccessScope": _type("handle"),
    "Shop": _type("id name currencyCode ianaTimezone myshopifyDomain taxesIncluded"),
    "Location": _type("id name isActive createdAt updatedAt", address=_one("LocationAddress")),
    "LocationAddress": _type("countryCode"),
    "Customer": _type("id firstName lastName createdAt updatedAt state numberOfOrders", defaultEmailAddress=_one("CustomerEmailAddress"),
                      defaultAddress=_one("MailingAddress"), metafield=METAFIELD),
    "CustomerEmailAddress": _type("emailAddress"),
    "MailingAddress": _type("countryCodeV2 provinceCode"),
    "Metafield": _type("value"),
    "Product": _type("id title productType vendor status createdAt updatedAt", variants=_connection("ProductVariant")),
    "ProductVariant": _type("id sku title price", inventoryItem=_one("InventoryItem")),
    "InventoryItem": _type("id sku tracked requiresShipping createdAt updatedAt", unitCost=_one("MoneyV2"),
                           inventoryLevels=_connection("InventoryLevel")),
    "InventoryLevel": _type("id updatedAt", location=_one("Location"), quantities=_list("InventoryQuantity", "names")),
    "InventoryQuantity": _type("name quantity"),
    "MoneyBag": _type("", shopMoney=_one("MoneyV2"), presentmentMoney=_one("MoneyV2")),
    "MoneyV2": _type("amount currencyCode"),
    "Order": _type(
        "id name createdAt updatedAt processedAt cancelledAt cancelReason closedAt confirmed test currencyCode presentmentCurrencyCode taxesIncluded sourceName"
        " displayFinancialStatus displayFulfillmentStatus",
        customer=_one("Customer"), shippingAddress=_one("MailingAddress"), metafield=METAFIELD, customerJourneySummary=_one("CustomerJourneySummary"),
        transactions=_list("OrderTransaction", "first"), refunds=_list("Refund", "first"), fulfillments=_list("Fulfillment", "first"),
        lineItems=_connection("LineItem"), fulfillmentOrders=_connection("FulfillmentOrder", scope="read_merchant_managed_fulfillment_orders")),
    "CustomerJourneySummary": _type("ready", lastVisit=_one("CustomerVisit")),
    "CustomerVisit": _type("source", utmParameters=_one("UTMParameters")),
    "UTMParameters": _type("campaign medium source"),
    "OrderTransaction": _type("id kind status processedAt"),
    "LineItem": _type("id sku name title quantity currentQuantity", variant=_one("ProductVariant"), discountedTotalSet=_one("MoneyBag", "withCodeDiscounts"),
                      taxLines=_list("TaxLine")),
    "TaxLine": _type("title", priceSet=MONEY),
    "Refund": _type("id createdAt updatedAt note", totalRefundedSet=MONEY, refundLineItems=_connection("RefundLineItem")),
    "RefundLineItem": _type("id quantity restockType", lineItem=_one("LineItem"), subtotalSet=MONEY, totalTaxSet=MONEY),
    "Fulfillment": _type("id status createdAt updatedAt deliveredAt estimatedDeliveryAt displayStatus", location=_one("Location"),
                         trackingInfo=_list("FulfillmentTrackingInfo", "first")),
    "FulfillmentTrackingInfo": _type("company number"),
    "FulfillmentOrder": _type("id status createdAt", assignedLocation=_one("FulfillmentOrderAssignedLocation"), deliveryMethod=_one("DeliveryMethod")),
    "FulfillmentOrderAssignedLocation": _type("name", location=_one("Location")),
    "DeliveryMethod": _type("methodType minDeliveryDateTime maxDeliveryDateTime"),
}
# Root connections whose records change and are searched: their field in the root -> the type of their records.
ROOTS: Mapping[str, str] = {"orders": "Order", "customers": "Customer", "products": "Product", "inventoryItems": "InventoryItem", "locations": "Location"}
