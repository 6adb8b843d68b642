"""What the order desk writes back into a CRM: a lead is won when its order is confirmed, and worth what was ordered."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from sandbox.company.plan import Order, Plan

CENT = Decimal("0.01")
Stages = tuple[tuple[str, datetime], ...]


def orders_by_number(plan: Plan) -> dict[str, Order]:
    return {order.number: order for order in plan.orders}


def stages_known(plan: Plan) -> dict[str, Stages]:
    """Each lead's stages as the CRM knows them: won at the instant at which the order was confirmed, and not before."""
    orders = orders_by_number(plan)
    won = {lead.number: orders[lead.order].confirmed_at for lead in plan.leads if lead.stages[-1][0] == "won" and lead.order in orders}
    return {lead.number: (*(entry for entry in lead.stages if entry[0] != "won"), *([("won", at)] if (at := won.get(lead.number)) else []))
            for lead in plan.leads}


def worth(order: Order, at: datetime, plan: Plan) -> Decimal:
    """What was ordered, in the reporting currency of that day."""
    day = at.astimezone(ZoneInfo(plan.time_zone)).date()
    rates = {rate.on: rate.rate for rate in plan.rates if rate.currency == order.currency and rate.on <= day}
    rate = rates[max(rates)] if rates else Decimal(1)
    return (sum((line.unit_price * line.quantity for line in order.lines), Decimal(0)) / rate).quantize(CENT)
