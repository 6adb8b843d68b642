"""Purchases: what is ordered from whom, what they promise, and when it comes."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from random import Random

from sandbox.company.demand import count, day_weight
from sandbox.company.hours import days_between, local_instant
from sandbox.company.plan import Offer, Purchase, PurchaseLine, Supplier
from sandbox.company.planted import (
    DRIFT_FROM,
    DRIFTING_SUPPLIER,
    ENDS_ON,
    LATE_RATE_AFTER,
    LATE_RATE_BEFORE,
    PURCHASES,
    STARTS_ON,
    STEADY_LATE_CEILING,
    WORLD_ENDS_ON,
)
from sandbox.company.world import WAREHOUSES

_WAREHOUSE_SHARE = (0.45, 0.32, 0.23)
_SUPPLIER_SHARE = {"S001": 16, "S002": 11, "S003": 11, "S004": 24, "S005": 10, "S006": 8, "S007": 12, "S008": 8}
TRAILING = timedelta(days=89)  # with the day itself: 90 days


def _received(on: date, time_zone: str, random: Random) -> datetime:
    """Docks take goods in from 08:00 to 14:00, which is the same day in UTC, there and in Berlin."""
    return local_instant(on, "08:00", time_zone) + timedelta(seconds=random.randrange(6 * 3600))


def _written(offers: dict[str, list[Offer]], suppliers: dict[str, Supplier], day: date, random: Random) -> Purchase:
    """A purchase as the buyer writes it, before anybody knows whether it will be late; its number comes later."""
    supplier = suppliers[random.choices(list(_SUPPLIER_SHARE), list(_SUPPLIER_SHARE.values()))[0]]
    warehouse = random.choices(WAREHOUSES, _WAREHOUSE_SHARE)[0]
    ordered_at = local_instant(day, "09:00", "Europe/Berlin") + timedelta(seconds=random.randrange(7 * 3600))
    promised_on = day + timedelta(days=supplier.lead_days + random.choice((-2, 0, 0, 0, 3)) + (4 if warehouse.region == "AMER" else 0))
    while promised_on.weekday() > 4:
        promised_on += timedelta(days=1)
    offered = offers[supplier.number]
    # The preferred supplier's own items first: backups get an order now and then.
    weights = [1.0 if offer.rank == 1 else 0.25 for offer in offered]
    chosen = {offer.product: offer for offer in random.choices(offered, weights, k=random.choice((1, 2, 2, 3, 3, 4)))}
    lines = tuple(PurchaseLine(product=code, quantity=random.choice((20, 40, 60, 100, 150, 200)), unit_price=offer.price) for code, offer in chosen.items())
    return Purchase(
        number="",
        supplier=supplier.number,
        warehouse=warehouse.code,
        ordered_at=ordered_at,
        promised_on=promised_on,
        lines=lines,
        received_at=None,
        state="ordered",
    )


def _share_late(due: list[tuple[date, int, bool]], on: date) -> float:
    """The trailing share of late lines among those promised in the 90 days until `on`."""
    inside = [(lines, late) for promised_on, lines, late in due if on - TRAILING <= promised_on <= on]
    return sum(lines for lines, late in inside if late) / sum(lines for lines, _ in inside)


def _stays_below(due: list[tuple[date, int, bool]], promised_on: date, ceiling: float) -> bool:
    """Whether every window that sees `promised_on` stays below the ceiling."""
    days = {each for each, _, _ in due if promised_on <= each <= promised_on + TRAILING}
    days |= {each + timedelta(days=90) for each, _, _ in due if promised_on <= each + timedelta(days=90) <= promised_on + TRAILING} | {
        promised_on,
        promised_on + TRAILING,
    }
    return all(_share_late(due, day) <= ceiling for day in days)


def late_ones(promises: list[tuple[date, int]], supplier: str, random: Random) -> list[bool]:
    """Which of one supplier's purchases (promised day, lines; ascending) come late.

    Spread evenly rather than thrown, so that a small company shows the planted rates too; and nobody but the drifting supplier
    ever passes the ceiling in any 90-day window.
    """
    due = [(promised_on, lines, False) for promised_on, lines in promises]
    owed = random.random() * 0.5
    for index, (promised_on, lines, _) in enumerate(due):
        drifting = supplier == DRIFTING_SUPPLIER and promised_on >= DRIFT_FROM
        owed += (LATE_RATE_AFTER if drifting else LATE_RATE_BEFORE) * lines
        if owed < lines * random.uniform(0.6, 1.0):
            continue
        due[index] = (promised_on, lines, True)
        judged = [each for each in due if each[0] < DRIFT_FROM or supplier != DRIFTING_SUPPLIER]
        if not drifting and not _stays_below(judged, promised_on, STEADY_LATE_CEILING):
            due[index] = (promised_on, lines, False)
            continue
        owed -= lines
    return [late for _, _, late in due]


def _received_on(purchase: Purchase, late: bool, random: Random) -> date:
    if late:
        on = purchase.promised_on + timedelta(days=random.randrange(2, 15))
    else:
        on = max(purchase.promised_on - timedelta(days=random.choice((0, 0, 1, 2, 3))), purchase.ordered_at.date() + timedelta(days=2))
    while on.weekday() > 4:
        on += timedelta(days=1 if late else -1)
    return on


def purchases(size: str, suppliers: tuple[Supplier, ...], offers: tuple[Offer, ...], random: Random) -> tuple[Purchase, ...]:
    """All purchases until the world's end, numbered in the order of time."""
    by_supplier: dict[str, list[Offer]] = {}
    for offer in offers:
        by_supplier.setdefault(offer.supplier, []).append(offer)
    known = {supplier.number: supplier for supplier in suppliers}
    zones = {warehouse.code: warehouse.time_zone for warehouse in WAREHOUSES}
    working = [day for day in days_between(STARTS_ON, WORLD_ENDS_ON) if day.weekday() < 5]
    scale = PURCHASES[size] / sum(day_weight(day) ** 0.5 for day in working if day <= ENDS_ON)
    written = [_written(by_supplier, known, day, random) for day in working for _ in range(count(scale * day_weight(day) ** 0.5, random))]
    written.sort(key=lambda purchase: purchase.ordered_at)
    numbered = [dataclasses.replace(purchase, number=f"PO{serial:05d}") for serial, purchase in enumerate(written, start=1)]

    found: dict[str, Purchase] = {}
    for supplier in known:
        own = sorted((purchase for purchase in numbered if purchase.supplier == supplier), key=lambda purchase: purchase.promised_on)
        kept = [purchase for purchase in own if random.random() >= 0.025]
        for purchase in own:
            cancelled_at = (purchase.ordered_at + timedelta(hours=random.uniform(2, 60))).replace(microsecond=0)
            found[purchase.number] = dataclasses.replace(purchase, state="cancelled", cancelled_at=cancelled_at)
        for purchase, late in zip(kept, late_ones([(each.promised_on, len(each.lines)) for each in kept], supplier, random), strict=True):
            received_at = _received(_received_on(purchase, late, random), zones[purchase.warehouse], random)
            found[purchase.number] = dataclasses.replace(purchase, state="received", received_at=received_at)
    return tuple(found[purchase.number] for purchase in numbered)
