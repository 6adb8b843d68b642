"""The models that the stand-in has, as Odoo's source declares them: fields with their types, links with where they lead, and the versions they are of.

A field is `name:type` (text where no type stands), `name>model` (many2one) or `name*model` (many2many); `@17-` behind it: from 17 on, `@-16`: up to 16.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

EMPTY: Mapping[str, Any] = {"integer": 0, "float": 0.0, "boolean": False, "many2many": []}      # of every other type Odoo shows `false`
COMPANY, ARCHIVED = "company_id>res.company", "active:boolean"
VALUES = " ".join(f"{which}_value_{kind}" for which in ("old", "new") for kind in ("integer:integer", "char", "datetime:datetime"))
DECLARED: Mapping[str, str] = {
    "res.company": f"name currency_id>res.currency partner_id>res.partner {ARCHIVED}",
    "res.currency": f"name {ARCHIVED}",
    "res.currency.rate": f"name:date rate:float currency_id>res.currency {COMPANY}",
    "res.country": "name code",
    "res.users": f"login name email partner_id>res.partner {COMPANY} company_ids*res.company {ARCHIVED}",
    "res.partner": "name ref email parent_id>res.partner commercial_partner_id>res.partner type is_company:boolean country_id>res.country tz"
                   f" {COMPANY} {ARCHIVED}",
    "utm.medium": f"name {ARCHIVED}",
    "utm.source": "name",
    "utm.campaign": f"name title {ARCHIVED}",
    "crm.stage": "name sequence:integer is_won:boolean fold:boolean",
    "crm.lost.reason": f"name {ARCHIVED}",
    "crm.lead": "name type partner_id>res.partner user_id>res.users team_id:integer stage_id>crm.stage probability:float expected_revenue:float"
                " country_id>res.country date_open:datetime date_closed:datetime date_conversion:datetime date_last_stage_update:datetime"
                f" lost_reason_id>crm.lost.reason campaign_id>utm.campaign medium_id>utm.medium source_id>utm.source {COMPANY} {ARCHIVED}",
    "product.category": "name complete_name parent_id>product.category",
    "product.product": "default_code name product_tmpl_id:integer categ_id>product.category type detailed_type@-17 list_price:float standard_price:float"
                       f" {COMPANY} {ARCHIVED}",
    "product.supplierinfo": "partner_id>res.partner product_tmpl_id:integer product_id>product.product price:float currency_id>res.currency delay:integer"
                            f" min_qty:float sequence:integer {COMPANY}",
    "stock.warehouse": f"name code partner_id>res.partner {COMPANY} {ARCHIVED}",
    "stock.location": f"name complete_name usage warehouse_id>stock.warehouse {COMPANY} {ARCHIVED}",
    "stock.picking.type": f"name code sequence_code warehouse_id>stock.warehouse {COMPANY} {ARCHIVED}",
    "delivery.carrier": f"name {COMPANY} {ARCHIVED}",
    "sale.order": "name partner_id>res.partner partner_shipping_id>res.partner date_order:datetime state commitment_date:datetime currency_id>res.currency"
                  " origin campaign_id>utm.campaign medium_id>utm.medium source_id>utm.source amount_untaxed:float amount_total:float"
                  f" warehouse_id>stock.warehouse opportunity_id>crm.lead x_requested_on:date {COMPANY}",
    "sale.order.line": "order_id>sale.order product_id>product.product display_type product_uom_qty:float qty_delivered:float qty_invoiced:float"
                       f" price_unit:float discount:float price_subtotal:float currency_id>res.currency {COMPANY}",
    "purchase.order": "name partner_id>res.partner date_order:datetime date_approve:datetime date_planned:datetime state"
                      f" currency_id>res.currency origin amount_untaxed:float picking_type_id>stock.picking.type {COMPANY}",
    "purchase.order.line": "order_id>purchase.order product_id>product.product display_type product_qty:float qty_received:float price_unit:float"
                           f" price_subtotal:float date_planned:datetime {COMPANY}",
    "stock.picking": "name partner_id>res.partner picking_type_id>stock.picking.type state scheduled_date:datetime date_deadline:datetime"
                     " date_done:datetime origin location_id>stock.location location_dest_id>stock.location backorder_id>stock.picking sale_id>sale.order"
                     f" carrier_id>delivery.carrier return_id>stock.picking@17- x_delivered_at:datetime x_reason x_fault {COMPANY}",
    "stock.move": "product_id>product.product product_uom_qty:float quantity:float@17- quantity_done:float@-16 value:float@19- state"
                  " picking_id>stock.picking date:datetime location_id>stock.location location_dest_id>stock.location"
                  f" origin_returned_move_id>stock.move sale_line_id>sale.order.line purchase_line_id>purchase.order.line {COMPANY}",
    "stock.quant": f"product_id>product.product location_id>stock.location quantity:float reserved_quantity:float in_date:datetime lot_id:integer {COMPANY}",
    "account.move": "name move_type state date:date invoice_date:date partner_id>res.partner currency_id>res.currency amount_untaxed:float"
                    " amount_total:float amount_untaxed_signed:float payment_state reversed_entry_id>account.move ref invoice_origin x_reason x_fault"
                    f" {COMPANY}",
    "account.move.line": "move_id>account.move product_id>product.product display_type quantity:float price_unit:float price_subtotal:float"
                         f" currency_id>res.currency sale_line_ids*sale.order.line purchase_line_id>purchase.order.line {COMPANY}",
    "helpdesk.stage": "name sequence:integer fold:boolean",
    "helpdesk.team": f"name {COMPANY} {ARCHIVED}",
    "helpdesk.ticket": "name ticket_ref team_id>helpdesk.team stage_id>helpdesk.stage user_id>res.users partner_id>res.partner priority assign_date:datetime"
                       f" close_date:datetime sale_order_id>sale.order {COMPANY} {ARCHIVED}",
    "ir.model.fields": "model name",
    "mail.message": "model res_id:integer date:datetime author_id>res.partner message_type is_internal:boolean",
    "mail.tracking.value": f"field>ir.model.fields@-16 field_id>ir.model.fields@17- mail_message_id>mail.message {VALUES}",
}
LAYERS = f"product_id>product.product stock_move_id>stock.move quantity:float value:float unit_cost:float {COMPANY}"
STAMPS = ("create_date", "write_date")


@dataclass(frozen=True, kw_only=True)
class Field:
    """relation: the model that a link leads to."""

    type: str
    relation: str = ""

    @property
    def empty(self) -> Any:
        return EMPTY.get(self.type, False)


@cache
def schema(version: int) -> Mapping[str, Mapping[str, Field]]:
    """model -> field -> what it is. stock.valuation.layer went with 19."""
    declared = {**DECLARED, **({"stock.valuation.layer": LAYERS} if version < 19 else {})}
    stamps = {"id": Field(type="integer"), **{name: Field(type="datetime") for name in STAMPS}}
    return {model: {**stamps, **dict(_field(word) for word in text.split() if _is_of(word, version))} for model, text in declared.items()}


def _is_of(word: str, version: int) -> bool:
    first, _, last = word.partition("@")[2].partition("-")
    return int(first or 0) <= version <= int(last or 99)


def _field(word: str) -> tuple[str, Field]:
    match = re.fullmatch(r"(\w+)(?:([:>*])([\w.]+))?", word.partition("@")[0])
    assert match is not None, word
    name, mark, what = match.groups()
    kind = {">": "many2one", "*": "many2many", None: "char"}.get(mark, what)
    return name, Field(type=kind, relation=what if mark in (">", "*") else "")
