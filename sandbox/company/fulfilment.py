"""What becomes of an order: confirmed, picked, packed, shipped, delivered, and what comes back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random
from typing import Literal

from sandbox.company.demand import OrderDraft, region_of
from sandbox.company.hours import OpenTime, days_between, local_instant, merged, seconds_of
from sandbox.company.people import COUNTRIES
from sandbox.company.plan import Correction, Order, OrderLine, Product, Shipment
from sandbox.company.planted import (
    CAMPAIGNS,
    DEFECT_FROM,
    DEFECT_PRODUCT,
    DEFECT_RATE,
    REAL_PICK_FACTOR,
    REAL_PROJECT_FROM,
    REAL_WAREHOUSE,
    STARTS_ON,
    SURGE_FIRST,
    SURGE_LAST,
    WORLD_ENDS_ON,
)
from sandbox.company.world import BASE_RATES, WAREHOUSES

_HOME = {warehouse.region: warehouse for warehouse in WAREHOUSES}
_ZONES = {warehouse.code: warehouse.time_zone for warehouse in WAREHOUSES}
# Delivery hours in UTC, such that the day is the same in UTC, at the warehouse and in the reporting zone.
_DELIVERY_HOURS = {"EMEA": (7.0, 17.0), "AMER": (14.5, 21.5), "APAC": (1.0, 10.5)}
_CARRIERS = {"EMEA": ("DHL", "GLS", "UPS"), "AMER": ("UPS", "FedEx", "USPS"), "APAC": ("SF Express", "Ninja Van", "DHL")}
_POPULAR = {"LMP-120": 4.2, "LMP-100": 2.0, "LMP-130": 2.2, "ARM-400": 2.0, "DSK-250": 1.8, "PWR-600": 1.8, "PWR-630": 1.6}
_DISCOUNT = {campaign.name: Decimal("0.88") for campaign in CAMPAIGNS if campaign.factor > 1}
_RETURNS: tuple[tuple[Literal["damaged", "wrong item", "defect", "missing", "changed mind"], float], ...] = (
    ("damaged", 0.0045),
    ("wrong item", 0.0045),
    ("missing", 0.003),
    ("defect", 0.003),
    ("changed mind", 0.03),
)


@dataclass(frozen=True, kw_only=True)
class Bench:
    """What the writer of orders needs at hand."""

    products: tuple[Product, ...]
    weights: tuple[float, ...]
    shifts: dict[str, OpenTime]  # warehouse -> hours in which it picks and packs


def bench(products: tuple[Product, ...]) -> Bench:
    shifts: dict[str, OpenTime] = {}
    for warehouse in WAREHOUSES:
        spans = [
            (seconds_of(local_instant(day, "07:00", warehouse.time_zone)), seconds_of(local_instant(day, "19:00", warehouse.time_zone)))
            for day in days_between(STARTS_ON, WORLD_ENDS_ON + timedelta(days=60))
            if day.weekday() < 6
        ]
        shifts[warehouse.code] = merged(spans)
    weights = tuple(_POPULAR.get(product.code, 1.0) * (0.55 if product.list_price > 150 else 1.0) for product in products)
    return Bench(products=products, weights=weights, shifts=shifts)


def _lines(draft: OrderDraft, currency: str, at_hand: Bench, random: Random) -> tuple[OrderLine, ...]:
    wanted = random.choices((1, 2, 3, 4), (48, 30, 15, 7))[0]
    chosen: dict[str, Product] = {}
    while len(chosen) < wanted:
        product = random.choices(at_hand.products, at_hand.weights)[0]
        chosen[product.code] = product
    lines: list[OrderLine] = []
    for product in chosen.values():
        if draft.lead:
            each = draft.lead.amount / wanted
            quantity = max(2, min(60, round(each / product.list_price)))
            factor = Decimal("0.90")
        else:
            quantity = random.choices((1, 2, 3, 4), (80, 14, 4, 2))[0]
            factor = _DISCOUNT.get(draft.campaign or "", Decimal("1"))
        price = product.list_price * factor * Decimal(str(BASE_RATES.get(currency, 1)))
        step = Decimal("1") if currency == "JPY" else Decimal("0.01")
        lines.append(OrderLine(product=product.code, quantity=quantity, unit_price=price.quantize(step, ROUND_HALF_UP).quantize(Decimal("0.01"))))
    return tuple(lines)


def _delivered(shipped_at: datetime, transit_days: int, region: str, random: Random) -> datetime:
    """Nobody delivers on Sundays."""
    day = shipped_at.date() + timedelta(days=transit_days)
    if day.weekday() == 6:
        day += timedelta(days=1)
    first, last = _DELIVERY_HOURS[region]
    midnight = shipped_at.replace(hour=0, minute=0, second=0) + timedelta(days=(day - shipped_at.date()).days)
    return midnight + timedelta(seconds=int(3600 * random.uniform(first, last)))


def _shipment(quantities: dict[str, int], ready_at: datetime, draft: OrderDraft, warehouse: str, delayed: bool, at_hand: Bench, random: Random) -> Shipment:
    region, day = region_of(draft.country), draft.placed_at.date()
    waiting = random.gammavariate(2.2, 5.0)  # hours until picked, in warehouse hours
    if warehouse == REAL_WAREHOUSE and day >= REAL_PROJECT_FROM:
        waiting *= REAL_PICK_FACTOR
    if SURGE_FIRST + timedelta(days=2) <= day <= SURGE_LAST + timedelta(days=4):
        waiting *= 2.4
    if delayed:
        waiting += random.uniform(50, 110)
    shift = at_hand.shifts[warehouse]
    picked_at = shift.after(ready_at, 60 * waiting + 5)
    packed_at = shift.after(picked_at, random.uniform(10, 150))
    shipped_at = shift.after(packed_at, random.uniform(20, 240))
    home = _HOME[region].code == warehouse
    transit_days = random.choices((1, 2, 3, 4), (46, 38, 12, 4) if home else (1, 4, 40, 55))[0]
    if random.random() < 0.018:
        transit_days += random.randrange(3, 9)  # the carrier lost it for a while
    return Shipment(
        quantities=quantities,
        picked_at=picked_at,
        packed_at=packed_at,
        shipped_at=shipped_at,
        delivered_at=_delivered(shipped_at, transit_days, region, random),
        carrier=random.choice(_CARRIERS[region]),
    )


def _parcels(
    draft: OrderDraft, lines: tuple[OrderLine, ...], confirmed_at: datetime, warehouse: str, delayed: bool, at_hand: Bench, random: Random
) -> tuple[Shipment, ...]:
    whole = {line.product: line.quantity for line in lines}
    if len(whole) < 2 or random.random() >= 0.13:
        return (_shipment(whole, confirmed_at, draft, warehouse, delayed, at_hand, random),)
    first = dict(list(whole.items())[: len(whole) // 2])
    rest = {product: quantity for product, quantity in whole.items() if product not in first}
    later = confirmed_at + timedelta(hours=random.uniform(6, 40))
    return (_shipment(first, confirmed_at, draft, warehouse, False, at_hand, random), _shipment(rest, later, draft, warehouse, delayed, at_hand, random))


def _corrections(draft: OrderDraft, lines: tuple[OrderLine, ...], delivered_at: datetime, random: Random) -> tuple[Correction, ...]:
    found: list[Correction] = []
    codes = {line.product: line.quantity for line in lines}
    for reason, rate in _RETURNS:
        code = random.choice(list(codes))
        at = delivered_at + timedelta(hours=random.uniform(3, 24 * (16 if reason == "changed mind" else 7)))
        if reason == "defect" and DEFECT_PRODUCT in codes and draft.placed_at.date() >= DEFECT_FROM:
            rate, code = DEFECT_RATE, DEFECT_PRODUCT
        if random.random() >= rate:
            continue
        kind: Literal["return", "credit"] = "credit" if reason == "missing" or (reason == "damaged" and random.random() < 0.4) else "return"
        found.append(
            Correction(
                kind=kind, at=at.replace(microsecond=0), quantities={code: random.randint(1, codes[code])}, reason=reason, our_fault=reason != "changed mind"
            )
        )
        break
    return tuple(found)


def _promise(placed_on: date, region: str, home: bool, from_lead: bool, surging: bool) -> date:
    promised_on = placed_on + timedelta(days={"EMEA": 6, "AMER": 7, "APAC": 7}[region] + (0 if home else 3) + (3 if from_lead else 0) + (2 if surging else 0))
    return promised_on + timedelta(days=1) if promised_on.weekday() == 6 else promised_on


def order(draft: OrderDraft, at_hand: Bench, random: Random) -> Order:
    """The whole life of one order, also what lies after the history's end."""
    assert draft.customer is not None
    country = COUNTRIES[draft.country]
    home = random.random() >= 0.05
    warehouse = _HOME[country.region].code if home else random.choice([each.code for each in WAREHOUSES if each.region != country.region])
    lines = _lines(draft, country.currency, at_hand, random)
    placed_on = draft.placed_at.date()
    surging = SURGE_FIRST + timedelta(days=1) <= placed_on <= SURGE_LAST
    promised_on = _promise(placed_on, country.region, home, draft.lead is not None, surging)
    confirmed_at: datetime | None = draft.placed_at + timedelta(minutes=random.lognormvariate(3.6, 1.1) + (240 if draft.lead else 3))
    assert confirmed_at is not None
    confirmed_at = confirmed_at.replace(microsecond=0)
    cancelled_at: datetime | None = None
    moved_on: date | None = None
    moved_at: datetime | None = None
    shipments: tuple[Shipment, ...] = ()
    corrections: tuple[Correction, ...] = ()
    fate = random.random()
    if fate < 0.035 and draft.lead is None:         # a deal is won by its order, and not by one that is called off
        cancelled_at = (draft.placed_at + timedelta(minutes=random.uniform(4, 240))).replace(microsecond=0)
        if fate < 0.02:
            confirmed_at = None  # payment never came
            cancelled_at += timedelta(days=3)
        else:
            cancelled_at = max(cancelled_at, confirmed_at + timedelta(minutes=9))
    else:
        delayed = random.random() < 0.035  # something was out of stock
        shipments = _parcels(draft, lines, confirmed_at, warehouse, delayed, at_hand, random)
        delivered_at = max(shipment.delivered_at for shipment in shipments if shipment.delivered_at)
        picked_at = max(shipment.picked_at for shipment in shipments if shipment.picked_at)
        if delayed and random.random() < 0.6:
            moved_at = confirmed_at + (picked_at - confirmed_at) * random.uniform(0.3, 0.8)
            moved_at = moved_at.replace(microsecond=0)
            moved_on = promised_on + timedelta(days=random.choice((4, 5, 7, 8)))
        corrections = _corrections(draft, lines, delivered_at, random)
    return Order(
        number=draft.number,
        customer=draft.customer.number,
        placed_at=draft.placed_at,
        confirmed_at=confirmed_at,
        cancelled_at=cancelled_at,
        channel=draft.channel,
        campaign=draft.campaign,
        region=country.region,
        warehouse=warehouse,
        currency=country.currency,
        lines=lines,
        requested_on=promised_on if random.random() < 0.9 else promised_on - timedelta(days=2),
        promised_on=promised_on,
        promised_again_on=moved_on,
        promise_moved_at=moved_at,
        shipments=shipments,
        corrections=corrections,
        lead=draft.lead.number if draft.lead else None,
    )
