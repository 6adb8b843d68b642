"""What somebody did in Odoo at an instant, as data; and the ids that follow from the plan's numbers and names."""

from __future__ import annotations

import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.company.plan import Plan, number_of

TRANSFERS: Mapping[str, tuple[int, str]] = {"IN": (1, "incoming"), "PICK": (2, "internal"), "PACK": (3, "internal"), "OUT": (4, "outgoing")}
SUPPLIERS_AT, CUSTOMERS_AT = 4, 5      # locations outside of every warehouse
PARTNERS = {"A": 100, "W": 500, "S": 1_000, "C": 10_000}     # where the ids of agents, warehouses, suppliers and customers begin


@dataclass(frozen=True, kw_only=True)
class Step:
    """The record is created, or written to where it is there already."""

    at: datetime
    model: str
    id: int
    values: Mapping[str, Any]


def named(text: str) -> int:
    """The id of what has nothing but a name."""
    return zlib.crc32(text.encode())


def partner(text: str) -> int:
    """C00017, S003 -> the partner's id."""
    return PARTNERS[text[0]] + number_of(text)


def warehouse(plan: Plan, code: str) -> int:
    return 1 + [one.code for one in plan.warehouses].index(code)


def transfer_type(warehouse_id: int, step: str) -> int:
    return 10 * warehouse_id + TRANSFERS[step][0]


def stock_of(warehouse_id: int) -> int:
    return 10 * warehouse_id + 8


def product_numbers(plan: Plan) -> dict[str, int]:
    return {one.code: place for place, one in enumerate(plan.products, start=1)}


def shown(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def noon(day: date, zone: str) -> str:
    """A promise for a day, as Odoo keeps it: an instant."""
    return shown(datetime.combine(day, time(12), ZoneInfo(zone)))
