"""The steps of purchases, their receipts, and what is in stock in the end."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, time, timedelta
from decimal import Decimal
from zoneinfo import ZoneInfo

from sandbox.company.plan import Plan, Purchase, in_stock, number_of
from sandbox.odoo.steps import SUPPLIERS_AT, Step, noon, partner, product_numbers, shown, stock_of, transfer_type, warehouse

RECEIPTS = 500_000_000            # ids of transfers and movements that belong to purchases


def supply(plan: Plan) -> Iterator[Step]:
    numbers = product_numbers(plan)
    for purchase in plan.purchases:
        yield from _purchase(plan, purchase, numbers)
    yield from _stock(plan, numbers)


def _purchase(plan: Plan, purchase: Purchase, products: dict[str, int]) -> Iterator[Step]:
    mine, place = number_of(purchase.number), warehouse(plan, purchase.warehouse)
    zone = next(one.time_zone for one in plan.warehouses if one.code == purchase.warehouse)
    promised, ordered = noon(purchase.promised_on, zone), shown(purchase.ordered_at)
    yield Step(at=purchase.ordered_at, model="purchase.order", id=mine, values={
        "name": purchase.number, "partner_id": partner(purchase.supplier), "date_order": ordered, "date_planned": promised, "state": "draft",
        "currency_id": 1, "amount_untaxed": float(sum((line.unit_price * line.quantity for line in purchase.lines), Decimal(0))),
        "picking_type_id": transfer_type(place, "IN")})
    for row, line in enumerate(purchase.lines):
        yield Step(at=purchase.ordered_at, model="purchase.order.line", id=50 * mine + row, values={
            "order_id": mine, "product_id": products[line.product], "product_qty": float(line.quantity), "price_unit": float(line.unit_price),
            "price_subtotal": float(line.unit_price * line.quantity), "date_planned": promised})
    if purchase.state == "draft":
        return
    yield Step(at=purchase.ordered_at, model="purchase.order", id=mine, values={"state": "purchase", "date_approve": ordered})
    receipt = RECEIPTS + mine
    yield Step(at=purchase.ordered_at, model="stock.picking", id=receipt, values={
        "name": f"{purchase.warehouse}/IN/{receipt}", "partner_id": partner(purchase.supplier), "picking_type_id": transfer_type(place, "IN"),
        "state": "assigned", "scheduled_date": promised, "origin": purchase.number})
    for row, line in enumerate(purchase.lines):
        yield Step(at=purchase.ordered_at, model="stock.move", id=RECEIPTS + 50 * mine + row, values={
            "product_id": products[line.product], "product_uom_qty": float(line.quantity), "state": "assigned", "picking_id": receipt, "date": promised,
            "location_id": SUPPLIERS_AT, "location_dest_id": stock_of(place), "purchase_line_id": 50 * mine + row})
    if purchase.cancelled_at is not None:
        yield Step(at=purchase.cancelled_at, model="purchase.order", id=mine, values={"state": "cancel"})
        yield from _ended(purchase, purchase.cancelled_at, receipt, {"state": "cancel"}, done=False)
    elif purchase.received_at is not None:
        yield from _ended(purchase, purchase.received_at, receipt, {"state": "done"}, done=True)


def _ended(purchase: Purchase, at: datetime, receipt: int, state: dict[str, object], *, done: bool) -> Iterator[Step]:
    mine = number_of(purchase.number)
    yield Step(at=at, model="stock.picking", id=receipt, values={**state, **({"date_done": shown(at)} if done else {})})
    for row, line in enumerate(purchase.lines):
        pieces, value = float(line.quantity), float(line.unit_price * line.quantity)
        came = {"date": shown(at), "quantity": pieces, "quantity_done": pieces, "value": value} if done else {}
        yield Step(at=at, model="stock.move", id=RECEIPTS + 50 * mine + row, values={**state, **came})
        if done:
            yield Step(at=at, model="purchase.order.line", id=50 * mine + row, values={"qty_received": pieces})


def _stock(plan: Plan, products: dict[str, int]) -> Iterator[Step]:
    """What is below nothing, too: Odoo allows that."""
    evening = datetime.combine(plan.ends_on, time(23, 59), ZoneInfo(plan.time_zone)) - timedelta(minutes=1)
    for (code, at), pieces in sorted(in_stock(plan).items()):
        place = warehouse(plan, at)
        yield Step(at=evening, model="stock.quant", id=1000 * place + products[code], values={
            "product_id": products[code], "location_id": stock_of(place), "quantity": float(pieces), "in_date": shown(evening)})
