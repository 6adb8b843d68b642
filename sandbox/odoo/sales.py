"""The steps of leads, orders, parcels, returns and credit notes."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from decimal import Decimal

from sandbox.company.deals import Stages, orders_of, stages_of, worth_of
from sandbox.company.plan import Correction, Lead, Order, Plan, Shipment, number_of
from sandbox.odoo.masters import CANCELLED, currency, user
from sandbox.odoo.steps import CUSTOMERS_AT, Step, named, noon, partner, product_numbers, shown, stock_of, transfer_type, warehouse

RETURNED = timedelta(days=2)      # the goods of a return are back this long after it was agreed
OFFERS = 10_000_000               # quotations of leads that are no orders yet
Values = dict[str, object]


def sales(plan: Plan) -> Iterator[Step]:
    orders, stages = orders_of(plan), stages_of(plan)
    for lead in plan.leads:
        yield from _lead(plan, lead, stages[lead.number], orders.get(lead.order or ""))
    for order in plan.orders:
        yield from Sale(plan, order).steps()


def _lead(plan: Plan, lead: Lead, stages: Stages, order: Order | None) -> Iterator[Step]:
    mine, offer = number_of(lead.number), number_of(order.number) if order else OFFERS + number_of(lead.number)
    country = next(one.country for one in plan.customers if one.number == lead.customer)
    yield Step(at=lead.created_at, model="crm.lead", id=mine, values={
        "name": lead.number, "type": "lead", "partner_id": partner(lead.customer), "user_id": user(plan, lead.owner), "stage_id": 1,
        "expected_revenue": float(lead.amount), "country_id": named(country), "medium_id": named(lead.channel),
        "campaign_id": named(lead.campaign) if lead.campaign else False, "date_last_stage_update": shown(lead.created_at)})
    for stage, at in stages[1:]:
        reached = {"date_last_stage_update": shown(at)}
        ended: Values = {"active": False, "probability": 0.0, "date_closed": shown(at)}
        change: Values = {
            "opportunity": {"type": "opportunity", "date_conversion": shown(at), "stage_id": 2, **reached}, "offer": {"stage_id": 3, **reached},
            "won": {"stage_id": 4, "probability": 100.0, "date_closed": shown(at), **reached},
            "lost": {**ended, "lost_reason_id": named(lead.lost_reason or "")}, "cancelled": {**ended, "lost_reason_id": named(CANCELLED)}}[stage]
        if stage == "won" and order is not None:
            change["expected_revenue"] = float(worth_of(order, at, plan))
        yield Step(at=at, model="crm.lead", id=mine, values=change)
        if stage == "offer":
            yield Step(at=at, model="sale.order", id=offer, values={"name": f"Q{offer}", "partner_id": partner(lead.customer), "state": "draft",
                                                                    "date_order": shown(at), "currency_id": 1, "opportunity_id": mine})
        elif stage == "lost" and "offer" in dict(stages):
            yield Step(at=at, model="sale.order", id=offer, values={"state": "cancel"})


class Sale:
    """One order and everything that happened to it."""

    def __init__(self, plan: Plan, order: Order) -> None:
        self.plan, self.order, self.id = plan, order, number_of(order.number)
        self.products, self.warehouse = product_numbers(plan), warehouse(plan, order.warehouse)
        self.zone = next(one.time_zone for one in plan.warehouses if one.code == order.warehouse)
        self.currency, self.partner = currency(plan, order.currency), partner(order.customer)
        self.lines = {line.product: 20 * self.id + place for place, line in enumerate(order.lines)}
        self.cost = {one.code: one.cost_price for one in plan.products}

    def steps(self) -> Iterator[Step]:
        order = self.order
        yield from self._placed()
        if order.confirmed_at is not None:
            yield Step(at=order.confirmed_at, model="sale.order", id=self.id, values={"state": "sale", "date_order": shown(order.confirmed_at)})
            for place, shipment in enumerate(order.shipments):
                yield from self._parcel(place, shipment, order.confirmed_at)
        if order.cancelled_at is not None:
            yield Step(at=order.cancelled_at, model="sale.order", id=self.id, values={"state": "cancel"})
        for place, correction in enumerate(order.corrections):
            yield from self._corrected(place, correction)

    def _placed(self) -> Iterator[Step]:
        """In the shop an order begins when it is placed; one won from a lead was a quotation before (_lead) and is sent now."""
        order = self.order
        yield Step(at=order.placed_at, model="sale.order", id=self.id, values={
            "name": order.number, "partner_id": self.partner, "partner_shipping_id": self.partner, "date_order": shown(order.placed_at), "state": "sent",
            "commitment_date": noon(order.promised_on, self.zone), "currency_id": self.currency, "warehouse_id": self.warehouse,
            "medium_id": named(order.channel) if order.channel != "unknown" else False, "campaign_id": named(order.campaign) if order.campaign else False,
            "amount_untaxed": float(sum((line.unit_price * line.quantity for line in order.lines), Decimal(0))),
            "x_requested_on": order.requested_on.isoformat() if order.requested_on else False})
        for line in order.lines:
            yield Step(at=order.placed_at, model="sale.order.line", id=self.lines[line.product], values={
                "order_id": self.id, "product_id": self.products[line.product], "product_uom_qty": float(line.quantity), "price_unit": float(line.unit_price),
                "price_subtotal": float(line.unit_price * line.quantity), "currency_id": self.currency})

    def _parcel(self, place: int, shipment: Shipment, at: datetime) -> Iterator[Step]:
        """Pick, pack and ship are three transfers. Those inside the warehouse carry their goods in movements that nobody asks for: left out."""
        order, first = self.order, 100 * self.id + 10 * place
        promised = noon(order.promised_on, self.zone)
        shared = {"partner_id": self.partner, "sale_id": self.id, "origin": order.number, "scheduled_date": promised, "date_deadline": promised}
        ended = {"PICK": shipment.picked_at, "PACK": shipment.packed_at, "OUT": shipment.shipped_at}
        for number_, (step, done) in enumerate(ended.items(), start=1):
            mine = {"name": f"{order.warehouse}/{step}/{first + number_}", "picking_type_id": transfer_type(self.warehouse, step), "state": "assigned"}
            yield Step(at=at, model="stock.picking", id=first + number_, values={**shared, **mine})
            if done is not None:
                sent = {"carrier_id": named(shipment.carrier)} if step == "OUT" else {}
                yield Step(at=done, model="stock.picking", id=first + number_, values={"state": "done", "date_done": shown(done), **sent})
        if order.promised_again_on is not None and order.promise_moved_at is not None:
            yield Step(at=order.promise_moved_at, model="stock.picking", id=first + 3, values={"scheduled_date": noon(order.promised_again_on, self.zone)})
        if shipment.delivered_at is not None:
            yield Step(at=shipment.delivered_at, model="stock.picking", id=first + 3, values={"x_delivered_at": shown(shipment.delivered_at)})
        for code, pieces in shipment.quantities.items():
            yield from self._moved(self._move(place, code), first + 3, code, pieces, at, shipment.shipped_at, back=False)

    def _move(self, place: int, code: str) -> int:
        return 100 * self.lines[code] + place

    def _moved(self, identity: int, picking: int, code: str, pieces: int, at: datetime, done: datetime | None, *, back: bool) -> Iterator[Step]:
        ways = (CUSTOMERS_AT, stock_of(self.warehouse))[::1 if back else -1]
        values: Values = {
            "product_id": self.products[code], "product_uom_qty": float(pieces), "state": "assigned", "picking_id": picking, "date": shown(at),
            "location_id": ways[0], "location_dest_id": ways[1], "sale_line_id": self.lines[code]}
        if back:
            values["origin_returned_move_id"] = next(self._move(place, code) for place, one in enumerate(self.order.shipments) if code in one.quantities)
        yield Step(at=at, model="stock.move", id=identity, values=values)
        if done is not None:
            value = float(self.cost[code] * pieces)
            yield Step(at=done, model="stock.move", id=identity, values={
                "state": "done", "date": shown(done), "quantity": float(pieces), "quantity_done": float(pieces), "value": value})
            yield Step(at=done, model="stock.valuation.layer", id=identity, values={
                "product_id": self.products[code], "stock_move_id": identity, "quantity": float(pieces if back else -pieces),
                "value": value if back else -value, "unit_cost": float(self.cost[code])})

    # ---- what was taken back

    def _corrected(self, place: int, correction: Correction) -> Iterator[Step]:
        """A return is a transfer, paid back when the goods are there; a credit note alone is for what need not come back."""
        words: Values = {"x_reason": correction.reason, "x_fault": "ours" if correction.our_fault else "customer"}
        paid = correction.at
        if correction.kind == "return":
            picking, paid = 100 * self.id + 90 + place, correction.at + RETURNED
            yield Step(at=correction.at, model="stock.picking", id=picking, values={
                "name": f"{self.order.warehouse}/IN/{picking}", "partner_id": self.partner, "picking_type_id": transfer_type(self.warehouse, "IN"),
                "state": "assigned", "scheduled_date": shown(correction.at), "sale_id": self.id, "origin": "Return of " + self.order.number, **words})
            yield Step(at=paid, model="stock.picking", id=picking, values={"state": "done", "date_done": shown(paid)})
            for code, pieces in correction.quantities.items():
                yield from self._moved(self._move(90 + place, code), picking, code, pieces, correction.at, paid, back=True)
        yield from self._invoiced(place, correction, paid, {} if correction.kind == "return" else {"x_fault": words["x_fault"]})

    def _invoiced(self, place: int, correction: Correction, paid: datetime, words: Values) -> Iterator[Step]:
        """The order's invoice and the credit note that takes some of it back. Odoo writes the reason that one is asked for into its reference."""
        invoice, sent = 10 * self.id, min(one.shipped_at for one in self.order.shipments if one.shipped_at)
        yield from self._document(invoice, "out_invoice", sent, {line.product: line.quantity for line in self.order.lines}, {"name": f"INV/{invoice}"})
        reference = f"Reversal of: INV/{invoice}, {correction.reason}"
        yield from self._document(invoice + 1 + place, "out_refund", paid, correction.quantities, {
            "name": f"RINV/{invoice + 1 + place}", "reversed_entry_id": invoice, "ref": reference, **words})

    def _document(self, identity: int, kind: str, at: datetime, quantities: dict[str, int], values: Values) -> Iterator[Step]:
        prices = {line.product: line.unit_price for line in self.order.lines}
        amount = float(sum((prices[code] * pieces for code, pieces in quantities.items()), Decimal(0)))
        yield Step(at=at, model="account.move", id=identity, values={
            "move_type": kind, "state": "posted", "date": shown(at)[:10], "invoice_date": shown(at)[:10], "partner_id": self.partner,
            "currency_id": self.currency, "amount_untaxed": amount, "amount_total": amount, "invoice_origin": self.order.number, **values})
        for code, pieces in quantities.items():
            yield Step(at=at, model="account.move.line", id=20 * identity + [*self.lines].index(code), values={
                "move_id": identity, "product_id": self.products[code], "display_type": "product", "quantity": float(pieces),
                "price_unit": float(prices[code]), "price_subtotal": float(prices[code] * pieces), "currency_id": self.currency,
                "sale_line_ids": [self.lines[code]]})
