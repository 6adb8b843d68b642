# SPDX-License-Identifier: GPL-3.0-or-later
# Written against Tryton's table layout and used only together with it; runs only in the Tryton environment.
"""The many: plan records written straight into Tryton's tables, in the image of those that went through the workflows.

Some 100,000 rows a second, where a workflow takes half a second an order. A test puts the same small plan through both ways and
compares everything that the API then says. The log holds the state changes, not every click.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from zoneinfo import ZoneInfo

from company import Company
from rows import Rows

from sandbox.company.plan import Customer, Plan

SALE = "shipment_method = 'order'"
CENT = Decimal("0.01")


class Amplifier:
    """Plan, ids and the rows in waiting, in one hand."""

    def __init__(self, company: Company, rows: Rows) -> None:
        self.c, self.known, self.plan, self.rows = company, company.known, company.plan, rows
        self._zone = ZoneInfo(self.plan.time_zone)
        (self.customers,) = (row[0] for row in rows.query("SELECT id FROM stock_location WHERE type = 'customer' ORDER BY id LIMIT 1"))
        (self.suppliers,) = (row[0] for row in rows.query("SELECT id FROM stock_location WHERE type = 'supplier' ORDER BY id LIMIT 1"))
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

    def rate(self, currency: str, instant: datetime) -> Decimal:
        day = self.day(instant)
        return next((rate for on, rate in self._rates.get(currency, ()) if on <= day), Decimal(1))


def _rates(plan: Plan) -> dict[str, list[tuple[date, Decimal]]]:
    """By currency, the latest first."""
    rates: dict[str, list[tuple[date, Decimal]]] = {}
    for rate in sorted(plan.rates, key=lambda rate: rate.on, reverse=True):
        rates.setdefault(rate.currency, []).append((rate.on, rate.rate))
    return rates
