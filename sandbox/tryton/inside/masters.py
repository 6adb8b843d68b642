# SPDX-License-Identifier: GPL-3.0-or-later
# GPL-3 because it imports trytond, which is GPL-3. Runs only in the Tryton environment.
"""Master data: currencies, countries, parties, employees, products, offers, warehouses, carriers, campaigns.

Everything goes through Tryton's own models in a few large calls; what was created on a day of its own (customers) gets that
day afterwards in SQL. The result is a `Known`: plan name → database id, which the order loaders work with.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

import boot

from sandbox.company.plan import Customer, Lead, Order, Plan


@dataclass(frozen=True, kw_only=True)
class Known:
    """Ids by the plan's names."""

    company: int
    party: dict[str, int] = field(default_factory=dict)  # customer and supplier numbers, carrier names, agents' e-mails
    address: dict[tuple[str, str], int] = field(default_factory=dict)  # (party number, region) -> where the goods go
    home: dict[str, int] = field(default_factory=dict)  # party number -> its first address
    country: dict[str, int] = field(default_factory=dict)
    employee: dict[str, int] = field(default_factory=dict)  # e-mail -> employee
    product: dict[str, int] = field(default_factory=dict)
    offer: dict[tuple[str, str], int] = field(default_factory=dict)  # (supplier, product)
    warehouse: dict[str, dict[str, int]] = field(default_factory=dict)  # code -> {"id", "input", "output", "storage"}
    currency: dict[str, int] = field(default_factory=dict)
    carrier: dict[str, int] = field(default_factory=dict)
    medium: dict[str, int] = field(default_factory=dict)
    campaign: dict[str, int] = field(default_factory=dict)
    complaint_type: dict[tuple[str, bool], int] = field(default_factory=dict)
    cost: dict[str, Decimal] = field(default_factory=dict)  # product -> cost price


NUMERIC = {"USD": "840", "GBP": "826", "CHF": "756", "SGD": "702", "JPY": "392", "CNY": "156", "AUD": "036", "SEK": "752", "PLN": "985"}


FEW = 3  # customers that Tryton itself creates; the others are made in their image


def load_masters(pool: Any, plan: Plan) -> tuple[Known, list[Customer]]:
    """What is known, and the customers that are still to be made in the image of the first ones."""
    before = datetime.combine(plan.starts_on, time(6), UTC) - timedelta(days=30)
    with boot.working(before):
        (company,) = pool.get("company.company").search([])
        if plan.currency != company.currency.code:
            raise SystemExit(f"the plan's currency is {plan.currency}; the prepared company keeps its books in {company.currency.code}")
        pool.get("party.party").write([company.party], {"name": plan.company})
        pool.get("company.company").write([company], {"timezone": plan.time_zone})
        known = Known(company=company.id)
    with boot.working(before, company=known.company):
        _currencies(pool, plan, known)
        _countries(pool, plan, known)
        moving = {place.customer for place, region in _elsewhere(plan)}
        first = {customer.number for customer in plan.customers[:FEW]} | {customer.number for customer in plan.customers if customer.number in moving}
        _parties(pool, dataclasses.replace(plan, customers=tuple(customer for customer in plan.customers if customer.number in first)), known)
        _employees(pool, plan, known)
        _warehouses(pool, plan, known)
        _products(pool, plan, known)
        _marketing(pool, plan, known)
        _complaint_types(pool, plan, known)
    return known, [customer for customer in plan.customers if customer.number not in first]


def _elsewhere(plan: Plan) -> list[tuple[Order | Lead, str]]:
    """Orders and leads in another region than their customer's own."""
    home = {customer.number: customer.region for customer in plan.customers}
    return [(place, place.region) for place in (*plan.orders, *plan.leads) if place.region != home.get(place.customer, place.region)]


def add_masters(pool: Any, added: Plan, known: Known, at: datetime) -> None:
    """What a further day brings: customers, exchange rates, campaigns, kinds of complaint."""
    with boot.working(at, company=known.company):
        _rates(pool, [(rate.currency, rate.on, rate.rate) for rate in added.rates], known)
        _parties(pool, dataclasses.replace(added, suppliers=()), known)
        _marketing(pool, added, known)
        _complaint_types(pool, added, known)


def _create(pool: Any, model: str, rows: Iterable[dict[str, Any]]) -> list[int]:
    rows = list(rows)
    return [record.id for record in pool.get(model).create(rows)] if rows else []


def _currencies(pool: Any, plan: Plan, known: Known) -> None:
    Currency = pool.get("currency.currency")
    known.currency.update({currency.code: currency.id for currency in Currency.search([])})
    codes = sorted(({rate.currency for rate in plan.rates} | {order.currency for order in plan.orders}) - known.currency.keys())
    ids = _create(
        pool,
        "currency.currency",
        ({"name": code, "code": code, "numeric_code": NUMERIC.get(code), "symbol": code, "rounding": Decimal("0.01"), "digits": 2} for code in codes),
    )
    known.currency.update(zip(codes, ids, strict=True))
    first = min([rate.on for rate in plan.rates] + [plan.starts_on]) - timedelta(days=1)
    _rates(pool, [(plan.currency, first, Decimal(1)), *((rate.currency, rate.on, rate.rate) for rate in plan.rates)], known)


def _rates(pool: Any, rates: Iterable[tuple[str, date, Decimal]], known: Known) -> None:
    _create(pool, "currency.currency.rate", ({"currency": known.currency[code], "date": on, "rate": rate} for code, on, rate in rates))


def _countries(pool: Any, plan: Plan, known: Known) -> None:
    """Countries, each in the sales region that its customers belong to: Tryton's `country.region`."""
    regions = sorted({customer.region for customer in plan.customers} | {warehouse.region for warehouse in plan.warehouses})
    region_ids = dict(
        zip(regions, _create(pool, "country.region", ({"name": region, "code_numeric": f"S{number}"} for number, region in enumerate(regions, 1))), strict=True)
    )
    of_country = {customer.country: customer.region for customer in plan.customers}
    for supplier in plan.suppliers:
        of_country.setdefault(supplier.country, "")
    codes = sorted(of_country)
    known.country.update(
        zip(codes, _create(pool, "country.country", ({"name": code, "code": code, "region": region_ids.get(of_country[code])} for code in codes)), strict=True)
    )


def _parties(pool: Any, plan: Plan, known: Known) -> None:
    """Customers and suppliers. A customer who orders into another region than his own gets a second address there."""
    anywhere = {}
    for customer in plan.customers:
        anywhere.setdefault(customer.region, customer.country)
    elsewhere: dict[str, set[str]] = {}
    for place, region in _elsewhere(plan):
        if region in anywhere:
            elsewhere.setdefault(place.customer, set()).add(region)

    def party(number: str, name: str, country: str, email: str | None, regions: Iterable[str]) -> dict[str, Any]:
        addresses = [{"country": known.country[country], "city": country, "sequence": 1}]
        addresses += [{"country": known.country[anywhere[region]], "city": anywhere[region], "sequence": 2} for region in regions]
        row: dict[str, Any] = {"code": number, "name": name, "addresses": [("create", addresses)]}
        if email:
            row["contact_mechanisms"] = [("create", [{"type": "email", "value": email}])]
        return row

    rows = [party(c.number, c.name, c.country, c.email, sorted(elsewhere.get(c.number, ()))) for c in plan.customers]
    rows += [party(s.number, s.name, s.country, None, ()) for s in plan.suppliers]
    numbers = [c.number for c in plan.customers] + [s.number for s in plan.suppliers]
    known.party.update(zip(numbers, _create(pool, "party.party", rows), strict=True))
    number_of = {known.party[number]: number for number in numbers}
    regions = {region.id: region.name for region in pool.get("country.region").search([])}
    region_of = {country.id: regions.get(country.region.id, "") if country.region else "" for country in pool.get("country.country").search([])}
    first = min(number_of, default=0)
    for row in pool.get("party.address").search_read([("party", ">=", first)], fields_names=["party", "country"], order=[("id", "DESC")]):
        if number := number_of.get(row["party"]):
            known.address[number, region_of[row["country"]]] = known.home[number] = row["id"]
    _date_back(plan, known)


def _date_back(plan: Plan, known: Known) -> None:
    """Each customer, with address and e-mail, was created when the plan says."""
    from trytond.transaction import Transaction

    cursor = Transaction().connection.cursor()
    instants = [(customer.created_at.astimezone(UTC).replace(tzinfo=None).isoformat(" "), known.party[customer.number]) for customer in plan.customers]
    cursor.executemany("UPDATE party_party SET create_date = ?, write_date = NULL WHERE id = ?", instants)
    for table in ("party_address", "party_contact_mechanism"):
        cursor.executemany(f"UPDATE {table} SET create_date = ?, write_date = NULL WHERE party = ?", instants)


def _employees(pool: Any, plan: Plan, known: Known) -> None:
    parties = _create(
        pool, "party.party", ({"name": agent.name, "contact_mechanisms": [("create", [{"type": "email", "value": agent.email}])]} for agent in plan.agents)
    )
    known.party.update(zip((agent.email for agent in plan.agents), parties, strict=True))
    ids = _create(
        pool,
        "company.employee",
        ({"party": known.party[agent.email], "company": known.company, "start_date": agent.hired_on, "end_date": agent.left_on} for agent in plan.agents),
    )
    known.employee.update(zip((agent.email for agent in plan.agents), ids, strict=True))


def _warehouses(pool: Any, plan: Plan, known: Known) -> None:
    """One warehouse a site. The one that Tryton came with is archived: this company does not use it."""
    Location = pool.get("stock.location")
    (first,) = Location.search([("type", "=", "warehouse")])
    for warehouse in plan.warehouses:
        parts = {}
        for part, kind in (("input", "storage"), ("output", "storage"), ("storage", "storage")):
            (parts[part],) = _create(
                pool, "stock.location", [{"name": f"{warehouse.name} {part}", "code": f"{warehouse.code}-{part[:3].upper()}", "type": kind}]
            )
        (whole,) = _create(
            pool,
            "stock.location",
            [
                {
                    "name": warehouse.name,
                    "code": warehouse.code,
                    "type": "warehouse",
                    "input_location": parts["input"],
                    "output_location": parts["output"],
                    "storage_location": parts["storage"],
                }
            ],
        )
        Location.write([Location(number) for number in parts.values()], {"parent": whole})
        known.warehouse[warehouse.code] = {"id": whole, **parts}
    if plan.warehouses:
        Location.write([first], {"active": False})


def _products(pool: Any, plan: Plan, known: Known) -> None:
    (unit,) = pool.get("product.uom").search([("symbol", "=", "u")])
    Account = pool.get("account.account")
    (expense,) = Account.search([("type.expense", "=", True), ("company", "=", known.company), ("closed", "!=", True)], limit=1, order=[("code", "ASC")])
    (revenue,) = Account.search([("type.revenue", "=", True), ("company", "=", known.company), ("closed", "!=", True)], limit=1, order=[("code", "ASC")])
    (books,) = _create(
        pool, "product.category", [{"name": "Goods (accounting)", "accounting": True, "account_expense": expense.id, "account_revenue": revenue.id}]
    )
    names = sorted({product.category for product in plan.products})
    categories = dict(zip(names, _create(pool, "product.category", ({"name": name} for name in names)), strict=True))

    def template(code: str, name: str, category: str | None, kind: str, list_price: Decimal, cost_price: Decimal) -> dict[str, Any]:
        return {
            "name": name,
            "default_uom": unit.id,
            "type": kind,
            "list_price": list_price,
            "cost_price_method": "fixed",
            "salable": True,
            "sale_uom": unit.id,
            "purchasable": kind == "goods",
            "purchase_uom": unit.id if kind == "goods" else None,
            "account_category": books,
            "categories": [("add", [categories[category]])] if category else [],
            "lead_time": timedelta(0) if kind == "goods" else None,
            "products": [("create", [{"suffix_code": code, "cost_price": cost_price}])],
        }

    _create(pool, "product.template", (template(p.code, p.name, p.category, "goods", p.list_price, p.cost_price) for p in plan.products))
    carriers = sorted({shipment.carrier for order in plan.orders for shipment in order.shipments})
    _create(pool, "product.template", (template(f"CARRIER-{name}", f"Carriage {name}", None, "service", Decimal(0), Decimal(0)) for name in carriers))
    known.product.update({product.code: product.id for product in pool.get("product.product").search([])})
    known.cost.update({product.code: product.cost_price for product in plan.products})

    parties = _create(pool, "party.party", ({"name": name} for name in carriers))
    known.party.update(zip(carriers, parties, strict=True))
    known.carrier.update(
        zip(
            carriers,
            _create(pool, "carrier", ({"party": known.party[name], "carrier_product": known.product[f"CARRIER-{name}"]} for name in carriers)),
            strict=True,
        )
    )
    _offers(pool, plan, known)


def _offers(pool: Any, plan: Plan, known: Known) -> None:
    lead = {supplier.number: timedelta(days=supplier.lead_days) for supplier in plan.suppliers}
    template = {product.id: product.template.id for product in pool.get("product.product").search([])}
    offers = sorted(plan.offers, key=lambda offer: (offer.product, offer.rank))
    ids = _create(
        pool,
        "purchase.product_supplier",
        (
            {
                "template": template[known.product[offer.product]],
                "product": known.product[offer.product],
                "party": known.party[offer.supplier],
                "sequence": offer.rank,
                "company": known.company,
                "currency": known.currency[plan.currency],
                "lead_time": lead[offer.supplier],
                "prices": [("create", [{"quantity": 0, "unit_price": offer.price}])],
            }
            for offer in offers
        ),
    )
    known.offer.update(zip(((offer.supplier, offer.product) for offer in offers), ids, strict=True))


def _marketing(pool: Any, plan: Plan, known: Known) -> None:
    """Our channel is Tryton's marketing medium; an order from an unknown channel has none. Tryton keeps these names in lower case."""
    found = [*plan.orders, *plan.leads]
    channels = sorted(({thing.channel for thing in found} | {day.channel for day in plan.channel_days}) - {"unknown"} - known.medium.keys())
    campaigns = sorted(
        ({thing.campaign for thing in found if thing.campaign} | {day.campaign for day in plan.channel_days if day.campaign}) - known.campaign.keys()
    )
    known.medium.update(zip(channels, _create(pool, "marketing.medium", ({"name": name} for name in channels)), strict=True))
    known.campaign.update(zip(campaigns, _create(pool, "marketing.campaign", ({"name": name} for name in campaigns)), strict=True))


def _complaint_types(pool: Any, plan: Plan, known: Known) -> None:
    """Tryton has no severity on a complaint: the company keeps a second type, '<kind> (major)'."""
    (origin,) = pool.get("ir.model").search([("name", "=", "sale.sale")])
    wanted = sorted(({(complaint.kind, complaint.is_major) for complaint in plan.complaints} | {("other", False)}) - known.complaint_type.keys())
    ids = _create(pool, "sale.complaint.type", ({"name": f"{kind} (major)" if major else kind, "origin": origin.id} for kind, major in wanted))
    known.complaint_type.update(zip(wanted, ids, strict=True))
