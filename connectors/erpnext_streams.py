"""What is read of ERPNext: its streams, and how each is asked for (erpnext.py says why that way)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connectors.stream import Cursor, Json, Stream

# `modified` is set when a document is saved and shows itself when the transaction ends. A job of the "long" queue may take 25 minutes for that
# ("Background Jobs": queues and their time-outs); the rest is for clocks that do not agree.
LAG = timedelta(minutes=30)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """How a stream is asked for.

    tables: field of the document -> doctype of the rows in it. links: field (`items.item_code`: of the rows in `items`) -> doctypes of what it names;
    renaming one of those changes this document and moves no stamp. only: further filters.
    """

    doctype: str
    tables: Mapping[str, str] = field(default_factory=dict)
    links: Mapping[str, Sequence[str]] = field(default_factory=dict)
    only: Sequence[Json] = ()


def _items(doctype: str, links: Mapping[str, Sequence[str]]) -> Asked:
    """A document of buying, selling or moving goods: what it names, and rows that name an item and a warehouse."""
    return Asked(doctype=doctype, tables={"items": f"{doctype} Item"},
                 links={**links, "amended_from": (doctype,), "items.item_code": ("Item",), "items.warehouse": ("Warehouse",)})


SELLING = {"customer": ("Customer",), "territory": ("Territory",)}
BUYING = {"supplier": ("Supplier",)}
DOCUMENTS: Mapping[str, Asked] = {
    "customers": Asked(doctype="Customer", links={"territory": ("Territory",), "customer_primary_address": ("Address",)}),
    "suppliers": Asked(doctype="Supplier"),
    "items": Asked(doctype="Item", links={"item_group": ("Item Group",)}),
    "bins": Asked(doctype="Bin", links={"item_code": ("Item",), "warehouse": ("Warehouse",)}),
    "leads": Asked(doctype="Lead", links={"territory": ("Territory",)}),
    "opportunities": Asked(doctype="Opportunity", tables={"lost_reasons": "Opportunity Lost Reason Detail"},
                           links={"party_name": ("Customer", "Lead"), "territory": ("Territory",), "sales_stage": ("Sales Stage",)}),
    "sales_orders": _items("Sales Order", SELLING),
    "delivery_notes": _items("Delivery Note", {**SELLING, "return_against": ("Delivery Note",), "items.against_sales_order": ("Sales Order",)}),
    "sales_invoices": _items("Sales Invoice", {**SELLING, "return_against": ("Sales Invoice",), "items.sales_order": ("Sales Order",)}),
    "purchase_orders": _items("Purchase Order", BUYING),
    "purchase_receipts": _items("Purchase Receipt", {**BUYING, "items.purchase_order": ("Purchase Order",)}),
    "issues": Asked(doctype="Issue", links={"customer": ("Customer",)}),
    "addresses": Asked(doctype="Address", links={"country": ("Country",)}),
    "companies": Asked(doctype="Company"),
    "countries": Asked(doctype="Country"),
    "warehouses": Asked(doctype="Warehouse"),
    "currency_exchanges": Asked(doctype="Currency Exchange"),
}
# Whose history tells when something happened ("Version": what a saved document says otherwise than before).
HISTORY = ("Sales Order", "Delivery Note", "Sales Invoice", "Purchase Order", "Purchase Receipt", "Opportunity", "Issue")
ASKED: Mapping[str, Asked] = {
    **DOCUMENTS, "versions": Asked(doctype="Version", links={"docname": HISTORY}, only=(["ref_doctype", "in", list(HISTORY)],))}
# Once a week all names are compared: what was deleted behind the framework's back leaves no trace.
STREAMS = tuple(Stream(name=name, key=("name",), deletes="sweep", sweep_every=7, cursor=Cursor(field="modified", lag=LAG)) for name in ASKED)
