"""Tickets: who asks when and about what, and how the support teams answer."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random

from sandbox.company.demand import count, day_weight
from sandbox.company.hours import OpenTime, days_between, merged, open_time
from sandbox.company.people import COUNTRIES, awake_instant
from sandbox.company.plan import Agent, Calendar, Customer, Order, Product, Team, Ticket
from sandbox.company.planted import (
    ENDS_ON,
    SHAM_DIP_FACTOR,
    SHAM_DIP_FIRST,
    SHAM_DIP_LAST,
    STARTS_ON,
    SURGE_FIRST,
    SURGE_LAST,
    TICKETS,
    WORLD_ENDS_ON,
)
from sandbox.company.service_life import Desk, Life
from sandbox.company.wording import wording
from sandbox.company.workforce import employed, on_duty

PACIFIC = {"AU", "NZ", "JP", "KR"}
_CHANNELS = ("email", "web", "chat", "phone")
_CHANNEL_SHARE = (44, 27, 19, 10)
# The same for every topic: were defects more urgent, and so answered sooner, the bad lot alone would quicken the first answer and the sham project look real.
_PRIORITY_SHARE = {"low": 18, "normal": 62, "high": 16, "urgent": 4}
_CORRECTION_TOPIC = {"damaged": "return", "wrong item": "return", "missing": "delivery", "defect": "defect", "changed mind": "return"}


@dataclass(frozen=True, kw_only=True)
class Ask:
    """Somebody is about to write to us."""

    at: datetime
    customer: Customer
    topic: str
    order: Order | None
    product: str  # product code


def promise_of(order: Order) -> date:
    return order.promised_again_on or order.promised_on


def delivered_at(order: Order) -> datetime | None:
    """When the last parcel came; None while one is still missing."""
    instants = [shipment.delivered_at for shipment in order.shipments]
    return max(instant for instant in instants if instant) if instants and all(instants) else None


def is_late(order: Order) -> bool:
    came_at = delivered_at(order)
    return came_at is not None and came_at.date() > promise_of(order)


def asks_about_orders(orders: tuple[Order, ...], customers: dict[str, Customer], random: Random) -> list[Ask]:
    """Questions that an order itself gives rise to: where is it, it is broken, you charged me twice."""
    found: list[Ask] = []
    for order in orders:
        customer = customers[order.customer]
        came_at = delivered_at(order)

        def ask(at: datetime, topic: str, product: str, customer: Customer = customer, order: Order = order) -> None:
            found.append(Ask(at=at.replace(microsecond=0), customer=customer, topic=topic, order=order, product=product))

        first = order.lines[0].product
        if came_at and random.random() < (0.4 if is_late(order) else 0.035):
            ask(order.placed_at + (came_at - order.placed_at) * random.uniform(0.5, 0.95), "delivery", first)
        if random.random() < 0.02:
            ask(order.placed_at + timedelta(hours=random.uniform(2, 400)), "billing", first)
        for correction in order.corrections:
            if random.random() < (0.5 if correction.reason == "changed mind" else 0.95):
                ask(correction.at - timedelta(hours=random.uniform(0.5, 2.5)), _CORRECTION_TOPIC[correction.reason], next(iter(correction.quantities)))
    return found


def _other_asks(
    size: str, orders: tuple[Order, ...], customers: tuple[Customer, ...], products: tuple[Product, ...], already: int, random: Random
) -> list[Ask]:
    """Questions out of the blue, so many that the history reaches its size; support volume follows orders, but less steeply."""
    history = days_between(STARTS_ON, ENDS_ON)
    scale = max(0, TICKETS[size] - already) / sum(day_weight(day) ** 0.7 for day in history)
    found: list[Ask] = []
    first_order = {order.customer: order for order in reversed(orders)}
    for day in days_between(STARTS_ON, WORLD_ENDS_ON):
        known = [customer for customer in customers if customer.created_at.date() < day] if day == STARTS_ON else known_until(customers, day)
        for _ in range(count(scale * day_weight(day) ** 0.7, random)):
            customer = random.choice(known)
            at = awake_instant(day, customer.country, random)
            order = first_order.get(customer.number)
            if order and (order.placed_at > at or random.random() < 0.5):
                order = None
            topic = random.choices(("question", "billing", "return"), (70, 18, 12))[0] if order else "question"
            found.append(Ask(at=at, customer=customer, topic=topic, order=order, product=order.lines[0].product if order else random.choice(products).code))
    return found


def known_until(customers: tuple[Customer, ...], day: date) -> tuple[Customer, ...]:
    """Customers are sorted by registration."""
    low, high = 0, len(customers)
    while low < high:
        middle = (low + high) // 2
        if customers[middle].created_at.date() < day:
            low = middle + 1
        else:
            high = middle
    return customers[:low]


def team_of(topic: str, customer: Customer, random: Random) -> str:
    if topic == "billing" and random.random() < 0.8:
        return "Billing"
    region = COUNTRIES[customer.country].region
    return "Support Pacific" if customer.country in PACIFIC else f"Support {region}"


def load_factor(at: datetime) -> float:
    """How much slower than usual the desks answer on that day."""
    day = at.date()
    if SURGE_FIRST + timedelta(days=1) <= day <= SURGE_LAST + timedelta(days=7):
        return 2.3
    return SHAM_DIP_FACTOR if SHAM_DIP_FIRST <= day <= SHAM_DIP_LAST else 1.0


def tickets(
    size: str,
    *,
    orders: tuple[Order, ...],
    customers: tuple[Customer, ...],
    products: tuple[Product, ...],
    teams: tuple[Team, ...],
    agents: tuple[Agent, ...],
    calendars: tuple[Calendar, ...],
    roster: list[dict[str, object]],
    random: Random,
) -> tuple[Ticket, ...]:
    """All tickets until the world's end with their whole lives, numbered in the order of time."""
    by_number = {customer.number: customer for customer in customers}
    names = {product.code: product.name for product in products}
    asks = asks_about_orders(orders, by_number, random)
    last = datetime.combine(ENDS_ON, datetime.min.time(), STARTS_UTC.tzinfo)
    asks += _other_asks(size, orders, customers, products, sum(ask.at < last for ask in asks), random)
    asks = sorted((ask for ask in asks if ask.at >= STARTS_UTC), key=lambda ask: (ask.at, ask.customer.number))

    service = {team.name for team in teams if team.department == "service"}
    duty = on_duty(roster, service)
    horizon = WORLD_ENDS_ON + timedelta(days=120)
    around = {calendar.name: open_time(calendar, STARTS_ON, horizon) for calendar in calendars}
    life = Life(
        desks={team.name: Desk(team=team, open_time=around[team.calendar], agents=[agent for agent in agents if agent.team == team.name]) for team in teams},
        duty=duty,
        duty_time=_duty_time(duty, around["always"]),
        random=random,
        load_factor=load_factor,
        employed=employed,
    )
    standards = {team.name: team.calendar.replace("support", "standard") for team in teams}
    found: list[Ticket] = []
    for serial, ask in enumerate(asks, start=1):
        team = team_of(ask.topic, ask.customer, random)
        # Billing is no round-the-clock desk, so its premium customers have the standard promise.
        premium = ask.customer.is_company and team != "Billing"
        policy = None if random.random() < 0.05 else "premium" if premium else standards[team]
        glows = ask.topic == "defect" and ask.product.startswith("LMP")
        subject, body = wording("overheating" if glows else ask.topic, ask.customer.country, names[ask.product], ask.order.number if ask.order else "", random)
        draft = Ticket(
            number=f"T{serial:05d}",
            requester=ask.customer.number,
            subject=subject,
            body=body,
            channel=random.choices(_CHANNELS, _CHANNEL_SHARE)[0],
            priority=random.choices(list(_PRIORITY_SHARE), list(_PRIORITY_SHARE.values()))[0],
            team=team,
            order=ask.order.number if ask.order else None,
            created_at=ask.at,
            sla_policy=policy,
            topic=ask.topic,
        )
        found.append(life.lived(draft, ask.customer))
    return tuple(found)


STARTS_UTC = datetime.fromisoformat("2025-04-30T22:00:00+00:00")  # midnight of the first reporting day


def _duty_time(duty: dict[int, list[tuple[str, str]]], always: OpenTime) -> OpenTime:
    """Hours with somebody on duty; after the rosters end, any hour, so that every question is answered at last."""
    last = max(duty)
    return merged([(hour * 3600, hour * 3600 + 3600) for hour in duty] + [(last * 3600 + 3600, always.ends[-1])])
