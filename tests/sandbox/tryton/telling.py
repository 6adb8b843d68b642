"""The plan's facts in the shape in which `reading` tells them."""

from __future__ import annotations

from decimal import Decimal
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.company.plan import Lead, Order, Plan, Purchase

Row = dict[str, Any]


def told_order(order: Order) -> Row:
    parcels = []
    for parcel in sorted(order.shipments, key=lambda parcel: sorted(parcel.quantities)) if not order.cancelled_at else ():
        parcels.append(
            {
                "quantities": {code: float(pieces) for code, pieces in parcel.quantities.items()},
                "picked_at": parcel.picked_at,
                "packed_at": parcel.packed_at,
                "shipped_at": parcel.shipped_at,
                "delivered_at": parcel.delivered_at,
                "carrier": parcel.carrier if parcel.shipped_at else None,
            }
        )
    return {
        "customer": order.customer,
        "currency": order.currency,
        "warehouse": order.warehouse,
        "channel": order.channel.lower(),
        "campaign": order.campaign.lower() if order.campaign else None,
        "region": order.region,
        "placed_at": order.placed_at,
        "confirmed_at": order.confirmed_at,
        "cancelled_at": order.cancelled_at,
        "requested_on": order.requested_on,
        "promised_on": order.promised_on,
        "promised_last_on": order.promised_again_on or order.promised_on,
        "net": sum((line.unit_price * line.quantity for line in order.lines), Decimal(0)),
        "lines": sorted((line.product, float(line.quantity), line.unit_price) for line in order.lines),
        "parcels": parcels,
    }


def told_corrections(plan: Plan) -> list[tuple[Any, ...]]:
    found = []
    for order in plan.orders:
        prices = {line.product: line.unit_price for line in order.lines}
        for one in order.corrections:
            pieces = sorted((code, float(number)) for code, number in one.quantities.items())
            net = sum((prices[code] * number for code, number in one.quantities.items()), Decimal(0))
            found.append((order.number, one.kind, one.reason, one.our_fault, one.at, pieces, net))
    return sorted(found)


def told_lead(lead: Lead, order: Order | None) -> Row:
    at = dict(lead.stages)
    state = {"offer": "converted"}.get(lead.stages[-1][0], lead.stages[-1][0])
    if state == "won" and (order is None or order.confirmed_at is None):
        state = "converted"
    return {
        "customer": lead.customer,
        "owner": lead.owner,
        "region": lead.region,
        "channel": lead.channel,
        "campaign": lead.campaign.lower() if lead.campaign else None,
        "created_at": lead.created_at,
        "opportunity": at.get("opportunity"),
        "offer": at.get("offer"),
        "won": order.placed_at if state == "won" and order else None,
        "lost": at.get("lost"),
        "cancelled": at.get("cancelled"),
        "lost_reason": lead.lost_reason,
        "state": state,
        "order": lead.order if state == "won" else None,
    }


def told_purchase(purchase: Purchase, plan: Plan) -> Row:
    state = "processing" if purchase.state in ("ordered", "received") else purchase.state
    received_on = purchase.received_at.astimezone(ZoneInfo(plan.time_zone)).date() if purchase.received_at else None
    return {
        "supplier": purchase.supplier,
        "warehouse": purchase.warehouse,
        "promised_on": purchase.promised_on,
        "ordered_at": purchase.ordered_at,
        "received_at": purchase.received_at,
        "received_on": received_on,
        "state": state,
        "lines": sorted((line.product, float(line.quantity), line.unit_price) for line in purchase.lines),
    }


def told_complaints(plan: Plan) -> dict[str, Row]:
    return {
        one.number: {
            "order": one.order,
            "ticket": one.ticket,
            "kind": one.kind,
            "is_major": one.is_major,
            "opened_at": one.opened_at,
            "due_at": one.due_at,
            "resolved_at": one.resolved_at,
            "is_agreed": one.is_agreed if one.resolved_at else None,
        }
        for one in plan.complaints
    }
