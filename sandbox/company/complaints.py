"""Formal complaints: kept in the ERP, beside the ticket that they came with."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from random import Random

from sandbox.company.plan import Complaint, Order, Ticket, number_of

# topic of the ticket -> (kind of complaint, share of such tickets that become one, share of major ones)
_FROM_TOPIC = {"defect": ("defect", 0.75, 0.20), "delivery": ("late", 0.16, 0.04), "return": ("damaged", 0.18, 0.05), "billing": ("billing", 0.07, 0.03)}
TURNED_DOWN_OF = 12  # one complaint in so many ends without agreement


def complaints(orders: tuple[Order, ...], tickets: tuple[Ticket, ...], random: Random) -> tuple[Complaint, ...]:
    """Limits are elapsed time: 24 hours for major ones, 72 for the rest. About one in twelve is settled too late."""
    by_number = {order.number: order for order in orders}
    drafts: list[tuple[datetime, Complaint]] = []
    for ticket in tickets:
        if ticket.order is None or ticket.topic not in _FROM_TOPIC:
            continue
        kind, share, major_share = _FROM_TOPIC[ticket.topic]
        if random.random() >= share:
            continue
        reasons = {correction.reason for correction in by_number[ticket.order].corrections}
        if kind == "damaged" and "wrong item" in reasons:
            kind = "wrong item"
        is_major = random.random() < major_share
        opened_at = (ticket.created_at + timedelta(minutes=random.uniform(5, 300))).replace(microsecond=0)
        limit = timedelta(hours=24 if is_major else 72)
        taken = limit * (random.uniform(1.1, 3.0) if random.random() < 0.08 else random.uniform(0.1, 0.95))
        drafts.append(
            (
                opened_at,
                Complaint(
                    number="",
                    order=ticket.order,
                    ticket=ticket.number,
                    kind=kind,
                    is_major=is_major,
                    opened_at=opened_at,
                    due_at=opened_at + limit,
                    resolved_at=(opened_at + taken).replace(microsecond=0),
                    # by the number and not by dice: the story's other dice stay as they fell
                    is_agreed=number_of(ticket.number) % TURNED_DOWN_OF > 0,
                ),
            )
        )
    drafts.sort(key=lambda each: (each[0], each[1].ticket or ""))
    return tuple(_numbered(draft, serial) for serial, (_, draft) in enumerate(drafts, start=1))


def _numbered(draft: Complaint, serial: int) -> Complaint:
    return replace(draft, number=f"K{serial:05d}")
