"""The steps by which currencies, partners, users, products, warehouses and the pipeline came into Odoo."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time
from zoneinfo import ZoneInfo

from sandbox.company.plan import Plan
from sandbox.odoo.steps import (
    CUSTOMERS_AT,
    PARTNERS,
    SUPPLIERS_AT,
    TRANSFERS,
    Step,
    named,
    partner,
    product_numbers,
    stock_of,
    transfer_type,
    warehouse,
)

USERS = 10
LEAD_STAGES = (("New", False), ("Qualified", False), ("Proposition", False), ("Won", True))      # as Odoo's CRM begins
CANCELLED = "Cancelled"                # a lead that nobody pursues any more is lost for this reason


def masters(plan: Plan, start: datetime) -> Iterator[Step]:
    """start: since when there is what has no day of its own."""
    yield from _money_and_places(plan, start)
    yield from _people(plan, start)
    yield from _goods(plan, start)
    for place, (name, is_won) in enumerate(LEAD_STAGES, start=1):
        yield Step(at=start, model="crm.stage", id=place, values={"name": name, "sequence": place, "is_won": is_won})
    for reason in sorted({lead.lost_reason for lead in plan.leads if lead.lost_reason} | {CANCELLED}):
        yield Step(at=start, model="crm.lost.reason", id=named(reason), values={"name": reason})
    for channel in sorted(({order.channel for order in plan.orders} | {lead.channel for lead in plan.leads}) - {"unknown"}):
        yield Step(at=start, model="utm.medium", id=named(channel), values={"name": channel})
    for campaign in sorted({order.campaign for order in plan.orders if order.campaign} | {lead.campaign for lead in plan.leads if lead.campaign}):
        yield Step(at=start, model="utm.campaign", id=named(campaign), values={"name": campaign.lower().replace(" ", "-"), "title": campaign})


def currency(plan: Plan, code: str) -> int:
    """The company's own was there first."""
    return 1 if code == plan.currency else named(code)


def user(plan: Plan, email: str) -> int:
    return USERS + next(place for place, agent in enumerate(plan.agents) if agent.email == email)


def _money_and_places(plan: Plan, start: datetime) -> Iterator[Step]:
    zone = ZoneInfo(plan.time_zone)
    for code in sorted(({rate.currency for rate in plan.rates} | {order.currency for order in plan.orders}) - {plan.currency}):
        yield Step(at=start, model="res.currency", id=named(code), values={"name": code})
    for rate in plan.rates:
        at = max(start, datetime.combine(rate.on, time(0), zone))
        yield Step(at=at, model="res.currency.rate", id=named(f"{rate.currency} {rate.on}"),
                   values={"name": rate.on.isoformat(), "rate": float(rate.rate), "currency_id": named(rate.currency)})
    for code in sorted({customer.country for customer in plan.customers} | {supplier.country for supplier in plan.suppliers}):
        yield Step(at=start, model="res.country", id=named(code), values={"name": code, "code": code})


def _people(plan: Plan, start: datetime) -> Iterator[Step]:
    """Partners of other companies are shared: they belong to none of ours."""
    for place, agent in enumerate(plan.agents):
        zone = ZoneInfo(agent.time_zone)
        hired = max(start, datetime.combine(agent.hired_on, time(9), zone))
        yield Step(at=hired, model="res.partner", id=PARTNERS["A"] + place, values={"name": agent.name, "email": agent.email, "company_id": False})
        yield Step(at=hired, model="res.users", id=USERS + place, values={"login": agent.email, "name": agent.name, "email": agent.email,
                                                                         "partner_id": PARTNERS["A"] + place})
        if agent.left_on is not None and agent.left_on <= plan.ends_on:
            yield Step(at=datetime.combine(agent.left_on, time(18), zone), model="res.users", id=USERS + place, values={"active": False})
    for customer in plan.customers:
        mine = partner(customer.number)
        yield Step(at=customer.created_at, model="res.partner", id=mine, values={
            "name": customer.name, "ref": customer.number, "email": customer.email, "is_company": customer.is_company, "country_id": named(customer.country),
            "commercial_partner_id": mine, "type": "contact", "company_id": False})
    for supplier in plan.suppliers:
        mine = partner(supplier.number)
        yield Step(at=start, model="res.partner", id=mine, values={
            "name": supplier.name, "ref": supplier.number, "is_company": True, "country_id": named(supplier.country), "commercial_partner_id": mine,
            "type": "contact", "company_id": False})


def _goods(plan: Plan, start: datetime) -> Iterator[Step]:
    for category in sorted({one.category for one in plan.products}):
        yield Step(at=start, model="product.category", id=named(category), values={"name": category, "complete_name": category})
    numbers = product_numbers(plan)
    for product in plan.products:
        yield Step(at=start, model="product.product", id=numbers[product.code], values={
            "default_code": product.code, "name": product.name, "product_tmpl_id": numbers[product.code], "categ_id": named(product.category), "type": "consu",
            "detailed_type": "product", "list_price": float(product.list_price), "standard_price": float(product.cost_price), "company_id": False})
    lead_days = {one.number: one.lead_days for one in plan.suppliers}
    for place, offer in enumerate(plan.offers, start=1):
        yield Step(at=start, model="product.supplierinfo", id=place, values={
            "partner_id": partner(offer.supplier), "product_tmpl_id": numbers[offer.product], "product_id": numbers[offer.product], "price": float(offer.price),
            "currency_id": 1, "delay": lead_days[offer.supplier], "sequence": offer.rank})
    for identity, usage in ((SUPPLIERS_AT, "supplier"), (CUSTOMERS_AT, "customer")):
        yield Step(at=start, model="stock.location", id=identity, values={"name": usage.capitalize() + "s", "usage": usage, "company_id": False})
    for one in plan.warehouses:
        mine = warehouse(plan, one.code)
        yield Step(at=start, model="res.partner", id=PARTNERS["W"] + mine, values={"name": one.name, "tz": one.time_zone, "company_id": False})
        yield Step(at=start, model="stock.warehouse", id=mine, values={"name": one.name, "code": one.code, "partner_id": PARTNERS["W"] + mine})
        yield Step(at=start, model="stock.location", id=stock_of(mine), values={"name": "Stock", "complete_name": f"{one.code}/Stock", "usage": "internal",
                                                                              "warehouse_id": mine})
        for step, (_, direction) in TRANSFERS.items():
            yield Step(at=start, model="stock.picking.type", id=transfer_type(mine, step),
                       values={"name": step, "code": direction, "sequence_code": step, "warehouse_id": mine})
    for carrier in sorted({shipment.carrier for order in plan.orders for shipment in order.shipments}):
        yield Step(at=start, model="delivery.carrier", id=named(carrier), values={"name": carrier, "company_id": False})
