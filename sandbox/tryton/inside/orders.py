# SPDX-License-Identifier: GPL-3.0-or-later
# GPL-3 because it imports trytond, which is GPL-3. Runs only in the Tryton environment.
"""Orders through Tryton's real workflow: quotation, confirmation, parcels, promises, returns, credits; each step at its frozen instant."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

from company import Company

from sandbox.company.plan import Correction, Order, Shipment


def requested(order: Order) -> str | None:
    """Tryton's `shipping_date` holds our promise; what the customer asked for stands in the comment."""
    return f"Requested on {order.requested_on.isoformat()}" if order.requested_on else None


def place(c: Company, order: Order) -> int:
    """The sale as a quotation; an order won from a lead is the sale that the opportunity was converted to."""
    Sale, Line = c.get("sale.sale"), c.get("sale.line")
    with c.at(order.placed_at):
        offers = Sale.search([("origin", "=", f"sale.opportunity,{c.opportunity[order.lead]}")]) if order.lead else []
        sale = offers[0] if offers else Sale(company=c.known.company, party=c.known.party[order.customer])
        if sale.id is None:
            sale.on_change_party()
        sale.number = order.number
        sale.currency = c.known.currency[order.currency]
        sale.warehouse = c.known.warehouse[order.warehouse]["id"]
        sale.shipment_address = sale.invoice_address = ship_to(c, order)
        sale.invoice_method, sale.shipment_method = "manual", "order"
        sale.shipping_date = order.promised_on
        sale.comment = requested(order)
        sale.marketing_medium = c.known.medium.get(order.channel)
        sale.marketing_campaign = c.known.campaign.get(order.campaign or "")
        sale.lines = [sale_line(c, Line, sale, line.product, line.quantity, line.unit_price) for line in order.lines]
        sale.save()
        c.click("sale.sale", "quote", [sale.id])
        c.sale[order.number] = sale.id
    return int(c.sale[order.number])


def sale_line(c: Company, Line: Any, sale: Any, product: str, quantity: int, unit_price: Any) -> Any:
    row = Line(type="line", product=c.known.product[product], quantity=quantity)
    row.sale = sale
    row.on_change_product()
    row.unit_price = unit_price
    return row


def ship_to(c: Company, order: Order) -> int:
    found = c.known.address.get((order.customer, order.region))
    return c.home_address(order.customer) if found is None else found


def run_order(c: Company, order: Order) -> None:
    """Everything that happens to an order between `since` and `now`, step by step as the plan has it."""
    if c.happens(order.placed_at):
        place(c, order)
    number = c.sale[order.number]
    if c.happens(order.confirmed_at):
        confirm(c, order, number)
    if c.happens(order.cancelled_at):
        assert order.cancelled_at is not None
        with c.at(order.cancelled_at):
            cancel_order(c, number)
    if order.cancelled_at or not order.confirmed_at:
        return
    steps: list[tuple[datetime, Any]] = []
    parcels = arrange_parcels(c, order, number) if c.happens(order.confirmed_at) else parcels_of(c, number)
    if order.promised_again_on is not None and c.happens(order.promise_moved_at):
        assert order.promise_moved_at is not None
        steps.append((order.promise_moved_at, partial(move_promise, c, parcels, order.promised_again_on)))
    for parcel, shipment in zip(parcels, order.shipments, strict=False):
        for instant, step in (
            (shipment.picked_at, pick),
            (shipment.packed_at, pack),
            (shipment.shipped_at, partial(ship, shipment=shipment)),
            (shipment.delivered_at, deliver),
        ):
            if instant is not None and c.happens(instant):
                steps.append((instant, partial(step, c, parcel)))
    for instant, step in sorted(steps, key=lambda pair: pair[0]):
        with c.at(instant):
            step()
    for index, correction in enumerate(order.corrections):
        if correction.kind == "return":
            send_back(c, order, index, correction)


def cancel_order(c: Company, number: int) -> None:
    """Before it is processing a sale is cancelled as such; after that its parcels are, and the sale itself stays with an exception."""
    sale = c.get("sale.sale")(number)
    if sale.state == "processing":
        c.click("stock.shipment.out", "cancel", [shipment.id for shipment in sale.shipments if shipment.state not in ("shipped", "done", "cancelled")])
        return
    if sale.state == "confirmed":
        c.click("sale.sale", "draft", [number])
    c.click("sale.sale", "cancel", [number])


def parcels_of(c: Company, number: int) -> list[int]:
    with c.at(c.now):
        return sorted(shipment.id for shipment in c.get("sale.sale")(number).shipments)


def move_promise(c: Company, parcels: list[int], promised_on: date) -> None:
    Shipment = c.get("stock.shipment.out")
    Shipment.write(Shipment.browse(parcels), {"planned_date": promised_on})
    Shipment.log(Shipment.browse(parcels), "write", "planned_date")


def confirm(c: Company, order: Order, number: int) -> None:
    """An order that will be cancelled stays 'confirmed': Tryton cannot cancel one that is processing, and companies delay that step for this very reason."""
    assert order.confirmed_at is not None
    with c.at(order.confirmed_at, process=order.cancelled_at is None):
        c.click("sale.sale", "confirm", [number])


def arrange_parcels(c: Company, order: Order, number: int) -> list[int]:
    """Split what Tryton put into one shipment into the plan's parcels, and move the promise if it moved. Ids of the shipments in the plan's order."""
    Sale, Shipment, Move = c.get("sale.sale"), c.get("stock.shipment.out"), c.get("stock.move")
    assert order.confirmed_at is not None
    with c.at(order.confirmed_at):
        first, *others = Sale(number).shipments
        assert not others
        ids = [first.id]
        if len(order.shipments) > 1:
            c.click("stock.shipment.out", "draft", [first.id])
            moves = {move.product.code: move for move in first.outgoing_moves}
            for parcel in order.shipments[1:]:
                (another,) = Shipment.copy([first], default={"moves": None, "planned_date": first.planned_date, "origin_planned_date": first.planned_date})
                for code, pieces in parcel.quantities.items():
                    Move.copy(
                        [moves[code]],
                        default={
                            "quantity": pieces,
                            "shipment": str(another),
                            "origin": str(moves[code].origin),
                            "planned_date": first.planned_date,
                            "origin_planned_date": first.planned_date,
                        },
                    )
                ids.append(another.id)
            kept = order.shipments[0].quantities
            Move.write(*[part for code, move in moves.items() if kept.get(code) for part in ([move], {"quantity": kept[code]})])
            Move.delete([move for code, move in moves.items() if not kept.get(code)])
            c.click("stock.shipment.out", "wait", ids)
    return ids


def pick(c: Company, parcel: int) -> None:
    c.click("stock.shipment.out", "assign_force", [parcel])
    c.click("stock.shipment.out", "pick", [parcel])


def pack(c: Company, parcel: int) -> None:
    c.click("stock.shipment.out", "pack", [parcel])


def ship(c: Company, parcel: int, *, shipment: Shipment) -> None:
    Out = c.get("stock.shipment.out")
    Out.write([Out(parcel)], {"carrier": c.known.carrier[shipment.carrier]})
    c.click("stock.shipment.out", "ship", [parcel])


def deliver(c: Company, parcel: int) -> None:
    c.click("stock.shipment.out", "do", [parcel])


def words(correction: Correction) -> tuple[str, str]:
    """What stands on a return or credit note: its description, and in the comment whose fault it was."""
    return f"{correction.kind.capitalize()}: {correction.reason}", "Fault: ours" if correction.our_fault else "Fault: customer"


def send_back(c: Company, order: Order, index: int, correction: Correction) -> None:
    """A return is a sale with negative quantities that names its origin."""
    if c.happens(correction.at):
        with c.at(correction.at):
            c.correction[order.number, index] = _return(c, order, index, correction)
    if c.happens(returned_at(correction)):
        with c.at(returned_at(correction)):
            sale = c.get("sale.sale")(int(c.correction[order.number, index].split(",")[1]))
            parcels = [shipment.id for shipment in sale.shipment_returns]
            c.click("stock.shipment.out.return", "receive", parcels)
            c.click("stock.shipment.out.return", "do", parcels)


def run_credits(c: Company, orders: Iterable[Order]) -> None:
    """Credit notes, the oldest first: Tryton refuses a number to one that is dated before the last."""
    due_ones = [
        (correction.at, order, index, correction)
        for order in orders
        for index, correction in enumerate(order.corrections)
        if correction.kind == "credit" and c.happens(correction.at)
    ]
    for instant, order, index, correction in sorted(due_ones, key=lambda one: (one[0], one[1].number)):
        with c.at(instant):
            c.correction[order.number, index] = _credit(c, order, correction)


def returned_at(correction: Correction) -> datetime:
    """When the goods of a return are back: the plan does not say, so two days after it was agreed."""
    return correction.at + timedelta(days=2)


def _return(c: Company, order: Order, index: int, correction: Correction) -> str:
    what, fault = words(correction)
    Sale, Line = c.get("sale.sale"), c.get("sale.line")
    original = Sale(c.sale[order.number])
    (sale,) = Sale.copy(
        [original],
        default={
            "lines": None,
            "origin": str(original),
            "number": f"{order.number}-R{index + 1}",
            "description": what,
            "comment": fault,
            "shipping_date": None,
            "quotation_date": None,
            "sale_date": None,
        },
    )
    prices = {line.product: line.unit_price for line in order.lines}
    sale.lines = [sale_line(c, Line, sale, code, -pieces, prices[code]) for code, pieces in correction.quantities.items()]
    sale.save()
    c.click("sale.sale", "quote", [sale.id])
    c.click("sale.sale", "confirm", [sale.id])
    return f"sale.sale,{sale.id}"


def _credit(c: Company, order: Order, correction: Correction) -> str:
    """A credit note whose lines name the sale's lines."""
    what, fault = words(correction)
    Invoice, Line = c.get("account.invoice"), c.get("account.invoice.line")
    Journal = c.get("account.journal")
    sale = c.get("sale.sale")(c.sale[order.number])
    (journal,) = Journal.search([("type", "=", "revenue")], limit=1)
    invoice = Invoice(
        company=c.known.company, type="out", party=sale.party, journal=journal, currency=sale.currency, description=what, comment=fault, reference=order.number
    )
    invoice.on_change_party()
    invoice.on_change_type()
    invoice.invoice_address = sale.invoice_address
    prices = {line.product: line.unit_price for line in order.lines}
    lines = {line.product.code: line for line in sale.lines}
    rows = []
    for code, pieces in correction.quantities.items():
        row = Line(type="line", invoice_type="out", product=c.known.product[code], quantity=-pieces, currency=sale.currency, company=c.known.company)
        row.invoice = invoice
        row.on_change_product()
        row.unit_price = prices[code]
        row.origin = str(lines[code])
        rows.append(row)
    invoice.lines = rows
    invoice.save()
    c.click("account.invoice", "post", [invoice.id])
    return f"account.invoice,{invoice.id}"
