"""The sandbox company's history, as plain data.

`story.py` writes one `Plan` from a seed; the loaders put that plan into Tryton, Request Tracker, the Zendesk stand-in and
the drop folder. Nothing here knows any of those systems. Every instant is an aware UTC datetime; every amount is in the
currency that stands beside it, as a Decimal with two places.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import date, datetime
from decimal import Decimal
from string import ascii_uppercase
from typing import Literal


@dataclass(frozen=True, kw_only=True)
class Team:
    name: str                     # "Support EMEA", "Support APAC", "Billing", "Warehouse desk" ...
    department: str               # "service", "finance", "logistics", "sales"
    time_zone: str                # IANA name
    calendar: str                 # name of the business-hours calendar that its SLA clocks run on


@dataclass(frozen=True, kw_only=True)
class Agent:
    name: str
    email: str
    team: str                     # Team.name
    time_zone: str
    hired_on: date
    left_on: date | None = None


@dataclass(frozen=True, kw_only=True)
class Customer:
    number: str                   # "C00001", unique
    name: str
    email: str
    country: str                  # ISO 3166 alpha-2
    region: str                   # "EMEA", "APAC", "AMER"
    is_company: bool
    created_at: datetime


@dataclass(frozen=True, kw_only=True)
class Product:
    code: str                     # SKU, unique
    name: str
    category: str
    list_price: Decimal           # reporting currency, net of tax
    cost_price: Decimal           # reporting currency
    is_key_item: bool             # three suppliers each


@dataclass(frozen=True, kw_only=True)
class Supplier:
    number: str                   # "S001"
    name: str
    country: str
    lead_days: int                # as agreed
    drifts_from: date | None = None   # the day from which it is late more often than it may be


@dataclass(frozen=True, kw_only=True)
class Offer:
    """That a supplier sells a product; rank 1 is the preferred supplier, 2 and 3 the backups."""
    supplier: str
    product: str
    rank: int
    price: Decimal


@dataclass(frozen=True, kw_only=True)
class Warehouse:
    code: str                     # "BER", "RNO", "SGP"
    name: str
    region: str
    time_zone: str


@dataclass(frozen=True, kw_only=True)
class Rate:
    """Units of `currency` for one unit of the reporting currency, valid from `on` until the next rate."""
    currency: str
    on: date
    rate: Decimal


@dataclass(frozen=True, kw_only=True)
class OrderLine:
    product: str
    quantity: int
    unit_price: Decimal           # in the order's currency, after discount, net of tax


@dataclass(frozen=True, kw_only=True)
class Shipment:
    """One parcel. The four instants are the end of each stage; None: has not happened by the plan's end."""
    quantities: dict[str, int]    # product code -> pieces
    picked_at: datetime | None
    packed_at: datetime | None
    shipped_at: datetime | None
    delivered_at: datetime | None
    carrier: str


@dataclass(frozen=True, kw_only=True)
class Correction:
    """A return or credit after delivery. `our_fault` feeds order_error_rate."""
    kind: Literal["return", "credit"]
    at: datetime
    quantities: dict[str, int]
    reason: Literal["damaged", "wrong item", "defect", "missing", "changed mind"]
    our_fault: bool


@dataclass(frozen=True, kw_only=True)
class Order:
    number: str                   # "SO000001"
    customer: str
    placed_at: datetime
    confirmed_at: datetime | None
    cancelled_at: datetime | None
    channel: str                  # "organic search", "paid search", "social", "marketplace", "email", "sales team", "unknown"
    campaign: str | None
    region: str
    warehouse: str
    currency: str
    lines: tuple[OrderLine, ...]
    requested_on: date | None     # delivery date that the customer asked for
    promised_on: date             # as first promised
    promised_again_on: date | None = None    # moved promise, if it moved
    promise_moved_at: datetime | None = None
    shipments: tuple[Shipment, ...] = ()
    corrections: tuple[Correction, ...] = ()
    lead: str | None = None       # Lead.number it was won from


@dataclass(frozen=True, kw_only=True)
class Lead:
    """A CRM opportunity. `stages` is its history: ("lead", at), ("opportunity", at), ("offer", at), then one of ("won", at), ("lost", at),
    ("cancelled", at) unless still open."""
    number: str                   # "L00001"
    customer: str
    owner: str                    # Agent.email
    channel: str
    campaign: str | None
    region: str
    created_at: datetime
    amount: Decimal               # reporting currency
    stages: tuple[tuple[str, datetime], ...]
    lost_reason: str | None = None
    order: str | None = None      # Order.number when won


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """A formal complaint about an order (kept in the ERP, beside the ticket that it came with)."""
    number: str
    order: str
    ticket: str | None
    kind: str                     # "damaged", "late", "defect", "wrong item", "billing"
    is_major: bool
    opened_at: datetime
    due_at: datetime
    resolved_at: datetime | None
    is_agreed: bool = True        # how it ends: with agreement, or turned down


@dataclass(frozen=True, kw_only=True)
class PurchaseLine:
    product: str
    quantity: int
    unit_price: Decimal           # supplier's price in the reporting currency


@dataclass(frozen=True, kw_only=True)
class Purchase:
    number: str                   # "PO00001"
    supplier: str
    warehouse: str
    ordered_at: datetime
    promised_on: date
    lines: tuple[PurchaseLine, ...]
    received_at: datetime | None  # None and promised_on past: overdue
    state: Literal["draft", "ordered", "received", "cancelled"]
    cancelled_at: datetime | None = None


@dataclass(frozen=True, kw_only=True)
class TicketEvent:
    """kind: 'public_reply' and 'private_note' (by agent, requester or bot), 'status' (value: new, open, pending, solved, closed),
    'team' (value: Team.name), 'assignee' (value: Agent.email), 'priority' (value: low, normal, high, urgent), 'rating' (value: good, bad)."""
    at: datetime
    kind: Literal["public_reply", "private_note", "status", "team", "assignee", "priority", "rating"]
    actor: Literal["agent", "requester", "bot", "system"]
    by: str | None                # e-mail of the agent or requester
    value: str | None = None


@dataclass(frozen=True, kw_only=True)
class Ticket:
    number: str                   # "T00001"
    requester: str                # Customer.number
    subject: str
    body: str
    channel: str                  # "email", "chat", "web", "phone"
    priority: str                 # at creation: low, normal, high, urgent
    team: str                     # at creation
    order: str | None
    created_at: datetime
    events: tuple[TicketEvent, ...] = ()    # by time; creation itself is not in it
    sla_policy: str | None = None           # name in Plan.sla_policies
    topic: str = "question"       # "question", "delivery", "defect", "billing", "return"


@dataclass(frozen=True, kw_only=True)
class SlaPolicy:
    name: str                     # "standard-emea" ... (one a region, on its calendar), "premium"
    first_reply_minutes: dict[str, int]     # priority -> business minutes
    resolution_minutes: dict[str, int]      # priority -> business minutes
    calendar: str
    pauses_on_pending: bool
    next_reply_minutes: dict[str, int] = field(default_factory=dict)    # priority -> business minutes; empty: not promised


@dataclass(frozen=True, kw_only=True)
class Calendar:
    name: str                     # "support-emea", "always"
    time_zone: str
    hours: dict[str, tuple[tuple[str, str], ...]]   # "mon" -> (("09:00", "17:00"), ...)
    holidays: tuple[date, ...] = ()


@dataclass(frozen=True, kw_only=True)
class ChannelDay:
    """What a channel and campaign cost and brought on one day."""
    day: date
    channel: str
    campaign: str | None
    spend: Decimal                # reporting currency
    visits: int


@dataclass(frozen=True, kw_only=True)
class Plan:
    seed: int
    company: str
    time_zone: str                # reporting time zone
    currency: str                 # reporting currency
    starts_on: date               # first day of history, inclusive
    ends_on: date                 # last complete day of history, inclusive
    teams: tuple[Team, ...]
    agents: tuple[Agent, ...]
    customers: tuple[Customer, ...]
    products: tuple[Product, ...]
    suppliers: tuple[Supplier, ...]
    offers: tuple[Offer, ...]
    warehouses: tuple[Warehouse, ...]
    rates: tuple[Rate, ...]
    orders: tuple[Order, ...]
    leads: tuple[Lead, ...]
    complaints: tuple[Complaint, ...]
    purchases: tuple[Purchase, ...]
    tickets: tuple[Ticket, ...]
    sla_policies: tuple[SlaPolicy, ...]
    calendars: tuple[Calendar, ...]
    channel_days: tuple[ChannelDay, ...]
    tables: dict[str, list[dict[str, object]]] = field(default_factory=dict)   # what comes as files: file name -> rows
    size: Literal["small", "full"] = "small"
    deleted: frozenset[str] = frozenset()    # numbers of the tickets, leads and purchases that were deleted since the first night


def number_of(text: str) -> int:
    """Of anything that the plan numbers: T00017 -> 17, SO000020 -> 20."""
    return int(text.lstrip(ascii_uppercase))


def in_stock(plan: Plan) -> Counter[tuple[str, str]]:
    """Pieces by product and warehouse: what came less what went, which is below nothing where the company had goods before its history begins."""
    there: Counter[tuple[str, str]] = Counter()
    for purchase in plan.purchases:
        if purchase.received_at is not None:
            there.update({(line.product, purchase.warehouse): line.quantity for line in purchase.lines})
    for order in plan.orders:
        for shipment in order.shipments:
            if shipment.shipped_at is not None:
                there.subtract({(code, order.warehouse): pieces for code, pieces in shipment.quantities.items()})
    return there
