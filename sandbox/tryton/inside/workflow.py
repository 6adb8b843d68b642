# SPDX-License-Identifier: GPL-3.0-or-later
# GPL-3 because it imports trytond, which is GPL-3. Runs only in the Tryton environment.
"""Plan records taken through Tryton's real workflows, each step at its own frozen instant.

Orders, returns, credits, leads, complaints and purchases that go this way are the prototypes from which `amplify` makes the
many: they show what Tryton itself writes for each state. One order costs about half a second of CPU.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import boot
from masters import Known
from rows import stored

from sandbox.company.plan import Complaint, Correction, Lead, Order, Plan, Purchase, Shipment


@dataclass(kw_only=True)
class Company:
    """Tryton's models, the plan and what is known by name, in one hand.

    sale, opportunity, complaint, purchase: ids of what exists already, by number. A step is taken when its instant lies in
    since < instant <= now: so the same functions write a history and live one more day.
    """

    pool: Any
    plan: Plan
    known: Known
    now: datetime
    since: datetime | None = None
    sale: dict[str, int] = field(default_factory=dict)
    opportunity: dict[str, int] = field(default_factory=dict)
    complaint: dict[str, int] = field(default_factory=dict)
    purchase: dict[str, int] = field(default_factory=dict)
    correction: dict[tuple[str, int], str] = field(default_factory=dict)  # (order, index) -> 'sale.sale,12' or 'account.invoice,3'

    def get(self, model: str) -> Any:
        return self.pool.get(model)

    def at(self, instant: datetime, *, process: bool = True) -> Any:
        return boot.working(instant, company=self.known.company, process=process)

    def click(self, model: str, button: str, ids: Iterable[int]) -> None:
        """Press a button as a person does in the client: with rights checked, and logged as a click of that person."""
        from trytond.transaction import check_access

        Model = self.get(model)
        with check_access():
            getattr(Model, button)(Model.browse(list(ids)))

    def happens(self, instant: datetime | None) -> bool:
        return instant is not None and (self.since is None or self.since < instant) and instant <= self.now

    def home_address(self, party: str) -> int:
        """The first address of a party."""
        return self.known.home[party]


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


def run_lead(c: Company, lead: Lead) -> None:
    """An opportunity through its stages. 'offer' is Tryton's 'converted': it makes a draft sale; winning is that sale being confirmed, which run_order does."""
    Opportunity = c.get("sale.opportunity")
    if c.happens(lead.created_at):
        with c.at(lead.created_at):
            (opportunity,) = Opportunity.create(
                [
                    {
                        "number": lead.number,
                        "company": c.known.company,
                        "party": c.known.party.get(lead.customer),
                        "employee": c.known.employee.get(lead.owner),
                        "address": c.known.address.get((lead.customer, lead.region)),
                        "amount": lead.amount,
                        "currency": c.known.currency[c.plan.currency],
                        "marketing_medium": c.known.medium.get(lead.channel),
                        "marketing_campaign": c.known.campaign.get(lead.campaign or ""),
                        "lines": [],
                    }
                ]
            )
            c.opportunity[lead.number] = opportunity.id
    for stage, instant in lead.stages[1:]:
        if not c.happens(instant):
            continue
        with c.at(instant):
            opportunity = Opportunity(c.opportunity[lead.number])
            if stage == "opportunity":
                c.click("sale.opportunity", "opportunity", [opportunity.id])
            elif stage == "offer":
                c.click("sale.opportunity", "convert", [opportunity.id])
            elif stage == "cancelled":
                c.click("sale.opportunity", "cancel", [opportunity.id])
            elif stage == "lost":
                Opportunity.write([opportunity], {"lost_reason": lead.lost_reason})
                if opportunity.state == "converted":
                    c.click("sale.sale", "cancel", [sale.id for sale in opportunity.sales])
                else:
                    c.click("sale.opportunity", "lost", [opportunity.id])
        if stage in ("offer", "lost"):
            with c.at(instant):  # Tryton took the amount from the offer's sale, which has no lines yet or is cancelled: the owner puts it back
                Opportunity.write([Opportunity(c.opportunity[lead.number])], {"amount": lead.amount})


def run_complaint(c: Company, complaint: Complaint) -> None:
    """Tryton has no due date on a complaint: its description says it on a line of its own. The ticket's number is the reference."""
    Complaint_, Sale = c.get("sale.complaint"), c.get("sale.sale")
    if c.happens(complaint.opened_at):
        with c.at(complaint.opened_at):
            sale = Sale(c.sale[complaint.order])
            (row,) = Complaint_.create(
                [
                    {
                        "number": complaint.number,
                        "reference": complaint.ticket,
                        "company": c.known.company,
                        "customer": sale.party.id,
                        "origin": str(sale),
                        "type": c.known.complaint_type[complaint.kind, complaint.is_major],
                        "description": due(complaint),
                    }
                ]
            )
            c.click("sale.complaint", "wait", [row.id])
            c.complaint[complaint.number] = row.id
    if c.happens(complaint.resolved_at):
        assert complaint.resolved_at is not None
        with c.at(complaint.resolved_at):
            c.click("sale.complaint", "approve", [c.complaint[complaint.number]])


def due(complaint: Complaint) -> str:
    return f"Due: {complaint.due_at.isoformat(timespec='seconds').replace('+00:00', 'Z')}"


def run_purchase(c: Company, purchase: Purchase) -> None:
    """A draft that is ordered on a later day is the same purchase."""
    Purchase_, ShipmentIn = c.get("purchase.purchase"), c.get("stock.shipment.in")
    if c.happens(purchase.ordered_at):
        with c.at(purchase.ordered_at):
            if purchase.number not in c.purchase:
                c.purchase[purchase.number] = draft_purchase(c, purchase)
            number = c.purchase[purchase.number]
            if purchase.state != "draft":
                c.click("purchase.purchase", "quote", [number])
            if purchase.state in ("ordered", "received"):
                c.click("purchase.purchase", "confirm", [number])
    if c.happens(purchase.cancelled_at):
        assert purchase.cancelled_at is not None
        with c.at(purchase.cancelled_at):
            cancel_purchase(c, c.purchase[purchase.number])
    if c.happens(purchase.received_at):
        assert purchase.received_at is not None
        with c.at(purchase.received_at):
            arrived = ShipmentIn(
                company=c.known.company,
                supplier=c.known.party[purchase.supplier],
                warehouse=c.known.warehouse[purchase.warehouse]["id"],
                planned_date=purchase.promised_on,
            )
            arrived.on_change_warehouse()
            arrived.incoming_moves = Purchase_(c.purchase[purchase.number]).moves
            arrived.save()
            c.click("stock.shipment.in", "receive", [arrived.id])
            c.click("stock.shipment.in", "do", [arrived.id])


def draft_purchase(c: Company, purchase: Purchase) -> int:
    Purchase_, Line = c.get("purchase.purchase"), c.get("purchase.line")
    row = Purchase_(company=c.known.company, party=c.known.party[purchase.supplier], number=purchase.number)
    row.on_change_party()
    row.currency = c.known.currency[c.plan.currency]
    row.warehouse = c.known.warehouse[purchase.warehouse]["id"]
    row.invoice_method = "manual"
    row.delivery_date = purchase.promised_on
    lines = []
    for line in purchase.lines:
        part = Line(type="line", product=c.known.product[line.product], quantity=line.quantity)
        part.purchase = row
        part.on_change_product()
        part.unit_price = line.unit_price
        part.product_supplier = c.known.offer.get((purchase.supplier, line.product))
        lines.append(part)
    row.lines = lines
    row.save()
    return int(row.id)


def cancel_purchase(c: Company, number: int) -> None:
    """Before it is confirmed a purchase is cancelled as such; after that its expected goods are, and the purchase takes note of it."""
    Purchase_ = c.get("purchase.purchase")
    if Purchase_(number).state in ("draft", "quotation"):
        c.click("purchase.purchase", "cancel", [number])
        return
    moves = [move.id for move in Purchase_(number).moves if move.state in ("draft", "assigned")]
    c.click("stock.move", "cancel", moves)


def run_all(
    c: Company, *, orders: Iterable[Order] = (), leads: Iterable[Lead] = (), complaints: Iterable[Complaint] = (), purchases: Iterable[Purchase] = ()
) -> None:
    """Leads first: an order won from one is the sale that it was converted to."""
    for lead in leads:
        run_lead(c, lead)
    for order in orders:
        run_order(c, order)
    for complaint in complaints:
        run_complaint(c, complaint)
    for purchase in purchases:
        run_purchase(c, purchase)


def link_actions(c: Company) -> None:
    """Where a complaint ended in a return or credit of the same order, its action names that result, as Tryton's own action would."""
    from trytond.transaction import Transaction

    Action = c.get("sale.complaint.action")
    orders = {order.number: order for order in c.plan.orders}
    rows, instants = [], []
    taken: set[tuple[str, int]] = set()
    for complaint in c.plan.complaints:
        for index, correction in enumerate(orders[complaint.order].corrections):
            number = c.complaint.get(complaint.number)
            if (
                number
                and (complaint.order, index) in c.correction
                and correction.at >= complaint.opened_at
                and c.happens(correction.at)
                and (complaint.order, index) not in taken
            ):
                taken.add((complaint.order, index))
                action = "sale_return" if correction.kind == "return" else "credit_note"
                rows.append({"complaint": number, "action": action, "result": c.correction[complaint.order, index]})
                instants.append(correction.at)
    with c.at(c.now):
        ids = [action.id for action in Action.create(rows)]
        Transaction().connection.cursor().executemany(
            "UPDATE sale_complaint_action SET create_date = ?, write_date = NULL WHERE id = ?",
            [(stored(at), number) for at, number in zip(instants, ids, strict=True)],
        )
