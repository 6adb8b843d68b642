# SPDX-License-Identifier: GPL-3.0-or-later
# GPL-3 because it imports trytond, which is GPL-3. Runs only in the Tryton environment.
"""Put a plan into the prepared, empty company: masters, a sample through the real workflows, the rest in its image.

Run as: python load.py FOLDER PLAN-PICKLE EACH; the API key comes in the environment variable MERIDIAN_TRYTON_KEY.
EACH: how many records of each shape go through the workflows (0: all of them). Prints one line of JSON: rows and CPU seconds.
"""

from __future__ import annotations

import json
import os
import pickle
import sys
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from datetime import datetime, timedelta
from datetime import time as clock_time
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import boot

from sandbox.company.plan import Lead, Order, Plan

Thing = TypeVar("Thing")
STATE = "company.pickle"  # beside the database: what is where, for the days to come


def sampled(things: Iterable[Thing], shape: Callable[[Thing], Hashable], each: int) -> list[Thing]:
    """The first `each` of every shape; all of them when it is 0."""
    seen: defaultdict[Hashable, int] = defaultdict(int)
    picked = []
    for thing in things:
        seen[shape(thing)] += 1
        if not each or seen[shape(thing)] <= each:
            picked.append(thing)
    return picked


def order_shape(order: Order) -> Hashable:
    """What makes Tryton write different things: how far the order and its parcels came, and what went wrong afterwards."""
    far = ("placed", "confirmed", "cancelled", "cancelled once confirmed")[bool(order.confirmed_at) + 2 * bool(order.cancelled_at)]
    parcels = frozenset(sum(at is not None for at in (p.picked_at, p.packed_at, p.shipped_at, p.delivered_at)) for p in order.shipments)
    return far, parcels, len(order.shipments) > 1, order.promised_again_on is not None, frozenset(correction.kind for correction in order.corrections)


def sample(plan: Plan, each: int) -> tuple[list[Order], list[Lead]]:
    """Orders and leads for the workflows. An order and the lead that it was won from go the same way."""
    orders = {order.number: order for order in sampled((order for order in plan.orders if not order.lead), order_shape, each)}
    leads = {lead.number: lead for lead in sampled(plan.leads, lambda lead: tuple(stage for stage, _ in lead.stages), each)}
    won = {lead.order for lead in leads.values() if lead.order}
    orders.update((order.number, order) for order in plan.orders if order.number in won)
    return list(orders.values()), list(leads.values())


def end_of(plan: Plan) -> datetime:
    """The last instant of the plan's last day, in its own time zone."""
    return datetime.combine(plan.ends_on + timedelta(days=1), clock_time(), ZoneInfo(plan.time_zone)) - timedelta(seconds=1)


def load(folder: Path, plan: Plan, key: str, write_key: str, each: int) -> dict[str, Any]:
    pool = boot.open_pool(folder)
    import amplify_orders
    import amplify_others
    from amplify import Amplifier
    from company import Company
    from masters import load_masters
    from orders import run_credits
    from rows import Rows
    from workflow import link_actions, run_all, run_complaint

    spent = {"started": time.process_time()}
    known, customers = load_masters(pool, plan)
    company = Company(pool=pool, plan=plan, known=known, now=end_of(plan))
    let_in(company, key, write_key)
    rows = Rows(folder / f"{boot.DATABASE}.sqlite")
    maker = Amplifier(company, rows)
    for customer in customers:
        maker.customer(customer, like=plan.customers[0].number)
    written = maker.finish()
    spent["masters"] = time.process_time()

    orders, leads = sample(plan, each)
    purchases = sampled(plan.purchases, lambda purchase: purchase.state, each)
    run_all(company, orders=orders, leads=leads, purchases=purchases)
    spent["workflows"] = time.process_time()

    done = {thing.number for thing in (*orders, *leads, *purchases)}
    order_of = {order.number: order for order in plan.orders}
    maker = Amplifier(company, rows)
    offered = {lead.number: amplify_others.add_lead(maker, lead, order_of.get(lead.order or "")) for lead in plan.leads if lead.number not in done}
    for order in plan.orders:
        if order.number not in done:
            amplify_orders.add_order(maker, order, offered.get(order.lead or ""))
    for purchase in plan.purchases:
        if purchase.number not in done:
            amplify_others.add_purchase(maker, purchase)
    count_in(written, maker.finish())
    spent["amplified"] = time.process_time()

    run_credits(company, plan.orders)
    complaints = sampled(plan.complaints, lambda complaint: complaint.resolved_at is None, each)
    for complaint in complaints:
        run_complaint(company, complaint)
    maker = Amplifier(company, rows)
    for complaint in plan.complaints:
        if complaint.number not in company.complaint:
            amplify_others.add_complaint(maker, complaint, order_of[complaint.order].customer)
    count_in(written, maker.finish())
    rows.close()
    link_actions(company)
    spent["aftermath"] = time.process_time()
    remember(folder, company)
    names = list(spent)
    return {
        "through_workflows": len(orders) + len(leads) + len(purchases) + len(complaints),
        "rows_amplified": sum(written.values()),
        "cpu_seconds": {name: round(spent[name] - spent[names[index]], 1) for index, name in enumerate(names[1:])},
    }


def count_in(total: dict[str, int], more: dict[str, int]) -> None:
    for table, count in more.items():
        total[table] = total.get(table, 0) + count


def let_in(company: Any, key: str, write_key: str) -> None:
    """The keys that Meridian reads and writes with. Who writes may buy and run campaigns, and nothing else."""
    with company.at(company.now - timedelta(days=30)):
        ids = company.get("ir.model.data")
        writer, = company.get("res.user").create([{
            "name": "Meridian, working", "login": "meridian-writer", "companies": [("add", [company.known.company])], "company": company.known.company,
            "groups": [("add", [ids.get_id("purchase", "group_purchase"), ids.get_id("marketing", "group_marketing")])]}])
        company.get("res.user.application").create([
            {"key": one, "user": user, "application": "rest", "state": "validated"} for one, user in ((key, boot.ADMINISTRATOR), (write_key, writer.id))])


def remember(folder: Path, company: Any) -> None:
    facts = {name: getattr(company, name) for name in ("plan", "known", "now", "sale", "opportunity", "complaint", "purchase", "correction")}
    (folder / STATE).write_bytes(pickle.dumps(facts))


if __name__ == "__main__":
    keys = [os.environ.pop(name) for name in ("MERIDIAN_TRYTON_KEY", "MERIDIAN_ERP_WRITE_KEY")]
    print(json.dumps(load(Path(sys.argv[1]), pickle.loads(Path(sys.argv[2]).read_bytes()), *keys, each=int(sys.argv[3]))))
