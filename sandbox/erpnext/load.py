"""Brings a Plan into the stand-in, step by step as it happened: masters, orders with their parcels, returns and credits, purchases, leads.

Names are the plan's numbers. What ERPNext leaves to each company is done the way many do it: a workflow on orders and delivery notes (its states are
custom), and custom fields for what the customer asked for and why goods came back. A parcel is a delivery note: picked and packed as a draft, submitted
when it is sent, delivered by a state behind that.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Any

from sandbox.company.deals import orders_of, stages_of, worth_of
from sandbox.company.hours import local_instant, start_of
from sandbox.company.plan import Correction, Lead, Order, Plan, Purchase, Shipment
from sandbox.company.story import Day
from sandbox.erpnext import site as sites
from sandbox.erpnext.site import Site

ABBREVIATION = "LO"
COUNTRIES = {
    "AU": "Australia", "BR": "Brazil", "CA": "Canada", "CN": "China", "CZ": "Czech Republic", "DE": "Germany", "ES": "Spain", "FR": "France",
    "GB": "United Kingdom", "HK": "Hong Kong", "IT": "Italy", "JP": "Japan", "KR": "Korea, Republic of", "MX": "Mexico", "NL": "Netherlands",
    "NZ": "New Zealand", "PL": "Poland", "PT": "Portugal", "SE": "Sweden", "SG": "Singapore", "TW": "Taiwan", "US": "United States", "VN": "Vietnam",
}
STAGES: Mapping[str, Mapping[str, Any]] = {
    "lead": {"status": "Open", "sales_stage": "Prospecting"}, "opportunity": {"sales_stage": "Qualification"},
    "offer": {"status": "Quotation", "sales_stage": "Proposal/Price Quote"}, "won": {"status": "Converted"}, "lost": {"status": "Lost"},
    "cancelled": {"status": "Closed"},
}
Step = tuple[datetime, Callable[..., None]]      # to be called with `at`


def load(plan: Plan, site: Site) -> dict[str, int]:
    """The whole plan into an empty state. Returns how many documents of each kind there are."""
    with site.state.transaction():
        for at, step in sorted([*_masters(plan, site), *_steps(plan, site)], key=lambda one: one[0]):
            step(at=at)
    return {doctype: site.state.count(doctype) for doctype in ("Customer", "Sales Order", "Delivery Note", "Purchase Order", "Opportunity", "Version")}


def live_day(before: Plan, day: Day, site: Site) -> dict[str, int]:
    """From the end of one plan to the end of the next: whatever happens in between, and what is thrown away in the evening."""
    since, evening = _end(before), local_instant(day.day, "18:30", before.time_zone)
    steps = sorted(((at, step) for at, step in _steps(day.after, site) if since < at), key=lambda one: one[0])
    gone = [(doctype, number) for kind, doctype in (("leads", "Opportunity"), ("purchases", "Purchase Order")) for number in day.deleted.get(kind, ())
            if site.state.get(doctype, number)]
    with site.state.transaction():
        for at, step in steps:
            step(at=at)
        for doctype, number in gone:
            sites.delete(site, doctype, number, at=evening)
    return {"steps": len(steps), "deleted": len(gone)}


def _masters(plan: Plan, site: Site) -> Iterator[Step]:
    began = start_of(plan.starts_on, plan.time_zone)
    start = min([began, *(customer.created_at for customer in plan.customers)]) - timedelta(days=1)

    def new(doctype: str, name: str, **values: Any) -> Step:
        return start, partial(sites.insert, site, doctype, name, values)

    yield new("Company", plan.company, company_name=plan.company, abbr=ABBREVIATION, default_currency=plan.currency, country="Germany")
    yield from (new("Country", name, country_name=name, code=code.lower()) for code, name in COUNTRIES.items())
    yield from (new("Territory", region, territory_name=region, is_group=1) for region in ("EMEA", "APAC", "AMER"))
    for house in plan.warehouses:
        yield new("Warehouse", _warehouse(house.code), warehouse_name=house.code, company=plan.company, is_group=0)
    for one in plan.suppliers:
        yield new("Supplier", one.number, supplier_name=one.name, country=COUNTRIES[one.country])
    for product in plan.products:
        yield new("Item", product.code, item_code=product.code, item_name=product.name, item_group=product.category, is_stock_item=1,
                  standard_rate=float(product.list_price), valuation_rate=float(product.cost_price))


def _steps(plan: Plan, site: Site) -> Iterator[Step]:
    """All that happens, each with its instant; what happens to one document stands in its order."""
    orders, stages = orders_of(plan), stages_of(plan)
    costs = {product.code: float(product.cost_price) for product in plan.products}
    for rate in plan.rates:
        values = {"date": rate.on.isoformat(), "from_currency": plan.currency, "to_currency": rate.currency, "exchange_rate": float(rate.rate)}
        yield start_of(rate.on, plan.time_zone), partial(sites.insert, site, "Currency Exchange", f"{rate.on}-{rate.currency}", values)
    for customer in plan.customers:
        address = {"address_title": customer.name, "country": COUNTRIES[customer.country]}
        yield customer.created_at, partial(sites.insert, site, "Address", f"{customer.number}-Billing", address)
        values = {"customer_name": customer.name, "customer_type": "Company" if customer.is_company else "Individual", "email_id": customer.email,
                  "territory": customer.region, "customer_primary_address": f"{customer.number}-Billing"}
        yield customer.created_at, partial(sites.insert, site, "Customer", customer.number, values)
    for order in plan.orders:
        yield from _order(plan, site, order, costs)
    for purchase in plan.purchases:
        yield from _purchase(plan, site, purchase)
    for lead in plan.leads:
        yield from _lead(plan, site, lead, stages[lead.number], orders)


# ---- orders

def _order(plan: Plan, site: Site, order: Order, costs: Mapping[str, float]) -> Iterator[Step]:
    shared = {"customer": order.customer, "company": plan.company, "currency": order.currency, "territory": order.region,
              "set_warehouse": _warehouse(order.warehouse)}
    rows = [_moved(line.product, line.quantity, float(line.unit_price)) for line in order.lines]
    values = {**shared, "source": None if order.channel == "unknown" else order.channel, "campaign": order.campaign, "items": rows, "status": "Draft",
              "delivery_date": order.promised_on.isoformat(), "net_total": _total(rows), "workflow_state": "Placed",
              "custom_requested_on": order.requested_on.isoformat() if order.requested_on else None}
    yield order.placed_at, partial(sites.insert, site, "Sales Order", order.number, values)
    if order.confirmed_at:
        yield order.confirmed_at, partial(sites.submit, site, "Sales Order", order.number, status="To Deliver and Bill", workflow_state="Confirmed")
    if order.cancelled_at:
        ending = partial(sites.cancel, site, "Sales Order", order.number, workflow_state="Cancelled") if order.confirmed_at else partial(
            sites.save, site, "Sales Order", order.number, {"workflow_state": "Cancelled"})
        yield order.cancelled_at, ending
        return
    if order.promise_moved_at and order.promised_again_on:
        yield order.promise_moved_at, partial(sites.save, site, "Sales Order", order.number, {"delivery_date": order.promised_again_on.isoformat()})
    prices = {line.product: float(line.unit_price) for line in order.lines}
    for number, parcel in enumerate(order.shipments, start=1):
        yield from _parcel(site, order, f"DN-{order.number}-{number}", parcel, shared, prices, costs)
    for number, correction in enumerate(order.corrections, start=1):
        yield from _correction(site, order, number, correction, shared, prices, costs)


def _parcel(
    site: Site, order: Order, name: str, parcel: Shipment, shared: Mapping[str, Any], prices: Mapping[str, float], costs: Mapping[str, float],
) -> Iterator[Step]:
    assert order.confirmed_at is not None
    rows = _of_order(order, parcel.quantities, prices, costs)
    values = {**shared, "items": rows, "net_total": _total(rows), "is_return": 0, "status": "Draft", "workflow_state": "Waiting"}
    yield order.confirmed_at, partial(sites.insert, site, "Delivery Note", name, values)
    for state, at in (("Picked", parcel.picked_at), ("Packed", parcel.packed_at)):
        if at:
            yield at, partial(sites.save, site, "Delivery Note", name, {"workflow_state": state})
    if parcel.shipped_at:
        yield parcel.shipped_at, partial(sites.submit, site, "Delivery Note", name, status="To Bill", workflow_state="Shipped",
                                         transporter_name=parcel.carrier)
    if parcel.delivered_at:
        yield parcel.delivered_at, partial(sites.save, site, "Delivery Note", name, {"workflow_state": "Delivered"})


def _correction(
    site: Site, order: Order, number: int, correction: Correction, shared: Mapping[str, Any], prices: Mapping[str, float], costs: Mapping[str, float],
) -> Iterator[Step]:
    """Goods that come back are a delivery note with negative quantities; money alone is a credit note against an invoice."""
    rows = _of_order(order, {product: -pieces for product, pieces in correction.quantities.items()}, prices, costs)
    values = {**shared, "items": rows, "net_total": _total(rows), "is_return": 1, "custom_reason": correction.reason,
              "custom_fault": "ours" if correction.our_fault else "customer"}
    if correction.kind == "return":
        doctype, name = "Delivery Note", f"{order.number}-R{number}"
        yield correction.at, partial(sites.insert, site, doctype, name, {**values, "return_against": f"DN-{order.number}-1"})
    else:
        doctype, name, invoice = "Sales Invoice", f"{order.number}-C{number}", f"SI-{order.number}"
        billed = [{**_moved(line.product, line.quantity, prices[line.product]), "sales_order": order.number} for line in order.lines]
        yield order.placed_at, partial(sites.insert, site, doctype, invoice, {**shared, "items": billed, "net_total": _total(billed), "is_return": 0})
        yield correction.at, partial(sites.insert, site, doctype, name, {**values, "return_against": invoice})
    yield correction.at, partial(sites.submit, site, doctype, name)


def _of_order(order: Order, quantities: Mapping[str, int], prices: Mapping[str, float], costs: Mapping[str, float]) -> list[dict[str, Any]]:
    """Rows that name the order and its row: `so_detail` is the name that the row was given."""
    its = {line.product: sites.digest(order.number, "items", place) for place, line in enumerate(order.lines, start=1)}
    return [{**_moved(product, pieces, prices[product]), "against_sales_order": order.number, "sales_order": order.number, "so_detail": its[product],
             "incoming_rate": costs[product]} for product, pieces in quantities.items()]


# ---- purchases and leads

def _purchase(plan: Plan, site: Site, purchase: Purchase) -> Iterator[Step]:
    shared = {"supplier": purchase.supplier, "company": plan.company, "currency": plan.currency, "set_warehouse": _warehouse(purchase.warehouse)}
    promised = purchase.promised_on.isoformat()
    rows = [{**_moved(line.product, line.quantity, float(line.unit_price)), "schedule_date": promised} for line in purchase.lines]
    values = {**shared, "items": rows, "net_total": _total(rows), "schedule_date": promised, "status": "Draft"}
    yield purchase.ordered_at, partial(sites.insert, site, "Purchase Order", purchase.number, values)
    if purchase.state == "draft":
        return
    yield purchase.ordered_at, partial(sites.submit, site, "Purchase Order", purchase.number, status="To Receive and Bill")
    if purchase.cancelled_at:
        yield purchase.cancelled_at, partial(sites.cancel, site, "Purchase Order", purchase.number)
    if purchase.received_at:
        name, came = f"PR-{purchase.number}", purchase.received_at.astimezone(site.zone)
        received = [{**row, "purchase_order": purchase.number, "purchase_order_item": sites.digest(purchase.number, "items", place)}
                    for place, row in enumerate(rows, start=1)]
        values = {**shared, "items": received, "net_total": _total(rows), "posting_date": came.date().isoformat(), "is_return": 0}
        yield purchase.received_at, partial(sites.insert, site, "Purchase Receipt", name, values)
        yield purchase.received_at, partial(sites.submit, site, "Purchase Receipt", name, status="To Bill")


def _lead(plan: Plan, site: Site, lead: Lead, stages: tuple[tuple[str, datetime], ...], orders: Mapping[str, Order]) -> Iterator[Step]:
    values = {"opportunity_from": "Customer", "party_name": lead.customer, "opportunity_owner": lead.owner, "opportunity_amount": float(lead.amount),
              "currency": plan.currency, "territory": lead.region, "source": None if lead.channel == "unknown" else lead.channel, "campaign": lead.campaign,
              "lost_reasons": [], **STAGES["lead"]}
    yield lead.created_at, partial(sites.insert, site, "Opportunity", lead.number, values)
    for (_, before), (stage, at) in pairwise(stages):
        change = dict(STAGES[stage])
        if stage == "lost" and lead.lost_reason:
            change["lost_reasons"] = [{"lost_reason": lead.lost_reason}]
        if stage == "won" and (order := orders.get(lead.order or "")) is not None:
            change["opportunity_amount"] = float(worth_of(order, at, plan))
        yield max(at, before), partial(sites.save, site, "Opportunity", lead.number, change)


# ---- small parts

def _moved(product: str, pieces: int, price: float) -> dict[str, Any]:
    amount = round(price * pieces, 2)
    return {"item_code": product, "qty": float(pieces), "conversion_factor": 1.0, "stock_qty": float(pieces), "rate": price, "amount": amount,
            "net_rate": price, "net_amount": amount}


def _total(rows: list[dict[str, Any]]) -> float:
    return round(sum(row["net_amount"] for row in rows), 2)


def _warehouse(code: str) -> str:
    """A warehouse's name ends with the company's abbreviation."""
    return f"{code} - {ABBREVIATION}"


def _end(plan: Plan) -> datetime:
    return local_instant(plan.ends_on, "24:00", plan.time_zone) - timedelta(microseconds=1)
