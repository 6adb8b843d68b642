# SPDX-License-Identifier: GPL-3.0-or-later
# Written against Tryton's table layout and used only together with it; runs only in the Tryton environment.
"""The many: plan records written straight into Tryton's tables, in the image of those that went through the workflows.

Some 100,000 rows a second, where a workflow takes half a second an order. A test puts the same small plan through both ways and
compares everything that the API then says. The log holds the state changes, not every click.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date, datetime
from decimal import ROUND_HALF_UP, Decimal
from typing import Any
from zoneinfo import ZoneInfo

from rows import Rows
from workflow import Company, due, requested, returned_at, ship_to, words

from sandbox.company.plan import Complaint, Correction, Customer, Lead, Order, Plan, Purchase, Shipment

SALE = "shipment_method = 'order'"
CENT = Decimal("0.01")


class Amplifier:
    """Plan, ids and the rows in waiting, in one hand."""

    def __init__(self, company: Company, rows: Rows) -> None:
        self.c, self.known, self.plan, self.rows = company, company.known, company.plan, rows
        self._zone = ZoneInfo(self.plan.time_zone)
        (self._customers,) = (row[0] for row in rows.query("SELECT id FROM stock_location WHERE type = 'customer' ORDER BY id LIMIT 1"))
        (self._suppliers,) = (row[0] for row in rows.query("SELECT id FROM stock_location WHERE type = 'supplier' ORDER BY id LIMIT 1"))
        self._sequences = {
            name: rows.query("SELECT id, number_next_internal FROM ir_sequence WHERE name = ?", name)[0]
            for name in ("Customer Shipment", "Supplier Shipment", "Customer Return Shipment")
        }
        self._numbers = {name: row[1] for name, row in self._sequences.items()}
        self._rates = _rates(self.plan)

    def day(self, instant: datetime) -> date:
        """The company's day, which Tryton puts into its date fields."""
        return instant.astimezone(self._zone).date()

    def number(self, sequence: str) -> str:
        self._numbers[sequence] += 1
        return str(self._numbers[sequence] - 1)

    def log(self, resource: str, instant: datetime, target: str, event: str = "transition") -> None:
        self.rows.add(
            "ir_model_log",
            "event = 'transition' AND resource LIKE 'sale.sale,%'",
            {"resource": resource, "event": event, "target": target, "create_date": instant},
        )

    def finish(self) -> dict[str, int]:
        for name, row in self._sequences.items():
            self.rows.execute("UPDATE ir_sequence SET number_next_internal = ? WHERE id = ?", self._numbers[name], row[0])
        return self.rows.flush()

    # Customers

    def customer(self, customer: Customer, like: str) -> None:
        """With address, e-mail and the rows in which Tryton keeps a party's settings, all as those of the customer `like`."""
        one = f"party = {self.known.party[like]}"
        stamp = {"create_date": customer.created_at, "write_date": None}
        party = self.rows.add(
            "party_party",
            f"id = {self.known.party[like]}",
            {
                "code": customer.number,
                "code_alnum": customer.number,
                "code_digit": int("".join(filter(str.isdigit, customer.number)) or 0),
                "name": customer.name,
                **stamp,
            },
        )
        address = self.rows.add("party_address", one, {"party": party, "country": self.known.country[customer.country], "city": customer.country, **stamp})
        self.rows.add("party_contact_mechanism", one, {"party": party, "value": customer.email, "value_compact": customer.email, **stamp})
        for table in ("party_party_lang", "party_party_account", "party_party_location", "party_party_payment_term"):
            self.rows.add(table, one, {"party": party, **stamp})
        self.known.party[customer.number] = party
        self.known.address[customer.number, customer.region] = self.known.home[customer.number] = address

    # Orders

    def order(self, order: Order, offered_at: datetime | None = None) -> None:
        """offered_at: when the sale was made as an offer of the lead that the order was won from."""
        net = sum((line.unit_price * line.quantity).quantize(CENT) for line in order.lines)
        state = "cancelled" if order.cancelled_at else "processing" if order.confirmed_at else "quotation"
        delivered = bool(order.shipments) and all(parcel.delivered_at for parcel in order.shipments)
        partly = any(parcel.delivered_at for parcel in order.shipments)
        steps = [at for at in (order.placed_at, order.confirmed_at, order.cancelled_at) if at]
        steps += [at for parcel in order.shipments for at in (parcel.shipped_at, parcel.delivered_at) if at]
        values: dict[str, Any] = {
            "number": order.number,
            "company": self.known.company,
            "party": self.known.party[order.customer],
            "currency": self.known.currency[order.currency],
            "warehouse": self.known.warehouse[order.warehouse]["id"],
            "invoice_address": ship_to(self.c, order),
            "shipment_address": ship_to(self.c, order),
            "origin": f"sale.opportunity,{self.c.opportunity[order.lead]}" if order.lead else None,
            "comment": requested(order),
            "description": None,
            "quotation_date": self.day(order.placed_at),
            "sale_date": self.day(order.confirmed_at) if order.confirmed_at else None,
            "shipping_date": order.promised_on,
            "untaxed_amount_cache": net,
            "total_amount_cache": net,
            "tax_amount_cache": Decimal(0),
            "state": state,
            "invoice_state": "none",
            "shipment_state": "sent" if delivered else "partially shipped" if partly else "waiting" if state == "processing" else "none",
            "marketing_medium": self.known.medium.get(order.channel),
            "marketing_campaign": self.known.campaign.get(order.campaign or ""),
            "create_date": offered_at or order.placed_at,
            "write_date": max(steps),
        }
        if state != "processing":
            values.update(to_invoice=0, to_ship=0)
        sale = self.rows.add("sale_sale", SALE, values)
        self.c.sale[order.number] = sale
        resource = f"sale.sale,{sale}"
        self.log(resource, order.placed_at, "state:quotation")
        if order.confirmed_at:
            self.log(resource, order.confirmed_at, "state:confirmed")
        if order.confirmed_at and not order.cancelled_at:
            self.log(resource, order.confirmed_at, "state:processing")
        if order.cancelled_at:
            if order.confirmed_at:
                self.log(resource, order.cancelled_at, "state:draft")
            self.log(resource, order.cancelled_at, "state:cancelled")
        lines = {}
        for line in order.lines:
            lines[line.product] = self.rows.add(
                "sale_line",
                "type = 'line' AND quantity > 0",
                {
                    "sale": sale,
                    "product": self.known.product[line.product],
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
            self._parcel(order, parcel, lines)
        for index, correction in enumerate(order.corrections):
            if correction.kind == "return":
                self._return(order, index, correction, sale)

    def _parcel(self, order: Order, parcel: Shipment, lines: dict[str, int]) -> None:
        assert order.confirmed_at is not None
        place = self.known.warehouse[order.warehouse]
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
        shipment = self.rows.add(
            "stock_shipment_out",
            "state = 'done'",
            {
                "number": self.number("Customer Shipment"),
                "customer": self.known.party[order.customer],
                "delivery_address": ship_to(self.c, order),
                "state": state,
                "warehouse": place["id"],
                "warehouse_output": place["output"],
                "warehouse_storage": place["storage"],
                "carrier": self.known.carrier[parcel.carrier] if carried else None,
                "planned_date": promised,
                "origin_planned_date": order.promised_on,
                "effective_date": self.day(last) if state == "done" else None,
                **({} if carried else {"cost": None, "cost_currency": None}),
                "create_date": order.confirmed_at,
                "write_date": max([last, *moved]),
            },
        )
        resource = f"stock.shipment.out,{shipment}"
        if order.promise_moved_at:
            self.log(resource, order.promise_moved_at, "planned_date", "write")
        for name, at in reached:
            if name == "picked":
                self.log(resource, at, "state:assigned")
            self.log(resource, at, f"state:{name}")
        prices = {line.product: line.unit_price for line in order.lines}
        for code, pieces in parcel.quantities.items():
            common = {
                "product": self.known.product[code],
                "quantity": float(pieces),
                "internal_quantity": float(pieces),
                "shipment": resource,
                "planned_date": promised,
                "create_date": order.confirmed_at,
            }
            done = state == "done"
            outgoing = self.rows.add(
                "stock_move",
                "origin LIKE 'sale.line,%' AND shipment LIKE 'stock.shipment.out,%' AND state = 'done'",
                {
                    **common,
                    "origin": f"sale.line,{lines[code]}",
                    "from_location": place["output"],
                    "to_location": self._customers,
                    "unit_price": prices[code],
                    "currency": self.known.currency[order.currency],
                    "origin_planned_date": order.promised_on,
                    "cost_price": self.known.cost[code] if done else None,
                    "state": "done" if done else "assigned" if "packed" in at_state else "draft",
                    "effective_date": self.day(last) if done else None,
                    **({} if done else {"shipment_out_cost_price": None}),
                    "write_date": max([last, *moved]),
                },
            )
            picked = at_state.get("picked")
            self.rows.add(
                "stock_move",
                "origin LIKE 'stock.move,%' AND shipment LIKE 'stock.shipment.out,%' AND state = 'done'",
                {
                    **common,
                    "origin": f"stock.move,{outgoing}",
                    "from_location": place["storage"],
                    "to_location": place["output"],
                    "state": "done" if picked else "draft",
                    "effective_date": self.day(picked) if picked else None,
                    "write_date": max([picked or order.confirmed_at, *moved]),
                },
            )

    def _return(self, order: Order, index: int, correction: Correction, sale: int) -> None:
        place = self.known.warehouse[order.warehouse]
        prices = {line.product: line.unit_price for line in order.lines}
        net = sum((-prices[code] * pieces).quantize(CENT) for code, pieces in correction.quantities.items())
        back = returned_at(correction)
        arrived = back if self.c.happens(back) else None
        last = arrived or correction.at
        day = self.day(correction.at)
        number = self.rows.add(
            "sale_sale",
            SALE,
            {
                "number": f"{order.number}-R{index + 1}",
                "company": self.known.company,
                "party": self.known.party[order.customer],
                "currency": self.known.currency[order.currency],
                "warehouse": place["id"],
                "invoice_address": ship_to(self.c, order),
                "shipment_address": ship_to(self.c, order),
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
                "marketing_medium": self.known.medium.get(order.channel),
                "marketing_campaign": self.known.campaign.get(order.campaign or ""),
                "create_date": correction.at,
                "write_date": last,
            },
        )
        self.c.correction[order.number, index] = f"sale.sale,{number}"
        for target in ("quotation", "confirmed", "processing"):
            self.log(f"sale.sale,{number}", correction.at, f"state:{target}")
        shipment = self.rows.add(
            "stock_shipment_out_return",
            "state = 'done'",
            {
                "number": self.number("Customer Return Shipment"),
                "customer": self.known.party[order.customer],
                "contact_address": self.home(order.customer),
                "warehouse": place["id"],
                "warehouse_input": place["input"],
                "warehouse_storage": place["storage"],
                "planned_date": day,
                "origin_planned_date": day,
                "state": "done" if arrived else "draft",
                "effective_date": self.day(arrived) if arrived else None,
                "create_date": correction.at,
                "write_date": arrived or correction.at,
            },
        )
        resource = f"stock.shipment.out.return,{shipment}"
        if arrived:
            self.log(resource, arrived, "state:received")
            self.log(resource, arrived, "state:done")
        for code, pieces in correction.quantities.items():
            line = self.rows.add(
                "sale_line",
                "type = 'line' AND quantity < 0",
                {
                    "sale": number,
                    "product": self.known.product[code],
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
                "product": self.known.product[code],
                "quantity": float(pieces),
                "internal_quantity": float(pieces),
                "shipment": resource,
                "state": "done" if arrived else "draft",
                "effective_date": self.day(arrived) if arrived else None,
            }
            incoming = self.rows.add(
                "stock_move",
                "origin LIKE 'sale.line,%' AND shipment LIKE 'stock.shipment.out.return,%' AND state = 'done'",
                {
                    **common,
                    "origin": f"sale.line,{line}",
                    "from_location": self._customers,
                    "to_location": place["input"],
                    "unit_price": prices[code],
                    "planned_date": day,
                    "origin_planned_date": day,
                    "currency": self.known.currency[order.currency],
                    "cost_price": self.known.cost[code] if arrived else None,
                    "create_date": correction.at,
                    "write_date": arrived,
                },
            )
            if arrived:
                self.rows.add(
                    "stock_move",
                    "origin LIKE 'stock.move,%' AND shipment LIKE 'stock.shipment.out.return,%' AND state = 'done'",
                    {
                        **common,
                        "origin": f"stock.move,{incoming}",
                        "from_location": place["input"],
                        "to_location": place["storage"],
                        "planned_date": self.day(arrived),
                        "create_date": arrived,
                        "write_date": arrived,
                    },
                )

    def home(self, customer: str) -> int:
        return self.c.home_address(customer)

    # Leads

    def lead(self, lead: Lead, order: Order | None) -> datetime | None:
        """The opportunity, its log, and the offer's sale when no order came of it. Returns when the offer was made."""
        states = {"offer": "converted"}
        at = dict(lead.stages)
        last, _ = lead.stages[-1]
        state = states.get(last, last)
        won_at = order.confirmed_at if order else None
        if last == "won" and won_at is None:
            state = "converted"  # Tryton calls it won when the sale is confirmed
        ended = won_at if last == "won" else at.get("lost") or at.get("cancelled")
        amount = lead.amount
        if order is not None and last == "won":
            amount = sum(line.unit_price * line.quantity for line in order.lines) / self.rate(order.currency, order.confirmed_at or order.placed_at)
        number = self.rows.add(
            "sale_opportunity",
            "state IS NOT NULL",
            {
                "number": lead.number,
                "company": self.known.company,
                "party": self.known.party.get(lead.customer),
                "address": self.known.address.get((lead.customer, lead.region)),
                "employee": self.known.employee.get(lead.owner),
                "amount": amount.quantize(CENT, ROUND_HALF_UP),
                "currency": self.known.currency[self.plan.currency],
                "start_date": self.day(lead.created_at),
                "end_date": self.day(ended) if ended else None,
                "lost_reason": lead.lost_reason,
                "state": state,
                "marketing_medium": self.known.medium.get(lead.channel),
                "marketing_campaign": self.known.campaign.get(lead.campaign or ""),
                "create_date": lead.created_at,
                "write_date": max([moment for stage, moment in lead.stages if stage != "won"] + ([won_at] if won_at else [])) if len(lead.stages) > 1 else None,
            },
        )
        self.c.opportunity[lead.number] = number
        resource = f"sale.opportunity,{number}"
        for stage, moment in lead.stages[1:]:
            if stage == "opportunity":
                self.log(resource, moment, "opportunity", "button")
                self.log(resource, moment, "state:opportunity")
            elif stage == "offer":
                self.log(resource, moment, "convert", "button")
                self.log(resource, moment, "state:converted")
            elif stage == "cancelled":
                self.log(resource, moment, "cancel", "button")  # Tryton logs no change of state for this, nor for won and lost
            elif stage == "lost" and "offer" not in at:
                self.log(resource, moment, "lost", "button")
        if "offer" in at and order is None:
            self._offer(lead, number, at["offer"], at.get("lost"))
        return at.get("offer")

    def _offer(self, lead: Lead, opportunity: int, made_at: datetime, lost_at: datetime | None) -> None:
        """Making an offer makes an empty draft sale, losing it cancels that sale: so does Tryton."""
        sale = self.rows.add(
            "sale_sale",
            "quotation_date IS NULL AND origin LIKE 'sale.opportunity,%'",
            {
                "number": None,
                "party": self.known.party[lead.customer],
                "currency": self.known.currency[self.plan.currency],
                "origin": f"sale.opportunity,{opportunity}",
                "invoice_address": self.known.address[lead.customer, lead.region],
                "shipment_address": self.known.address[lead.customer, lead.region],
                "marketing_medium": self.known.medium.get(lead.channel),
                "marketing_campaign": self.known.campaign.get(lead.campaign or ""),
                "state": "cancelled" if lost_at else "draft",
                "create_date": made_at,
                "write_date": lost_at,
            },
        )
        if lost_at:
            self.log(f"sale.sale,{sale}", lost_at, "state:cancelled")

    def rate(self, currency: str, instant: datetime) -> Decimal:
        day = self.day(instant)
        return next((rate for on, rate in self._rates.get(currency, ()) if on <= day), Decimal(1))

    # Complaints and purchases

    def complaint(self, complaint: Complaint, customer: str) -> None:
        resolved = complaint.resolved_at
        number = self.rows.add(
            "sale_complaint",
            "state IN ('done', 'waiting')",
            {
                "number": complaint.number,
                "reference": complaint.ticket,
                "company": self.known.company,
                "customer": self.known.party[customer],
                "date": self.day(complaint.opened_at),
                "origin": f"sale.sale,{self.c.sale[complaint.order]}",
                "type": self.known.complaint_type[complaint.kind, complaint.is_major],
                "description": due(complaint),
                "state": "done" if resolved else "waiting",
                "create_date": complaint.opened_at,
                "write_date": resolved or complaint.opened_at,
            },
        )
        self.c.complaint[complaint.number] = number
        resource = f"sale.complaint,{number}"
        self.log(resource, complaint.opened_at, "state:waiting")
        if resolved:
            self.log(resource, resolved, "state:approved")
            self.log(resource, resolved, "state:done")

    def purchase(self, purchase: Purchase) -> None:
        net = sum((line.unit_price * line.quantity).quantize(CENT) for line in purchase.lines)
        place = self.known.warehouse[purchase.warehouse]
        party = self.known.party[purchase.supplier]
        going = purchase.state in ("ordered", "received")
        day = self.day(purchase.ordered_at)
        steps = [at for at in (purchase.ordered_at, purchase.cancelled_at, purchase.received_at) if at]
        number = self.rows.add(
            "purchase_purchase",
            "state IS NOT NULL",
            {
                "number": purchase.number,
                "company": self.known.company,
                "party": party,
                "invoice_address": self.home(purchase.supplier),
                "currency": self.known.currency[self.plan.currency],
                "warehouse": place["id"],
                "delivery_date": purchase.promised_on,
                "purchase_date": day if going else None,
                "untaxed_amount_cache": net if going else None,
                "tax_amount_cache": Decimal(0) if going else None,
                "total_amount_cache": net if going else None,
                "state": "processing" if going else purchase.state,
                "shipment_state": "received" if purchase.received_at else "waiting" if going else "none",
                "to_invoice": 1 if going else 0,
                "create_date": purchase.ordered_at,
                "write_date": max(steps) if purchase.state != "draft" else None,
            },
        )
        self.c.purchase[purchase.number] = number
        resource = f"purchase.purchase,{number}"
        if purchase.state != "draft":
            self.log(resource, purchase.ordered_at, "state:quotation")
        if going:
            self.log(resource, purchase.ordered_at, "state:processing")
        if purchase.cancelled_at:
            self.log(resource, purchase.cancelled_at, "state:cancelled")
        shipment = None
        if purchase.received_at:
            shipment = self.rows.add(
                "stock_shipment_in",
                "state = 'done'",
                {
                    "number": self.number("Supplier Shipment"),
                    "supplier": party,
                    "warehouse": place["id"],
                    "warehouse_input": place["input"],
                    "warehouse_storage": place["storage"],
                    "planned_date": purchase.promised_on,
                    "effective_date": self.day(purchase.received_at),
                    "create_date": purchase.received_at,
                    "write_date": purchase.received_at,
                },
            )
            self.log(f"stock.shipment.in,{shipment}", purchase.received_at, "state:received")
            self.log(f"stock.shipment.in,{shipment}", purchase.received_at, "state:done")
        for line in purchase.lines:
            self._purchase_line(purchase, line.product, line.quantity, line.unit_price, number, shipment)

    def _purchase_line(self, purchase: Purchase, code: str, pieces: int, price: Decimal, number: int, shipment: int | None) -> None:
        place = self.known.warehouse[purchase.warehouse]
        going = purchase.state in ("ordered", "received")
        line = self.rows.add(
            "purchase_line",
            "type = 'line'",
            {
                "purchase": number,
                "product": self.known.product[code],
                "product_supplier": self.known.offer.get((purchase.supplier, code)),
                "quantity": float(pieces),
                "actual_quantity": float(pieces) if going else None,
                "quantity_to_invoice": float(pieces) if going else None,
                "unit_price": price,
                "create_date": purchase.ordered_at,
                "write_date": purchase.ordered_at if going else None,
            },
        )
        if not going:
            return
        received = purchase.received_at
        common = {
            "product": self.known.product[code],
            "quantity": float(pieces),
            "internal_quantity": float(pieces),
            "shipment": f"stock.shipment.in,{shipment}" if shipment else None,
            "state": "done" if received else "draft",
            "effective_date": self.day(received) if received else None,
        }
        incoming = self.rows.add(
            "stock_move",
            "origin LIKE 'purchase.line,%'",
            {
                **common,
                "origin": f"purchase.line,{line}",
                "from_location": self._suppliers,
                "to_location": place["input"],
                "unit_price": price,
                "currency": self.known.currency[self.plan.currency],
                "planned_date": purchase.promised_on,
                "origin_planned_date": purchase.promised_on,
                "cost_price": self.known.cost[code] if received else None,
                "create_date": purchase.ordered_at,
                "write_date": received,
            },
        )
        if received:
            self.rows.add(
                "stock_move",
                "origin LIKE 'stock.move,%' AND shipment LIKE 'stock.shipment.in,%'",
                {
                    **common,
                    "origin": f"stock.move,{incoming}",
                    "from_location": place["input"],
                    "to_location": place["storage"],
                    "planned_date": self.day(received),
                    "create_date": received,
                    "write_date": received,
                },
            )


def _rates(plan: Plan) -> dict[str, list[tuple[date, Decimal]]]:
    """By currency, the latest first."""
    rates: dict[str, list[tuple[date, Decimal]]] = {}
    for rate in sorted(plan.rates, key=lambda rate: rate.on, reverse=True):
        rates.setdefault(rate.currency, []).append((rate.on, rate.rate))
    return rates


def amplify(company: Company, rows: Rows, *, orders: Iterable[Order], leads: Iterable[Lead], purchases: Iterable[Purchase]) -> dict[str, int]:
    """Rows a table. Complaints come later, when every order is there."""
    maker = Amplifier(company, rows)
    by_number = {order.number: order for order in company.plan.orders}
    offered = {}
    for lead in leads:
        offered[lead.number] = maker.lead(lead, by_number.get(lead.order or ""))
    for order in orders:
        maker.order(order, offered.get(order.lead or ""))
    for purchase in purchases:
        maker.purchase(purchase)
    return maker.finish()
