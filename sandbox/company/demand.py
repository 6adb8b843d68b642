"""Demand: how many orders and leads a day brings, from where, and how a lead ends."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import Decimal
from random import Random

from sandbox.company.hours import days_between, start_of
from sandbox.company.people import COUNTRIES, Draft, Registry, awake_instant, country_code
from sandbox.company.plan import Agent
from sandbox.company.planted import CAMPAIGNS, ENDS_ON, LEADS, ORDERS, STARTS_ON, SURGE_FACTOR, SURGE_FIRST, SURGE_LAST, TIME_ZONE, WORLD_ENDS_ON

_WEEKDAY = (1.10, 1.06, 1.03, 1.02, 0.98, 0.84, 0.97)
_MONTH = {1: 0.97, 2: 0.92, 3: 0.98, 4: 0.97, 5: 0.95, 6: 0.95, 7: 0.90, 8: 0.93, 9: 1.06, 10: 1.05, 11: 1.16, 12: 1.14}
_CHANNELS = {"organic search": 0.30, "paid search": 0.23, "social": 0.11, "marketplace": 0.17, "email": 0.13, "unknown": 0.06}
_LEAD_CHANNELS = {"sales team": 0.46, "organic search": 0.20, "paid search": 0.14, "email": 0.08, "social": 0.12}
_LEAD_LUCK = {"sales team": 1.15, "organic search": 1.2, "paid search": 0.9, "email": 1.1, "social": 0.45}
_LOST_REASONS = ("price", "went with a competitor", "no budget", "delivery time", "no answer")


def day_weight(day: date) -> float:
    """Expected orders against an ordinary day of the first month: growth, month, weekday, campaigns, the surge."""
    weight = _WEEKDAY[day.weekday()] * _MONTH[day.month] * (1 + 0.012 * (day - STARTS_ON).days / 30.4)
    if SURGE_FIRST <= day <= SURGE_LAST:
        weight *= SURGE_FACTOR
    for campaign in CAMPAIGNS:
        if campaign.first <= day <= campaign.last:
            weight *= campaign.factor
    return weight


def count(expected: float, random: Random) -> int:
    """A Poisson number (normal from 60 on, where nobody can tell)."""
    if expected > 60:
        return max(0, round(random.gauss(expected, math.sqrt(expected))))
    threshold, product, drawn = math.exp(-expected), random.random(), 0
    while product > threshold:
        product *= random.random()
        drawn += 1
    return drawn


def _campaign(channel: str, day: date, random: Random) -> str | None:
    running = [campaign for campaign in CAMPAIGNS if campaign.channel == channel and campaign.first <= day <= campaign.last]
    for campaign in running:  # the short campaigns stand before the evergreens in the list
        if random.random() < campaign.share:
            return campaign.name
    return None


@dataclass
class LeadDraft:
    owner: str
    channel: str
    campaign: str | None
    country: str
    created_at: datetime
    amount: Decimal
    stages: tuple[tuple[str, datetime], ...]
    lost_reason: str | None
    customer: Draft | None = None
    number: str = ""
    order: OrderDraft | None = None


@dataclass
class OrderDraft:
    placed_at: datetime
    country: str
    channel: str
    campaign: str | None
    lead: LeadDraft | None = None
    customer: Draft | None = None
    number: str = ""


@dataclass
class Demand:
    registry: Registry
    orders: list[OrderDraft] = field(default_factory=list)
    leads: list[LeadDraft] = field(default_factory=list)


def _working_instant(day: date, random: Random) -> datetime:
    """An instant in office hours of the sales team on that day, or the Monday after."""
    while day.weekday() > 4:
        day += timedelta(days=1)
    return start_of(day, TIME_ZONE) + timedelta(hours=9, seconds=random.randrange(8 * 3600))


def _lead(day: date, owners: list[Agent], random: Random) -> LeadDraft:
    country = country_code(random)
    channel = random.choices(list(_LEAD_CHANNELS), list(_LEAD_CHANNELS.values()))[0]
    created_at = awake_instant(day, country, random)
    amount = Decimal(str(round(random.lognormvariate(7.2, 0.7), -1))).quantize(Decimal("0.01"))
    stages = [("lead", created_at)]
    luck = random.random() / _LEAD_LUCK[channel]
    ending = "won" if luck < 0.20 else "lost" if luck < 0.47 else "cancelled" if luck < 0.80 else "open"
    steps = {"won": 2, "lost": random.choice((1, 2, 2)), "cancelled": 0, "open": random.choice((0, 1, 2))}[ending]
    at = created_at
    for stage, typical_days in (("opportunity", 8.0), ("offer", 11.0))[:steps]:
        at = _working_instant((at + timedelta(days=1 + random.gammavariate(3, typical_days / 3))).date(), random)
        stages.append((stage, at))
    if ending != "open":
        typical_days = {"won": 17.0, "lost": 24.0, "cancelled": 9.0}[ending]
        at = _working_instant((at + timedelta(days=1 + random.gammavariate(3, typical_days / 3))).date(), random)
        stages.append((ending, at))
    working = [agent for agent in owners if agent.hired_on <= day and (agent.left_on is None or day < agent.left_on)]
    return LeadDraft(
        owner=random.choice(working).email,
        channel=channel,
        campaign=_campaign(channel, day, random),
        country=country,
        created_at=created_at,
        amount=amount,
        stages=tuple(stages),
        lost_reason=random.choice(_LOST_REASONS) if ending == "lost" else None,
    )


def demand(size: str, agents: tuple[Agent, ...], random: Random) -> Demand:
    """All leads and orders until the world's end, in the order of time, with the customers behind them."""
    history, world = days_between(STARTS_ON, ENDS_ON), days_between(STARTS_ON, WORLD_ENDS_ON)
    found = Demand(registry=Registry(random=random))
    found.registry.settle_old_ones(ORDERS[size] // 6)

    owners = [agent for agent in agents if agent.team == "Sales"]
    leads_a_day = LEADS[size] / sum(day.weekday() < 5 for day in history)
    for day in world:
        if day.weekday() < 5:
            found.leads.extend(_lead(day, owners, random) for _ in range(count(leads_a_day, random)))
    found.leads = [lead for lead in found.leads if lead.created_at >= start_of(STARTS_ON, TIME_ZONE)]
    for lead in found.leads:
        stage, at = lead.stages[-1]
        if stage == "won":
            lead.order = OrderDraft(
                placed_at=at + timedelta(seconds=random.randrange(60, 3000)), country=lead.country, channel=lead.channel, campaign=lead.campaign, lead=lead
            )
            found.orders.append(lead.order)

    from_leads = sum(order.placed_at < start_of(ENDS_ON, TIME_ZONE) for order in found.orders)
    scale = (ORDERS[size] - from_leads) / sum(day_weight(day) for day in history)
    for day in world:
        for _ in range(count(scale * day_weight(day), random)):
            country = country_code(random)
            channel = random.choices(list(_CHANNELS), list(_CHANNELS.values()))[0]
            placed_at = awake_instant(day, country, random)
            if placed_at >= start_of(STARTS_ON, TIME_ZONE):
                found.orders.append(OrderDraft(placed_at=placed_at, country=country, channel=channel, campaign=_campaign(channel, day, random)))

    _put_customers_behind(found)
    return found


def _put_customers_behind(found: Demand) -> None:
    """In the order of time, so that who comes back was there before."""
    moments: list[tuple[datetime, int, LeadDraft | OrderDraft]] = [(lead.created_at, 0, lead) for lead in found.leads]
    moments += [(order.placed_at, 1, order) for order in found.orders]
    moments.sort(key=lambda moment: moment[:2])
    leads = orders = 0
    for at, _, draft in moments:
        if isinstance(draft, LeadDraft):
            leads += 1
            draft.number = f"L{leads:05d}"
            draft.customer = found.registry.prospect(draft.country, at)
            draft.country = draft.customer.country
        else:
            orders += 1
            draft.number = f"SO{orders:06d}"
            draft.customer = draft.lead.customer if draft.lead else found.registry.shopper(draft.country, at)
    found.orders.sort(key=lambda order: order.number)
    found.leads.sort(key=lambda lead: lead.number)


def region_of(country: str) -> str:
    return COUNTRIES[country].region
