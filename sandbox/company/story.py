"""The story of Lantern & Oak, a remote-first shop for home offices: one seed, one history, the same every time.

`write_plan(seed=7, size="small")` is the history up to the first night; `next_day(plan, day)` lives one day further. The writer knows
the whole world until the end of 2026 from the start, and a plan is what is known of it at the end of a day: so a day lived later
changes only what really happened on it.
"""

from __future__ import annotations

import dataclasses
import functools
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Any, Literal

from sandbox.company import planted, world
from sandbox.company.complaints import complaints
from sandbox.company.demand import demand, region_of
from sandbox.company.fulfilment import bench, order
from sandbox.company.known import as_known, end_of
from sandbox.company.money import budgets_and_costs, channel_days
from sandbox.company.papers import procedures, projects, risks, targets
from sandbox.company.plan import Lead, Plan
from sandbox.company.registers import quality_reviews, sites, staff, staffing, stock_counts, surveys, team_reviews
from sandbox.company.service import tickets
from sandbox.company.suggestions import suggestions
from sandbox.company.supply import purchases
from sandbox.company.workforce import rosters, training

Size = Literal["small", "full"]


@dataclass(frozen=True, kw_only=True)
class Day:
    """One more day of the company. `added` and `changed` are plans that hold only the things that began, or changed, on it (as they
    stand at its end); `deleted` names what is gone. Master data in `added` is likewise only what is new."""

    day: date
    added: Plan
    changed: Plan
    deleted: dict[str, tuple[str, ...]]  # "tickets", "leads", "purchases" -> numbers
    after: Plan  # the whole company at the end of the day


@functools.lru_cache(maxsize=2)
def whole_world(*, seed: int, size: Size) -> Plan:
    """Everything that ever happens, to the end of the world; kept, because every further day needs it again."""

    def stream(name: str) -> Random:
        return Random(f"{seed}/{size}/{name}")  # one stream a subject: a change in one leaves the others as they were

    agents, products, suppliers, offers = world.agents(size, stream("agents")), world.products(), world.suppliers(), world.offers()
    rates = world.rates(stream("rates"))
    wanted = demand(size, agents, stream("demand"))
    customers = wanted.registry.customers()
    at_hand, random = bench(products), stream("fulfilment")
    orders = tuple(order(draft, at_hand, random) for draft in wanted.orders)
    leads = tuple(
        Lead(
            number=draft.number,
            customer=draft.customer.number if draft.customer else "",
            owner=draft.owner,
            channel=draft.channel,
            campaign=draft.campaign,
            region=region_of(draft.country),
            created_at=draft.created_at,
            amount=draft.amount,
            stages=draft.stages,
            lost_reason=draft.lost_reason,
            order=draft.order.number if draft.order else None,
        )
        for draft in wanted.leads
    )
    roster = rosters(world.TEAMS, agents, stream("rosters"))
    asked = tickets(
        size,
        orders=orders,
        customers=customers,
        products=products,
        teams=world.TEAMS,
        agents=agents,
        calendars=world.CALENDARS,
        roster=roster,
        random=stream("tickets"),
    )
    spent = channel_days(size, orders, products, rates, stream("channels"))
    budgets, costs = budgets_and_costs(orders, spent, rates, stream("money"))
    return Plan(
        seed=seed,
        size=size,
        company=planted.COMPANY,
        time_zone=planted.TIME_ZONE,
        currency=planted.CURRENCY,
        starts_on=planted.STARTS_ON,
        ends_on=planted.WORLD_ENDS_ON,
        teams=world.TEAMS,
        agents=agents,
        customers=customers,
        products=products,
        suppliers=suppliers,
        offers=offers,
        warehouses=world.WAREHOUSES,
        rates=rates,
        orders=orders,
        leads=leads,
        complaints=complaints(orders, asked, stream("complaints")),
        purchases=purchases(size, suppliers, offers, stream("purchases")),
        tickets=asked,
        sla_policies=world.SLA_POLICIES,
        calendars=world.CALENDARS,
        channel_days=spent,
        tables={
            "targets.csv": targets(),
            "rosters.csv": roster,
            "budgets.csv": budgets,
            "costs.csv": costs,
            "training.csv": training(agents, stream("training")),
            "risks.xlsx": risks(stream("risks")),
            "projects.csv": projects(),
            "suggestions.csv": suggestions(projects()),
            "procedures.csv": procedures(),
            "staff.csv": staff(agents, world.WAREHOUSES, stream("staff")),
            "sites.csv": sites(world.WAREHOUSES),
            "team_reviews.csv": team_reviews(world.TEAMS, stream("team reviews")),
            "quality_reviews.csv": quality_reviews(asked, stream("quality reviews")),
            "surveys.csv": surveys(world.TEAMS, stream("surveys")),
            "staffing.csv": staffing(world.TEAMS),
            "stock_counts.csv": stock_counts(products, world.WAREHOUSES, stream("stock counts")),
        },
    )


def write_plan(*, seed: int, size: Size) -> Plan:
    """The company's history from 2025-05-01 to the end of 2026-10-31 (Europe/Berlin)."""
    return as_known(whole_world(seed=seed, size=size), planted.ENDS_ON)


def next_day(plan: Plan, day: date) -> Day:
    """Lives the day after `plan.ends_on`: new orders, leads, purchases, tickets; old ones go on; one or two of each kind are deleted."""
    if day != plan.ends_on + timedelta(days=1):
        raise ValueError(f"the company stands at the end of {plan.ends_on}; the next day is {plan.ends_on + timedelta(days=1)}, not {day}")
    if day > planted.WORLD_ENDS_ON:
        raise ValueError(f"the story is written until {planted.WORLD_ENDS_ON}; start the sandbox anew to go on")
    known = whole_world(seed=plan.seed, size=plan.size)
    gone = _deletions(plan, day)
    after = as_known(known, day, plan.deleted | {number for numbers in gone.values() for number in numbers})
    added: dict[str, Any] = {}
    changed: dict[str, Any] = {}
    for kind in ("customers", "orders", "leads", "complaints", "purchases", "tickets"):
        before = {thing.number: thing for thing in getattr(plan, kind)}
        now = getattr(after, kind)
        added[kind] = tuple(thing for thing in now if thing.number not in before)
        changed[kind] = tuple(thing for thing in now if thing.number in before and before[thing.number] != thing)
    added["rates"] = tuple(rate for rate in after.rates if rate.on > plan.ends_on)
    added["channel_days"] = tuple(row for row in after.channel_days if row.day > plan.ends_on)
    changed.update(rates=(), channel_days=())
    return Day(day=day, deleted=gone, after=after, added=dataclasses.replace(after, **added), changed=dataclasses.replace(after, **changed))


def _deletions(plan: Plan, day: date) -> dict[str, tuple[str, ...]]:
    """What somebody throws away today: a test ticket or spam, a lead entered twice, a purchase that was only a draft."""
    random = Random(f"{plan.seed}/deleted/{day}")
    now = end_of(plan.ends_on, plan.time_zone)
    complained = {complaint.ticket for complaint in plan.complaints}

    def some(numbers: list[str], most: int) -> tuple[str, ...]:
        return tuple(sorted(random.sample(numbers, min(len(numbers), random.randint(1, most)))))

    def young(at: datetime) -> bool:
        return now - timedelta(days=10) <= at

    return {
        "tickets": some([ticket.number for ticket in plan.tickets if young(ticket.created_at) and ticket.order is None and ticket.number not in complained], 2),
        "leads": some([lead.number for lead in plan.leads if young(lead.created_at) and len(lead.stages) == 1 and lead.order is None], 1),
        "purchases": some([purchase.number for purchase in plan.purchases if purchase.state == "draft"], 1),
    }
