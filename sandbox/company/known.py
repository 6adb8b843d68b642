"""What the company knows at the end of a day, out of a world whose future is written already."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta

from sandbox.company import suggestions
from sandbox.company.hours import start_of
from sandbox.company.plan import Complaint, Lead, Order, Plan, Purchase, Shipment, Ticket

# A purchase is a draft for a day before it is ordered.
DRAFT_TIME = timedelta(hours=20)
ROSTER_AHEAD = timedelta(days=14)  # rosters are published two weeks ahead

# file -> the day on which a row of it is written
_WRITTEN_ON = {
    "staff.csv": "starts_on",
    "team_reviews.csv": "reviewed_on",
    "quality_reviews.csv": "reviewed_on",
    "surveys.csv": "answered_on",
    "stock_counts.csv": "counted_on",
}


def end_of(day: date, time_zone: str) -> datetime:
    """The first instant after a reporting day."""
    return start_of(day + timedelta(days=1), time_zone)


def _past(at: datetime | None, now: datetime) -> datetime | None:
    return at if at is not None and at < now else None


def _is_over(order: Order, now: datetime) -> bool:
    instants = [order.confirmed_at, order.cancelled_at, order.promise_moved_at, *(shipment.delivered_at for shipment in order.shipments)]
    return all(at is None or at < now for at in instants) and all(correction.at < now for correction in order.corrections)


def order_as_known(order: Order, now: datetime) -> Order:
    if _is_over(order, now):
        return order        # nine in ten: a copy of each would cost seconds
    shipments = order.shipments
    if order.confirmed_at is None or order.confirmed_at >= now:
        shipments = ()
    elif any(shipment.delivered_at and shipment.delivered_at >= now for shipment in shipments):
        shipments = tuple(_shipment_as_known(shipment, now) for shipment in shipments)
    moved = _past(order.promise_moved_at, now)
    corrections = tuple(correction for correction in order.corrections if correction.at < now)
    return dataclasses.replace(
        order,
        confirmed_at=_past(order.confirmed_at, now),
        cancelled_at=_past(order.cancelled_at, now),
        shipments=shipments,
        promise_moved_at=moved,
        promised_again_on=order.promised_again_on if moved else None,
        corrections=corrections,
    )


def _shipment_as_known(shipment: Shipment, now: datetime) -> Shipment:
    return dataclasses.replace(
        shipment,
        picked_at=_past(shipment.picked_at, now),
        packed_at=_past(shipment.packed_at, now),
        shipped_at=_past(shipment.shipped_at, now),
        delivered_at=_past(shipment.delivered_at, now),
    )


def lead_as_known(lead: Lead, now: datetime) -> Lead:
    if lead.stages[-1][1] < now:
        return lead
    stages = tuple(stage for stage in lead.stages if stage[1] < now)
    ending = stages[-1][0]
    return dataclasses.replace(lead, stages=stages, lost_reason=lead.lost_reason if ending == "lost" else None, order=lead.order if ending == "won" else None)


def purchase_as_known(purchase: Purchase, now: datetime) -> Purchase:
    if purchase.ordered_at >= now:
        return dataclasses.replace(purchase, ordered_at=purchase.ordered_at - DRAFT_TIME, received_at=None, cancelled_at=None, state="draft")
    received_at, cancelled_at = _past(purchase.received_at, now), _past(purchase.cancelled_at, now)
    return dataclasses.replace(
        purchase, received_at=received_at, cancelled_at=cancelled_at, state="cancelled" if cancelled_at else "received" if received_at else "ordered"
    )


def ticket_as_known(ticket: Ticket, now: datetime) -> Ticket:
    return (
        dataclasses.replace(ticket, events=tuple(event for event in ticket.events if event.at < now))
        if ticket.events and ticket.events[-1].at >= now
        else ticket
    )


def complaint_as_known(complaint: Complaint, now: datetime) -> Complaint:
    return dataclasses.replace(complaint, resolved_at=_past(complaint.resolved_at, now))


def _month_ends_on(month: date) -> date:
    return (month + timedelta(days=32)).replace(day=1) - timedelta(days=1)


def _tables(tables: dict[str, list[dict[str, object]]], day: date, now: datetime) -> dict[str, list[dict[str, object]]]:
    """Files as they lie in the folder at the end of the day."""
    kept = dict(tables)
    kept["rosters.csv"] = [row for row in tables["rosters.csv"] if row["starts_at"] < now + ROSTER_AHEAD]  # type: ignore[operator]
    kept["costs.csv"] = [row for row in tables["costs.csv"] if _month_ends_on(row["month"]) <= day]  # type: ignore[arg-type]
    kept["training.csv"] = [
        {**row, "completed_on": row["completed_on"] if row["completed_on"] and row["completed_on"] <= day else None}  # type: ignore[operator]
        for row in tables["training.csv"]
    ]
    for name, column in _WRITTEN_ON.items():
        kept[name] = [row for row in tables[name] if row[column] <= day]  # type: ignore[operator]
    kept["suggestions.csv"] = suggestions.as_of(tables["suggestions.csv"], day)
    # who leaves says so before; the register of this company says it afterwards
    kept["staff.csv"] = [{**row, "ends_on": row["ends_on"] if row["ends_on"] and row["ends_on"] <= day else None} for row in kept["staff.csv"]]  # type: ignore[operator]
    return kept


def as_known(world: Plan, day: date, deleted: frozenset[str] = frozenset()) -> Plan:
    """The plan at the end of `day`: nothing in it began or happened later, and nothing that was deleted is in it."""
    now = end_of(day, world.time_zone)
    # A lead is won and its order placed within the hour; neither may be known without the other.
    orders = tuple(order_as_known(order, now) for order in world.orders if order.placed_at < now)
    placed = {order.number for order in orders}
    leads = [lead_as_known(lead, now) for lead in world.leads if lead.created_at < now and lead.number not in deleted]
    leads = [lead if lead.order is None or lead.order in placed else dataclasses.replace(lead, stages=lead.stages[:-1], order=None) for lead in leads]
    return dataclasses.replace(
        world,
        ends_on=day,
        deleted=deleted,
        orders=orders,
        leads=tuple(leads),
        customers=tuple(customer for customer in world.customers if customer.created_at < now),
        rates=tuple(rate for rate in world.rates if rate.on <= day),
        complaints=tuple(complaint_as_known(complaint, now) for complaint in world.complaints if complaint.opened_at < now),
        purchases=tuple(
            purchase_as_known(purchase, now) for purchase in world.purchases if purchase.ordered_at - DRAFT_TIME < now and purchase.number not in deleted
        ),
        tickets=tuple(ticket_as_known(ticket, now) for ticket in world.tickets if ticket.created_at < now and ticket.number not in deleted),
        channel_days=tuple(row for row in world.channel_days if row.day <= day),
        tables=_tables(world.tables, day, now),
    )
