"""What is read of Tryton: its models, as streams, and the fields of each.

Only fields whose change touches the record itself, unless the model is read whole: what Tryton computes out of other records
changes without a new write_date.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from connectors.personal import LIST_ENTRY
from connectors.stream import Kind, Personal

LOGGED = (
    "sale.sale",
    "sale.opportunity",
    "sale.complaint",
    "purchase.purchase",
    "stock.shipment.out",
    "stock.shipment.out.return",
    "stock.shipment.in",
    "account.invoice",
)


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is read of one Tryton model, and how its records disappear.

    whole: small enough to be read in full every time. only: a domain that every read is limited to. personal, is_master: as in connectors.stream.Stream.
    """

    name: str
    fields: str
    whole: bool = False
    is_master: bool = False
    deletes: Literal["sweep", "never"] = "sweep"
    only: tuple[Any, ...] = ()
    personal: Mapping[str, Kind | Personal] = field(default_factory=dict)


# What people write into texts by agreement, for want of a field: int_orders__tryton, int_order_corrections__tryton and int_complaints__tryton read it.
AGREED = Personal(kind="text", keeps=r"Requested on \d{4}-\d\d-\d\d|Fault: (?:ours|customer)|^\w+: (?:damaged|wrong item|defect|missing|changed mind)$"
                                     r"|Due: \d{4}-\d\d-\d\d(?:T[\d:.]+(?:Z|[+-]\d\d:?\d\d))?")
REASON = Personal(kind="text", keeps=LIST_ENTRY)
# A number of the ticket or the order, in whatever form (no telephone has it); some people write a name into it.
REFERENCE = Personal(kind="text", keeps=r"^(?!\d{9}|0)(?=\S*\d)[\w/.#-]{1,24}$")
CONTACT = Personal(kind="email", unless={"type": frozenset({"phone", "mobile", "fax", "sip"})}, then="phone")

STAMPS = ("create_date", "write_date")

# Order: masters before what names them, so that a first read that stops half-way leaves few dangling ids.
MODELS: Mapping[str, Model] = {
    # The company's own name stands here, for among all parties, people for the most part, it could not be told; and so do those of suppliers below.
    "company_company": Model(name="company.company", fields="party party.name currency.code timezone", whole=True),
    "company_employee": Model(name="company.employee", fields="party party.name company start_date end_date active", whole=True,
                              personal={"party.name": "staff"}),
    "currency_currency": Model(name="currency.currency", fields="name code digits active", whole=True),
    "currency_rate": Model(name="currency.currency.rate", fields="currency date rate", is_master=True),
    "country_country": Model(name="country.country", fields="name code region.name active", whole=True),
    "party_party": Model(name="party.party", fields="code name active", is_master=True, personal={"name": "name"}),
    "party_address": Model(name="party.address", fields="party country postal_code city active", is_master=True,
                           personal={"postal_code": "address", "city": "address"}),
    "party_contact_mechanism": Model(name="party.contact_mechanism", fields="party type value active", is_master=True, personal={"value": CONTACT}),
    "product_category": Model(name="product.category", fields="name parent accounting", whole=True),
    # Prices are records of their own in Tryton: a new one need not touch the product, so products are read whole.
    "product_template": Model(name="product.template", fields="name code type list_price default_uom.symbol categories salable purchasable active", whole=True),
    "product_product": Model(name="product.product", fields="template code cost_price list_price_used active", whole=True),
    "purchase_product_supplier": Model(
        name="purchase.product_supplier", whole=True,
        fields="template product party party.name sequence currency lead_time prices.quantity prices.unit_price active",
    ),
    "stock_location": Model(name="stock.location", fields="name code type parent address active", whole=True),
    "carrier": Model(name="carrier", fields="party party.name active", whole=True),
    "marketing_campaign": Model(name="marketing.campaign", fields="name active", whole=True),
    "marketing_medium": Model(name="marketing.medium", fields="name active", whole=True),
    "sale_opportunity": Model(
        name="sale.opportunity",
        fields="number reference party address employee currency amount start_date end_date conversion_probability lost_reason state "
        "marketing_medium marketing_campaign",
        personal={"reference": REFERENCE, "lost_reason": REASON},
    ),
    "sale_sale": Model(
        name="sale.sale",
        fields="number reference description comment party shipment_address warehouse currency origin quotation_date sale_date "
        "shipping_date untaxed_amount tax_amount total_amount state shipment_state invoice_state marketing_medium marketing_campaign",
        personal={"reference": REFERENCE, "description": AGREED, "comment": AGREED},
    ),
    "sale_line": Model(name="sale.line", fields="sale type product quantity unit_price actual_quantity description", only=(["type", "=", "line"],),
                       personal={"description": "text"}),
    "sale_complaint_type": Model(name="sale.complaint.type", fields="name active", whole=True),
    "sale_complaint": Model(name="sale.complaint", fields="number reference date customer type origin description state",
                            personal={"reference": REFERENCE, "description": AGREED}),
    "sale_complaint_action": Model(name="sale.complaint.action", fields="complaint action quantity unit_price result"),
    "purchase_purchase": Model(
        name="purchase.purchase", fields="number reference party warehouse currency purchase_date delivery_date untaxed_amount state shipment_state",
        personal={"reference": REFERENCE},
    ),
    "purchase_line": Model(
        name="purchase.line",
        fields="purchase type product product_supplier quantity unit_price actual_quantity delivery_date_edit delivery_date_store",
        only=(["type", "=", "line"],),
    ),
    "stock_shipment_out": Model(
        name="stock.shipment.out", fields="number reference customer delivery_address warehouse carrier planned_date origin_planned_date effective_date state",
        personal={"reference": REFERENCE},
    ),
    "stock_shipment_in": Model(name="stock.shipment.in", fields="number reference supplier warehouse planned_date origin_planned_date effective_date state",
                               personal={"reference": REFERENCE}),
    "stock_shipment_out_return": Model(name="stock.shipment.out.return", fields="number reference customer warehouse planned_date effective_date state",
                                       personal={"reference": REFERENCE}),
    "stock_move": Model(
        name="stock.move",
        fields="product quantity unit_price cost_price currency origin shipment from_location to_location planned_date origin_planned_date "
        "effective_date state",
        only=(["OR", ["origin", "like", "sale.line,%"], ["origin", "like", "purchase.line,%"]],),
    ),
    "account_invoice": Model(
        name="account.invoice", fields="number reference type party currency invoice_date description comment untaxed_amount total_amount state",
        personal={"reference": REFERENCE, "description": AGREED, "comment": AGREED},
    ),
    "account_invoice_line": Model(name="account.invoice.line", fields="invoice type product quantity unit_price amount origin", only=(["type", "=", "line"],)),
    # Changes of state, of planned dates and the like; of the clicks only those on opportunities, where winning and losing write no change of state.
    "ir_model_log": Model(
        name="ir.model.log",
        fields="resource user event target",
        deletes="never",
        only=(
            ["OR", *(["resource", "like", f"{name},%"] for name in LOGGED)],
            ["OR", ["event", "in", ["write", "delete"]], ["target", "like", "state:%"], [["event", "=", "button"], ["resource", "like", "sale.opportunity,%"]]],
        ),
    ),
}
