"""What is read of Odoo: its models, as streams, and the fields of each (odoo.py says how).

A field behind a '?' need not be there: it is of some versions only, of a module that a company may do without, or one that companies add themselves
(Settings, Technical, Fields) because Odoo has no place for what it says:

    sale.order      x_requested_on  day on which the customer wants the goods (`commitment_date` is what we promise)
    stock.picking   x_delivered_at  instant at which the carrier handed the parcel over (`date_done` is when it left); without it a parcel that left has arrived
    stock.picking, account.move     x_reason, x_fault ('ours' or 'customer'): why goods came back or money was given back

Only stored fields, whose change stamps the record itself, unless the model is read whole.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from connectors.personal import DOCUMENT_NUMBER, LIST_ENTRY
from connectors.stream import Cursor, Kind, Personal, Stream

# `write_date` is the start of the writing transaction: a web request may take minutes (limit_time_real, 2 by default), a planned job longer.
LAG, OVERLAP = timedelta(minutes=5), timedelta(minutes=25)
STAMPS = "create_date write_date"
INVOICES = ["out_invoice", "out_refund", "in_invoice", "in_refund"]
# Whose changes Odoo writes down ("Tracking field changes"), and which of them tell what the record itself does not say any more.
TRACKED: Mapping[str, tuple[str, ...]] = {
    "crm.lead": ("stage_id", "active", "type"), "sale.order": ("state",), "purchase.order": ("state",), "stock.picking": ("scheduled_date",),
    "helpdesk.ticket": ("stage_id", "team_id", "user_id"),
}


def tracked(model: str, name: str) -> tuple[Any, ...]:
    """The domain 'one of those fields'. model, name: what these are called where it is asked."""
    terms = [term for of, names in TRACKED.items() for term in ("&", [model, "=", of], [name, "in", [*names]])]
    return (*["|"] * (len(TRACKED) - 1), *terms)


@dataclass(frozen=True, kw_only=True)
class Model:
    """What is read of one model. whole: read in full every time. only: a domain that every read is limited to. personal, is_master: as in
    connectors.stream.Stream."""

    name: str
    fields: str
    whole: bool = False
    is_master: bool = False
    only: tuple[Any, ...] = ()
    personal: Mapping[str, Kind | Personal] = field(default_factory=dict)


# Names of firms are nobody's; references are numbers of things, and some people write a name into them.
NAME = Personal(kind="name", unless={"is_company": frozenset({"true"})})
NUMBER = Personal(kind="text", keeps=rf"{DOCUMENT_NUMBER}|^\d{{1,8}}$")
REASON = Personal(kind="text", keeps=LIST_ENTRY)
REVERSAL = Personal(kind="text", keeps=r"^Reversal of: [^,@]+, (?-i:[a-z][a-z/&-]*(?: [a-z/&-]+){0,4})$")


def _models(*models: Model) -> Mapping[str, Model]:
    return {model.name.replace(".", "_"): model for model in models}


# Order: masters before what names them, so that a first read that stops half-way leaves few dangling ids.
MODELS: Mapping[str, Model] = _models(
    Model(name="res.company", fields="name currency_id partner_id ?active", whole=True),
    Model(name="res.currency", fields="name active", whole=True),
    Model(name="res.currency.rate", fields="name rate currency_id company_id", is_master=True),
    Model(name="res.country", fields="name code", whole=True),
    Model(name="res.users", fields="login name email partner_id company_id active", whole=True,
          personal={"login": "staff", "name": "staff", "email": "staff"}),
    Model(name="res.partner", fields="name ref parent_id commercial_partner_id type is_company country_id tz active company_id", is_master=True,
          personal={"name": NAME, "ref": NUMBER}),
    Model(name="utm.medium", fields="name active", whole=True),
    Model(name="utm.source", fields="name", whole=True),
    Model(name="utm.campaign", fields="name title ?active", whole=True),
    Model(name="crm.stage", fields="name sequence is_won fold", whole=True),
    Model(name="crm.lost.reason", fields="name active", whole=True),
    Model(name="crm.lead", fields="name type partner_id user_id team_id stage_id active probability expected_revenue company_id country_id date_open"
          " date_closed date_conversion date_last_stage_update lost_reason_id campaign_id medium_id source_id", personal={"name": NUMBER}),
    Model(name="product.category", fields="name complete_name parent_id", whole=True),
    # Its name, category and price are the template's, its cost that of a company (to 17 in ir.property): none of them stamps the product.
    Model(name="product.product", fields="default_code name product_tmpl_id categ_id type ?detailed_type list_price standard_price active company_id",
          whole=True),
    Model(name="product.supplierinfo", fields="partner_id product_tmpl_id product_id price currency_id delay min_qty sequence company_id", whole=True),
    Model(name="stock.warehouse", fields="name code partner_id company_id active", whole=True),
    Model(name="stock.location", fields="name complete_name usage warehouse_id company_id active", whole=True),
    Model(name="stock.picking.type", fields="name code sequence_code warehouse_id company_id active", whole=True),
    Model(name="delivery.carrier", fields="name company_id active", whole=True),
    Model(name="sale.order", fields="name partner_id partner_shipping_id date_order state commitment_date currency_id company_id origin campaign_id medium_id"
          " source_id amount_untaxed amount_total ?warehouse_id ?opportunity_id ?x_requested_on", personal={"origin": NUMBER}),
    Model(name="sale.order.line", fields="order_id product_id display_type product_uom_qty qty_delivered qty_invoiced price_unit discount price_subtotal"
          " currency_id company_id"),
    Model(name="purchase.order", fields="name partner_id date_order date_approve date_planned state currency_id company_id origin amount_untaxed"
          " ?picking_type_id", personal={"origin": NUMBER}),
    Model(name="purchase.order.line", fields="order_id product_id display_type product_qty qty_received price_unit price_subtotal date_planned company_id"),
    Model(name="stock.picking", fields="name partner_id picking_type_id state scheduled_date date_deadline date_done origin location_id location_dest_id"
          " backorder_id company_id ?sale_id ?carrier_id ?return_id ?x_delivered_at ?x_reason ?x_fault",
          personal={"origin": NUMBER, "x_reason": REASON}),
    # 17 renamed quantity_done; the value that goods had when they moved is in layers up to 18, in the move from 19 on.
    Model(name="stock.move", fields="product_id product_uom_qty state picking_id date location_id location_dest_id origin_returned_move_id company_id"
          " ?quantity ?quantity_done ?value ?sale_line_id ?purchase_line_id"),
    Model(name="stock.valuation.layer", fields="product_id stock_move_id quantity value unit_cost company_id"),
    # Odoo merges quants by SQL of its own (stock.quant, _merge_quants), which stamps none of them.
    Model(name="stock.quant", fields="product_id location_id quantity reserved_quantity in_date lot_id company_id", whole=True),
    Model(name="account.move", fields="name move_type state date invoice_date partner_id currency_id company_id amount_untaxed amount_total"
          " amount_untaxed_signed payment_state reversed_entry_id ref invoice_origin ?x_reason ?x_fault", only=(["move_type", "in", INVOICES],),
          personal={"ref": REVERSAL, "invoice_origin": NUMBER, "x_reason": REASON}),
    Model(name="account.move.line", fields="move_id product_id display_type quantity price_unit price_subtotal currency_id company_id ?sale_line_ids"
          " ?purchase_line_id", only=(["display_type", "=", "product"], ["move_id.move_type", "in", INVOICES])),
    Model(name="helpdesk.stage", fields="name sequence fold", whole=True),
    Model(name="helpdesk.team", fields="name company_id active", whole=True),
    Model(name="helpdesk.ticket", fields="name ticket_ref team_id stage_id user_id partner_id priority assign_date close_date active company_id"
          " ?sale_order_id", personal={"name": "text"}),
    # what was said about a ticket, without its words
    Model(name="mail.message", fields="model res_id date author_id message_type is_internal",
          only=(["model", "=", "helpdesk.ticket"], ["message_type", "in", ["email", "comment"]])),
    Model(name="ir.model.fields", fields="model name", whole=True, only=tracked("model", "name")),
    Model(name="mail.tracking.value", fields="?field_id ?field mail_message_id old_value_integer new_value_integer old_value_char new_value_char"
          " old_value_datetime new_value_datetime"),
)


def stream_of(name: str, model: Model) -> Stream:
    """Nothing in Odoo tells of a record that was unlinked: what is not read whole is swept."""
    if model.whole:
        return Stream(name=name, key=("id",), deletes="full", personal=model.personal)
    return Stream(name=name, key=("id",), deletes="sweep", cursor=Cursor(field="write_date", lag=LAG, overlap=OVERLAP), stamps=("write_date", "create_date"),
                  personal=model.personal, is_master=model.is_master)
