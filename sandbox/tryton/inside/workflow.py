# SPDX-License-Identifier: GPL-3.0-or-later
# GPL-3 because it imports trytond, which is GPL-3. Runs only in the Tryton environment.
"""Plan records taken through Tryton's real workflows, each step at its own frozen instant.

Orders, returns, credits, leads, complaints and purchases that go this way are the prototypes from which `amplify` makes the
many: they show what Tryton itself writes for each state. One order costs about half a second of CPU.
"""

from __future__ import annotations

from collections.abc import Iterable

from company import Company
from orders import run_order
from rows import stored

from sandbox.company.plan import Complaint, Lead, Order, Purchase


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
            c.click("sale.complaint", "approve" if complaint.is_agreed else "reject", [c.complaint[complaint.number]])


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
