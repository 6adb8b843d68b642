"""What is read of ERPNext: its streams, and how each is asked for (erpnext.py says why that way)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta

from connectors.personal import LIST_ENTRY
from connectors.stream import Cursor, Json, Kind, Personal, Stream

# `modified` is set when a document is saved and shows itself when the transaction ends. A job of the "long" queue may take 25 minutes for that
# ("Background Jobs": queues and their time-outs); the rest is for clocks that do not agree.
LAG = timedelta(minutes=30)

# A site may name customers and addresses by a series (CUST-2026-00001) or by what they are called; a name that is called for is a person's as often as not.
NUMBER = r"^(?-i:[A-Z]{1,6}(?:-[A-Z]{1,6})?(?:[-/]?\d{1,10}){1,3})$"
CALLED = Personal(kind="name", keeps=NUMBER)
# Who wrote a document: one of our own people, or a customer by the portal; what people added to it by name.
WRITTEN: Mapping[str, Kind | Personal] = {
    "owner": "email", "modified_by": "email", "_user_tags": "text", "_comments": "text", "_assign": "email", "_liked_by": "email"}
ROWS: Mapping[str, Kind | Personal] = {"items[].owner": "email", "items[].modified_by": "email"}
CONTACT: Mapping[str, Kind | Personal] = {
    "title": CALLED, "contact_person": CALLED, "contact_display": "name", "contact_email": "email", "contact_mobile": "phone", "contact_phone": "phone",
    "customer_address": CALLED, "supplier_address": CALLED, "address_display": "address", "shipping_address_name": CALLED, "shipping_address": CALLED,
    "shipping_address_display": "address", "dispatch_address": "address", "po_no": CALLED, "remarks": "text", "instructions": "text"}
CUSTOMER: Mapping[str, Kind | Personal] = {"customer": CALLED, "customer_name": "name"}
REACHED: Mapping[str, Kind | Personal] = {"email_id": "email", "mobile_no": "phone", "phone": "phone", "fax": "phone"}
# Of a saved document's old and new values those stay by which the models tell what became of it (stg_erpnext__changes).
HISTORIC = (r'\[\s*"(?:docstatus|workflow_state|status|sales_stage|delivery_date|priority|custom_team)",'
            r'\s*(?:"[^"]{0,60}"|\d|null),\s*(?:"[^"]{0,60}"|\d|null)\s*\]')
PERSONAL: Mapping[str, Mapping[str, Kind | Personal]] = {
    "customers": {"name": CALLED, "customer_name": "name", "customer_primary_address": CALLED, "customer_primary_contact": CALLED,
                  "primary_address": "address", "first_name": "name", "last_name": "name", "tax_id": "text", "customer_details": "text", **REACHED},
    # Names of firms are nobody's; a supplier is one.
    "suppliers": {"supplier_primary_contact": CALLED, "supplier_primary_address": CALLED, "primary_address": "address", "supplier_details": "text", **REACHED},
    "leads": {"name": CALLED, "title": "name", "lead_name": "name", "first_name": "name", "middle_name": "name", "last_name": "name", "whatsapp_no": "phone",
              "city": "address", "lead_owner": "staff", **REACHED},
    "opportunities": {"party_name": CALLED, "customer_name": "name", "opportunity_owner": "staff", "to_discuss": "text",
                      "order_lost_reason": Personal(kind="text", keeps=LIST_ENTRY), "lost_reasons[].owner": "email", "lost_reasons[].modified_by": "email",
                      **CONTACT},
    **{stream: {**CUSTOMER, **CONTACT, **ROWS} for stream in ("sales_orders", "delivery_notes", "sales_invoices")},
    **{stream: {**CONTACT, **ROWS} for stream in ("purchase_orders", "purchase_receipts")},
    "issues": {**CUSTOMER, "_assign": "staff", "subject": "text", "raised_by": "email", "contact": CALLED, "lead": CALLED, "description": "text",
               "resolution_details": "text"},
    "communications": {"sender": Personal(kind="email", unless={"sent_or_received": frozenset({"sent"})}, then="staff"), "sender_full_name": "name",
                       "subject": "text", "content": "text", "text_content": "text", "recipients": "email", "cc": "email", "bcc": "email",
                       "phone_no": "phone", "user": "email", "reference_owner": "email", "message_id": "text"},
    "addresses": {"name": CALLED, "address_title": "name", "address_line1": "address", "address_line2": "address", "city": "address", "county": "address",
                  "pincode": "address", **REACHED},
    "companies": {"phone_no": "phone", "email": "email"},
    "warehouses": {"email_id": "email", "phone_no": "phone", "mobile_no": "phone", "address_line_1": "address", "address_line_2": "address", "city": "address"},
    "versions": {"data": Personal(kind="text", keeps=HISTORIC)},
}


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
    # Of what was said about an Issue: what went out and came in, and what the site wrote by itself. What colleagues note for each other is not asked for.
    "communications": Asked(doctype="Communication", links={"reference_name": ("Issue",)},
                            only=(["reference_doctype", "in", ["Issue"]], ["communication_type", "in", ["Communication", "Automated Message"]])),
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
MASTER = frozenset({"customers", "suppliers", "items", "bins", "addresses", "companies", "countries", "warehouses", "currency_exchanges"})
# Once a week all names are compared: what was deleted behind the framework's back leaves no trace.
STREAMS = tuple(Stream(name=name, key=("name",), deletes="sweep", sweep_every=7, cursor=Cursor(field="modified", lag=LAG), is_master=name in MASTER,
                       personal={**WRITTEN, **PERSONAL.get(name, {})}) for name in ASKED)
