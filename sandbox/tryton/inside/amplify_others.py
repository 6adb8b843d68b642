# SPDX-License-Identifier: GPL-3.0-or-later
# Written against Tryton's table layout and used only together with it; runs only in the Tryton environment.
"""Leads, complaints and purchases, as rows in the image of those that went through the workflows."""

from __future__ import annotations

from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from amplify import CENT, Amplifier
from workflow import due

from sandbox.company.plan import Complaint, Lead, Order, Purchase


def add_lead(maker: Amplifier, lead: Lead, order: Order | None) -> datetime | None:
    """The opportunity, its log, and the offer's sale when no order came of it. Returns when the offer was made."""
    states = {"offer": "converted"}
    at = dict(lead.stages)
    last, _ = lead.stages[-1]
    state = states.get(last, last)
    won_at = order.confirmed_at if order else None
    if last == "won" and won_at is None:
        state = "converted"  # Tryton calls it won when the sale is confirmed
    ended = won_at if last == "won" else at.get("lost") or at.get("cancelled")
    amount = lead.amount
    if order is not None and last == "won":
        amount = sum(line.unit_price * line.quantity for line in order.lines) / maker.rate(order.currency, order.confirmed_at or order.placed_at)
    number = maker.rows.add(
        "sale_opportunity",
        "state IS NOT NULL",
        {
            "number": lead.number,
            "company": maker.known.company,
            "party": maker.known.party.get(lead.customer),
            "address": maker.known.address.get((lead.customer, lead.region)),
            "employee": maker.known.employee.get(lead.owner),
            "amount": amount.quantize(CENT, ROUND_HALF_UP),
            "currency": maker.known.currency[maker.plan.currency],
            "start_date": maker.day(lead.created_at),
            "end_date": maker.day(ended) if ended else None,
            "lost_reason": lead.lost_reason,
            "state": state,
            "marketing_medium": maker.known.medium.get(lead.channel),
            "marketing_campaign": maker.known.campaign.get(lead.campaign or ""),
            "create_date": lead.created_at,
            "write_date": max([moment for stage, moment in lead.stages if stage != "won"] + ([won_at] if won_at else [])) if len(lead.stages) > 1 else None,
        },
    )
    maker.c.opportunity[lead.number] = number
    resource = f"sale.opportunity,{number}"
    for stage, moment in lead.stages[1:]:
        if stage == "opportunity":
            maker.log(resource, moment, "opportunity", "button")
            maker.log(resource, moment, "state:opportunity")
        elif stage == "offer":
            maker.log(resource, moment, "convert", "button")
            maker.log(resource, moment, "state:converted")
        elif stage == "cancelled":
            maker.log(resource, moment, "cancel", "button")  # Tryton logs no change of state for this, nor for won and lost
        elif stage == "lost" and "offer" not in at:
            maker.log(resource, moment, "lost", "button")
    if "offer" in at and order is None:
        add_offer(maker, lead, number, at["offer"], at.get("lost"))
    return at.get("offer")


def add_offer(maker: Amplifier, lead: Lead, opportunity: int, made_at: datetime, lost_at: datetime | None) -> None:
    """Making an offer makes an empty draft sale, losing it cancels that sale: so does Tryton."""
    sale = maker.rows.add(
        "sale_sale",
        "quotation_date IS NULL AND origin LIKE 'sale.opportunity,%'",
        {
            "number": None,
            "party": maker.known.party[lead.customer],
            "currency": maker.known.currency[maker.plan.currency],
            "origin": f"sale.opportunity,{opportunity}",
            "invoice_address": maker.known.address[lead.customer, lead.region],
            "shipment_address": maker.known.address[lead.customer, lead.region],
            "marketing_medium": maker.known.medium.get(lead.channel),
            "marketing_campaign": maker.known.campaign.get(lead.campaign or ""),
            "state": "cancelled" if lost_at else "draft",
            "create_date": made_at,
            "write_date": lost_at,
        },
    )
    if lost_at:
        maker.log(f"sale.sale,{sale}", lost_at, "state:cancelled")


def add_complaint(maker: Amplifier, complaint: Complaint, customer: str) -> None:
    resolved = complaint.resolved_at
    number = maker.rows.add(
        "sale_complaint",
        "state IN ('done', 'waiting')",
        {
            "number": complaint.number,
            "reference": complaint.ticket,
            "company": maker.known.company,
            "customer": maker.known.party[customer],
            "date": maker.day(complaint.opened_at),
            "origin": f"sale.sale,{maker.c.sale[complaint.order]}",
            "type": maker.known.complaint_type[complaint.kind, complaint.is_major],
            "description": due(complaint),
            "state": ("done" if complaint.is_agreed else "rejected") if resolved else "waiting",
            "create_date": complaint.opened_at,
            "write_date": resolved or complaint.opened_at,
        },
    )
    maker.c.complaint[complaint.number] = number
    resource = f"sale.complaint,{number}"
    maker.log(resource, complaint.opened_at, "state:waiting")
    if resolved:
        for state in ("approved", "done") if complaint.is_agreed else ("rejected",):
            maker.log(resource, resolved, f"state:{state}")


def add_purchase(maker: Amplifier, purchase: Purchase) -> None:
    net = sum((line.unit_price * line.quantity).quantize(CENT) for line in purchase.lines)
    place = maker.known.warehouse[purchase.warehouse]
    party = maker.known.party[purchase.supplier]
    going = purchase.state in ("ordered", "received")
    day = maker.day(purchase.ordered_at)
    steps = [at for at in (purchase.ordered_at, purchase.cancelled_at, purchase.received_at) if at]
    number = maker.rows.add(
        "purchase_purchase",
        "state IS NOT NULL",
        {
            "number": purchase.number,
            "company": maker.known.company,
            "party": party,
            "invoice_address": maker.c.home_address(purchase.supplier),
            "currency": maker.known.currency[maker.plan.currency],
            "warehouse": place["id"],
            "delivery_date": purchase.promised_on,
            "purchase_date": day if going else None,
            "untaxed_amount_cache": net if going else None,
            "tax_amount_cache": Decimal(0) if going else None,
            "total_amount_cache": net if going else None,
            "state": "processing" if going else purchase.state,
            "shipment_state": "received" if purchase.received_at else "waiting" if going else "none",
            "to_invoice": 1 if going else 0,
            "create_date": purchase.ordered_at,
            "write_date": max(steps) if purchase.state != "draft" else None,
        },
    )
    maker.c.purchase[purchase.number] = number
    resource = f"purchase.purchase,{number}"
    if purchase.state != "draft":
        maker.log(resource, purchase.ordered_at, "state:quotation")
    if going:
        maker.log(resource, purchase.ordered_at, "state:processing")
    if purchase.cancelled_at:
        maker.log(resource, purchase.cancelled_at, "state:cancelled")
    shipment = None
    if purchase.received_at:
        shipment = maker.rows.add(
            "stock_shipment_in",
            "state = 'done'",
            {
                "number": maker.number("Supplier Shipment"),
                "supplier": party,
                "warehouse": place["id"],
                "warehouse_input": place["input"],
                "warehouse_storage": place["storage"],
                "planned_date": purchase.promised_on,
                "effective_date": maker.day(purchase.received_at),
                "create_date": purchase.received_at,
                "write_date": purchase.received_at,
            },
        )
        maker.log(f"stock.shipment.in,{shipment}", purchase.received_at, "state:received")
        maker.log(f"stock.shipment.in,{shipment}", purchase.received_at, "state:done")
    for line in purchase.lines:
        add_purchase_line(maker, purchase, line.product, line.quantity, line.unit_price, number, shipment)


def add_purchase_line(maker: Amplifier, purchase: Purchase, code: str, pieces: int, price: Decimal, number: int, shipment: int | None) -> None:
    place = maker.known.warehouse[purchase.warehouse]
    going = purchase.state in ("ordered", "received")
    line = maker.rows.add(
        "purchase_line",
        "type = 'line'",
        {
            "purchase": number,
            "product": maker.known.product[code],
            "product_supplier": maker.known.offer.get((purchase.supplier, code)),
            "quantity": float(pieces),
            "actual_quantity": float(pieces) if going else None,
            "quantity_to_invoice": float(pieces) if going else None,
            "unit_price": price,
            "create_date": purchase.ordered_at,
            "write_date": purchase.ordered_at if going else None,
        },
    )
    if not going:
        return
    received = purchase.received_at
    common = {
        "product": maker.known.product[code],
        "quantity": float(pieces),
        "internal_quantity": float(pieces),
        "shipment": f"stock.shipment.in,{shipment}" if shipment else None,
        "state": "done" if received else "draft",
        "effective_date": maker.day(received) if received else None,
    }
    incoming = maker.rows.add(
        "stock_move",
        "origin LIKE 'purchase.line,%'",
        {
            **common,
            "origin": f"purchase.line,{line}",
            "from_location": maker.suppliers,
            "to_location": place["input"],
            "unit_price": price,
            "currency": maker.known.currency[maker.plan.currency],
            "planned_date": purchase.promised_on,
            "origin_planned_date": purchase.promised_on,
            "cost_price": maker.known.cost[code] if received else None,
            "create_date": purchase.ordered_at,
            "write_date": received,
        },
    )
    if received:
        maker.rows.add(
            "stock_move",
            "origin LIKE 'stock.move,%' AND shipment LIKE 'stock.shipment.in,%'",
            {
                **common,
                "origin": f"stock.move,{incoming}",
                "from_location": place["input"],
                "to_location": place["storage"],
                "planned_date": maker.day(received),
                "create_date": received,
                "write_date": received,
            },
        )
