# SPDX-License-Identifier: GPL-3.0-or-later
# GPL-3 because it imports trytond, which is GPL-3. Runs only in the Tryton environment.
"""Live one more day: what begins, what goes on, a new price, and what somebody deletes.

Everything goes through Tryton's own workflows, each step at its instant of that day.
Run as: python day.py FOLDER DAY-PICKLE. Prints one line of JSON: what happened.
"""

from __future__ import annotations

import json
import pickle
import sys
from collections.abc import Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

import boot
from load import STATE, end_of, remember

from sandbox.company.plan import Order, Plan


def live(folder: Path, day: Any) -> dict[str, Any]:
    pool = boot.open_pool(folder)
    from company import Company
    from masters import add_masters
    from orders import returned_at, run_credits
    from workflow import link_actions, run_all

    facts = pickle.loads((folder / STATE).read_bytes())
    after: Plan = day.after
    facts.update(plan=after, since=facts["now"], now=end_of(after))
    company = Company(pool=pool, **facts)
    morning = datetime.combine(day.day, time(6), ZoneInfo(after.time_zone))
    add_masters(pool, day.added, company.known, morning)

    def instants(order: Order) -> Iterator[datetime | None]:
        yield from (order.placed_at, order.confirmed_at, order.cancelled_at, order.promise_moved_at)
        for parcel in order.shipments:
            yield from (parcel.picked_at, parcel.packed_at, parcel.shipped_at, parcel.delivered_at)
        for correction in order.corrections:
            yield from (correction.at, returned_at(correction))

    orders = [order for order in after.orders if any(map(company.happens, instants(order)))]
    leads = [lead for lead in after.leads if any(company.happens(at) for _, at in lead.stages)]
    complaints = [complaint for complaint in after.complaints if company.happens(complaint.opened_at) or company.happens(complaint.resolved_at)]
    purchases = [one for one in after.purchases if any(map(company.happens, (one.ordered_at, one.received_at, one.cancelled_at)))]
    run_all(company, orders=orders, leads=leads, complaints=complaints, purchases=purchases)
    run_credits(company, orders)
    link_actions(company)
    evening = datetime.combine(day.day, time(18), ZoneInfo(after.time_zone))
    priced = new_price(company, evening)
    gone = throw_away(company, day.deleted, evening + timedelta(minutes=30))
    remember(folder, company)
    return {"orders": len(orders), "leads": len(leads), "complaints": len(complaints), "purchases": len(purchases), "new_price": priced, "deleted": gone}


def new_price(company: Any, at: datetime) -> str:
    """One product gets a new list price, and its preferred supplier's offer follows: changes that no order carries."""
    code = Random(f"{company.plan.seed}/price/{at.date()}").choice([product.code for product in company.plan.products])
    with company.at(at):
        template = company.get("product.product")(company.known.product[code]).template
        factor = Decimal("1.02")
        company.get("product.template").write([template], {"list_price": (template.list_price * factor).quantize(Decimal("0.01"))})
        offers = company.get("purchase.product_supplier").search([("product", "=", company.known.product[code])], limit=1, order=[("sequence", "ASC")])
        for price in (price for offer in offers for price in offer.prices):
            company.get("purchase.product_supplier.price").write([price], {"unit_price": (price.unit_price * factor).quantize(Decimal("0.01"))})
    return code


def throw_away(company: Any, deleted: Any, at: datetime) -> list[str]:
    """A lead that was entered twice (cancelled first: Tryton deletes no open one) and a purchase that was only a draft."""
    gone = []
    with company.at(at):
        for number in deleted.get("leads", ()):
            lead = company.opportunity.pop(number, None)
            if lead is not None:
                company.click("sale.opportunity", "cancel", [lead])
                company.get("sale.opportunity").delete([company.get("sale.opportunity")(lead)])
                gone.append(number)
        for number in deleted.get("purchases", ()):
            purchase = company.purchase.pop(number, None)
            if purchase is not None:
                company.get("purchase.purchase").delete([company.get("purchase.purchase")(purchase)])
                gone.append(number)
    return gone


if __name__ == "__main__":
    print(json.dumps(live(Path(sys.argv[1]), pickle.loads(Path(sys.argv[2]).read_bytes()))))
