# SPDX-License-Identifier: GPL-3.0-or-later
# Written against Tryton's table layout and used only together with it; runs only in the Tryton environment.
"""Orders with their parcels and returns, as rows in the image of those that went through the workflow."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Any

from amplify import CENT, SALE, Amplifier
from orders import requested, returned_at, ship_to, words

from sandbox.company.plan import Correction, Order, Shipment


def add_order(maker: Amplifier, order: Order, offered_at: datetime | None = None) -> None:
    """offered_at: when the sale was made as an offer of the lead that the order was won from."""
    net = sum((line.unit_price * line.quantity).quantize(CENT) for line in order.lines)
    state = "cancelled" if order.cancelled_at else "processing" if order.confirmed_at else "quotation"
    delivered = bool(order.shipments) and all(parcel.delivered_at for parcel in order.shipments)
    partly = any(parcel.delivered_at for parcel in order.shipments)
    steps = [at for at in (order.placed_at, order.confirmed_at, order.cancelled_at) if at]
    steps += [at for parcel in order.shipments for at in (parcel.shipped_at, parcel.delivered_at) if at]
    values: dict[str, Any] = {
        "number": order.number,
        "company": maker.known.company,
        "party": maker.known.party[order.customer],
        "currency": maker.known.currency[order.currency],
        "warehouse": maker.known.warehouse[order.warehouse]["id"],
        "invoice_address": ship_to(maker.c, order),
        "shipment_address": ship_to(maker.c, order),
        "origin": f"sale.opportunity,{maker.c.opportunity[order.lead]}" if order.lead else None,
        "comment": requested(order),
        "description": None,
        "quotation_date": maker.day(order.placed_at),
        "sale_date": maker.day(order.confirmed_at) if order.confirmed_at else None,
        "shipping_date": order.promised_on,
        "untaxed_amount_cache": net,
        "total_amount_cache": net,
        "tax_amount_cache": Decimal(0),
        "state": state,
        "invoice_state": "none",
        "shipment_state": "sent" if delivered else "partially shipped" if partly else "waiting" if state == "processing" else "none",
        "marketing_medium": maker.known.medium.get(order.channel),
        "marketing_campaign": maker.known.campaign.get(order.campaign or ""),
        "create_date": offered_at or order.placed_at,
        "write_date": max(steps),
    }
    if state != "processing":
        values.update(to_invoice=0, to_ship=0)
    sale = maker.rows.add("sale_sale", SALE, values)
    maker.c.sale[order.number] = sale
    resource = f"sale.sale,{sale}"
    maker.log(resource, order.placed_at, "state:quotation")
    if order.confirmed_at:
        maker.log(resource, order.confirmed_at, "state:confirmed")
    if order.confirmed_at and not order.cancelled_at:
        maker.log(resource, order.confirmed_at, "state:processing")
    if order.cancelled_at:
        if order.confirmed_at:
            maker.log(resource, order.cancelled_at, "state:draft")
        maker.log(resource, order.cancelled_at, "state:cancelled")
    lines = {}
    for line in order.lines:
        lines[line.product] = maker.rows.add(
            "sale_line",
            "type = 'line' AND quantity > 0",
            {
                "sale": sale,
                "product": maker.known.product[line.product],
                "quantity": float(line.quantity),
                "actual_quantity": float(line.quantity) if state == "processing" else None,
                "quantity_to_ship": 0.0 if state == "processing" else None,
                "quantity_to_invoice": float(line.quantity) if state == "processing" else None,
                "unit_price": line.unit_price,
                "create_date": order.placed_at,
                "write_date": order.confirmed_at if state == "processing" else None,
            },
        )
    for parcel in order.shipments:
        add_parcel(maker, order, parcel, lines)
    for index, correction in enumerate(order.corrections):
        if correction.kind == "return":
            add_return(maker, order, index, correction, sale)


def add_parcel(maker: Amplifier, order: Order, parcel: Shipment, lines: dict[str, int]) -> None:
    assert order.confirmed_at is not None
    place = maker.known.warehouse[order.warehouse]
    moved = [order.promise_moved_at] if order.promise_moved_at else []
    reached = [("waiting", order.confirmed_at)]
    for name, at in (("picked", parcel.picked_at), ("packed", parcel.packed_at), ("shipped", parcel.shipped_at), ("done", parcel.delivered_at)):
        if at is None:
            break
        reached.append((name, at))
    state, last = reached[-1]
    at_state = dict(reached)
    promised = order.promised_again_on or order.promised_on
    carried = "shipped" in at_state
    shipment = maker.rows.add(
        "stock_shipment_out",
        "state = 'done'",
        {
            "number": maker.number("Customer Shipment"),
            "customer": maker.known.party[order.customer],
            "delivery_address": ship_to(maker.c, order),
            "state": state,
            "warehouse": place["id"],
            "warehouse_output": place["output"],
            "warehouse_storage": place["storage"],
            "carrier": maker.known.carrier[parcel.carrier] if carried else None,
            "planned_date": promised,
            "origin_planned_date": order.promised_on,
            "effective_date": maker.day(last) if state == "done" else None,
            **({} if carried else {"cost": None, "cost_currency": None}),
            "create_date": order.confirmed_at,
            "write_date": max([last, *moved]),
        },
    )
    resource = f"stock.shipment.out,{shipment}"
    if order.promise_moved_at:
        maker.log(resource, order.promise_moved_at, "planned_date", "write")
    for name, at in reached:
        if name == "picked":
            maker.log(resource, at, "state:assigned")
        maker.log(resource, at, f"state:{name}")
    prices = {line.product: line.unit_price for line in order.lines}
    for code, pieces in parcel.quantities.items():
        common = {
            "product": maker.known.product[code],
            "quantity": float(pieces),
            "internal_quantity": float(pieces),
            "shipment": resource,
            "planned_date": promised,
            "create_date": order.confirmed_at,
        }
        done = state == "done"
        outgoing = maker.rows.add(
            "stock_move",
            "origin LIKE 'sale.line,%' AND shipment LIKE 'stock.shipment.out,%' AND state = 'done'",
            {
                **common,
                "origin": f"sale.line,{lines[code]}",
                "from_location": place["output"],
                "to_location": maker.customers,
                "unit_price": prices[code],
                "currency": maker.known.currency[order.currency],
                "origin_planned_date": order.promised_on,
                "cost_price": maker.known.cost[code] if done else None,
                "state": "done" if done else "assigned" if "packed" in at_state else "draft",
                "effective_date": maker.day(last) if done else None,
                **({} if done else {"shipment_out_cost_price": None}),
                "write_date": max([last, *moved]),
            },
        )
        picked = at_state.get("picked")
        maker.rows.add(
            "stock_move",
            "origin LIKE 'stock.move,%' AND shipment LIKE 'stock.shipment.out,%' AND state = 'done'",
            {
                **common,
                "origin": f"stock.move,{outgoing}",
                "from_location": place["storage"],
                "to_location": place["output"],
                "state": "done" if picked else "draft",
                "effective_date": maker.day(picked) if picked else None,
                "write_date": max([picked or order.confirmed_at, *moved]),
            },
        )


def add_return(maker: Amplifier, order: Order, index: int, correction: Correction, sale: int) -> None:
    place = maker.known.warehouse[order.warehouse]
    prices = {line.product: line.unit_price for line in order.lines}
    net = sum((-prices[code] * pieces).quantize(CENT) for code, pieces in correction.quantities.items())
    back = returned_at(correction)
    arrived = back if maker.c.happens(back) else None
    last = arrived or correction.at
    day = maker.day(correction.at)
    number = maker.rows.add(
        "sale_sale",
        SALE,
        {
            "number": f"{order.number}-R{index + 1}",
            "company": maker.known.company,
            "party": maker.known.party[order.customer],
            "currency": maker.known.currency[order.currency],
            "warehouse": place["id"],
            "invoice_address": ship_to(maker.c, order),
            "shipment_address": ship_to(maker.c, order),
            "origin": f"sale.sale,{sale}",
            "description": words(correction)[0],
            "comment": words(correction)[1],
            "quotation_date": day,
            "sale_date": day,
            "shipping_date": None,
            "untaxed_amount_cache": net,
            "total_amount_cache": net,
            "tax_amount_cache": Decimal(0),
            "state": "processing",
            "invoice_state": "none",
            "shipment_state": "sent" if arrived else "waiting",
            "marketing_medium": maker.known.medium.get(order.channel),
            "marketing_campaign": maker.known.campaign.get(order.campaign or ""),
            "create_date": correction.at,
            "write_date": last,
        },
    )
    maker.c.correction[order.number, index] = f"sale.sale,{number}"
    for target in ("quotation", "confirmed", "processing"):
        maker.log(f"sale.sale,{number}", correction.at, f"state:{target}")
    shipment = maker.rows.add(
        "stock_shipment_out_return",
        "state = 'done'",
        {
            "number": maker.number("Customer Return Shipment"),
            "customer": maker.known.party[order.customer],
            "contact_address": maker.c.home_address(order.customer),
            "warehouse": place["id"],
            "warehouse_input": place["input"],
            "warehouse_storage": place["storage"],
            "planned_date": day,
            "origin_planned_date": day,
            "state": "done" if arrived else "draft",
            "effective_date": maker.day(arrived) if arrived else None,
            "create_date": correction.at,
            "write_date": arrived or correction.at,
        },
    )
    resource = f"stock.shipment.out.return,{shipment}"
    if arrived:
        maker.log(resource, arrived, "state:received")
        maker.log(resource, arrived, "state:done")
    for code, pieces in correction.quantities.items():
        line = maker.rows.add(
            "sale_line",
            "type = 'line' AND quantity < 0",
            {
                "sale": number,
                "product": maker.known.product[code],
                "quantity": float(-pieces),
                "actual_quantity": float(-pieces),
                "quantity_to_ship": 0.0,
                "quantity_to_invoice": float(-pieces),
                "unit_price": prices[code],
                "create_date": correction.at,
                "write_date": correction.at,
            },
        )
        common = {
            "product": maker.known.product[code],
            "quantity": float(pieces),
            "internal_quantity": float(pieces),
            "shipment": resource,
            "state": "done" if arrived else "draft",
            "effective_date": maker.day(arrived) if arrived else None,
        }
        incoming = maker.rows.add(
            "stock_move",
            "origin LIKE 'sale.line,%' AND shipment LIKE 'stock.shipment.out.return,%' AND state = 'done'",
            {
                **common,
                "origin": f"sale.line,{line}",
                "from_location": maker.customers,
                "to_location": place["input"],
                "unit_price": prices[code],
                "planned_date": day,
                "origin_planned_date": day,
                "currency": maker.known.currency[order.currency],
                "cost_price": maker.known.cost[code] if arrived else None,
                "create_date": correction.at,
                "write_date": arrived,
            },
        )
        if arrived:
            maker.rows.add(
                "stock_move",
                "origin LIKE 'stock.move,%' AND shipment LIKE 'stock.shipment.out.return,%' AND state = 'done'",
                {
                    **common,
                    "origin": f"stock.move,{incoming}",
                    "from_location": place["input"],
                    "to_location": place["storage"],
                    "planned_date": maker.day(arrived),
                    "create_date": arrived,
                    "write_date": arrived,
                },
            )
