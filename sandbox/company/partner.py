"""A partner that makes some of the company's goods to order and ships them itself. It takes orders in its web portal only: somebody types them in there.

Since the day on which that began, all orders of those goods go to it. Whoever types them in is behind by some days: what is left is the robot's work.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sandbox.company.plan import Order, Plan
from sandbox.company.planted import ENDS_ON

PARTNER = "Kolmar"
SINCE = date(2026, 10, 5)
FIRST_CONFIRMATION = 500_001
BEHIND = 7                          # days of orders that nobody has typed in yet
# our product -> the partner's item number
ITEMS = {"LMP-130": "K-2130", "LMP-150": "K-2150", "ARM-400": "K-4400", "SND-520": "K-5520", "PWR-630": "K-6630", "PLT-810": "K-8810"}


@dataclass(frozen=True, kw_only=True)
class Due:
    """What is to be typed in, or was. lines: (the partner's item, our product, pieces)."""

    reference: str
    customer: str
    requested_on: date
    lines: tuple[tuple[str, str, int], ...]
    placed_on: date
    entered_on: date


def items(plan: Plan) -> list[dict[str, object]]:
    """The register of what goes to the partner, and since when."""
    return [{"partner": PARTNER, "product": product, "partner_item": item, "valid_from": SINCE} for product, item in ITEMS.items()]


def due(plan: Plan) -> list[Due]:
    """Every order that goes to the partner, typed in or not, in the order in which they were placed."""
    zone = ZoneInfo(plan.time_zone)
    found = []
    for order in plan.orders:
        placed_on = order.placed_at.astimezone(zone).date()
        lines = _lines(order)
        if lines and placed_on >= SINCE and order.confirmed_at is not None and order.cancelled_at is None:
            found.append(Due(reference=order.number, customer=order.customer, requested_on=order.requested_on or order.promised_on, lines=lines,
                             placed_on=placed_on, entered_on=order.confirmed_at.astimezone(zone).date()))
    return found


def entered(plan: Plan) -> list[Due]:
    """What somebody has typed in until the first night; nobody does afterwards."""
    return [one for one in due(plan) if one.entered_on <= ENDS_ON - timedelta(days=BEHIND)]


def to_rekey(plan: Plan) -> list[Due]:
    """What is left; what reached its customer needs nobody any more."""
    typed = {one.reference for one in entered(plan)}
    arrived = {order.number for order in plan.orders if order.shipments and all(parcel.delivered_at for parcel in order.shipments)}
    return [one for one in due(plan) if one.reference not in typed | arrived]


def reported(plan: Plan) -> list[dict[str, object]]:
    """What the portal's report says of what was typed in by hand: columns and order of its own."""
    prices = {product.code: product.cost_price for product in plan.products}
    return [
        {"Confirmation": FIRST_CONFIRMATION + number, "Your reference": one.reference, "Entered": one.entered_on, "Delivery date": one.requested_on,
         "Customer no.": one.customer, "Lines": len(one.lines), "Total EUR": sum((prices[product] * pieces for _, product, pieces in one.lines), Decimal(0)),
         "Status": "open"}
        for number, one in enumerate(entered(plan))
    ]


def _lines(order: Order) -> tuple[tuple[str, str, int], ...]:
    return tuple((ITEMS[line.product], line.product, line.quantity) for line in order.lines if line.product in ITEMS)
