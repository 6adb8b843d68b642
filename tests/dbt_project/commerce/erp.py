"""Writes records as Tryton's API tells them: a tiny company whose every odd case has a name. Instants are ISO text in UTC."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

Records = dict[tuple[str, str], list[Mapping[str, Any]]]

EURO, DOLLAR, YEN = 1, 2, 3
CURRENCIES = {EURO: "EUR", DOLLAR: "USD", YEN: "JPY"}
WAREHOUSES = {"BER": 11, "RNO": 12, "SGP": 13}
MEDIA = {"email": 1, "paid search": 2, "social": 3}
COUNTRIES = {"EMEA": 1, "AMER": 2, "APAC": 3}
BEFORE = "2025-01-01T08:00:00Z"


def later(instant: str, hours: float) -> str:
    return (datetime.fromisoformat(instant) + timedelta(hours=hours)).isoformat().replace("+00:00", "Z")


@dataclass(kw_only=True)
class Erp:
    """Collects records; `records` lands with WarehouseBuilder.land."""

    records: Records = field(default_factory=lambda: defaultdict(list))
    numbers: dict[str, int] = field(default_factory=lambda: defaultdict(int))

    def add(self, stream: str, **values: Any) -> int:
        """One record; returns its id, which counts up by stream unless given."""
        number: int = values.pop("id", None) or self.numbers[stream] + 1
        self.numbers[stream] = max(number, self.numbers[stream])
        self.records["tryton", stream].append({"id": number, "create_date": BEFORE, "write_date": None, **values})
        return number

    def log(self, resource: str, target: str, at: str, event: str = "transition", user: object = 1) -> None:
        self.add("ir_model_log", resource=resource, event=event, target=target, create_date=at, user=user)

    def master_data(self) -> None:
        self.add("party_party", id=900, code="1", name="Lantern & Oak GmbH")
        self.add("company_company", party={"id": 900, "name": "Lantern & Oak GmbH"}, currency={"id": EURO, "code": "EUR"}, timezone="Europe/Berlin")
        for number, code in CURRENCIES.items():
            self.add("currency_currency", id=number, code=code, name=code, active=1)
        self.add("currency_rate", currency=EURO, date="2025-01-01", rate="1")
        self.add("currency_rate", currency=DOLLAR, date="2026-03-02", rate="1.25")
        self.add("currency_rate", currency=DOLLAR, date="2026-03-06", rate="1.60")
        for region, number in COUNTRIES.items():
            self.add("country_country", id=number, code=region[:2], name=region, region={"id": number, "name": region})
        for code, number in WAREHOUSES.items():
            self.add("stock_location", id=number, code=code, name=code, type="warehouse")
        for name, number in MEDIA.items():
            self.add("marketing_medium", id=number, name=name)
        self.add("marketing_campaign", id=1, name="black week")
        self.add("product_category", id=1, name="Lighting", accounting=0)
        self.add("product_category", id=2, name="Goods (accounting)", accounting=True)
        self.add("product_template", id=1, name="Lamp", type="goods", list_price="50.00", categories=[2, 1])
        self.add("product_product", id=1, template=1, code="LMP-1", cost_price="20.00")
        self.add("carrier", id=1, party={"id": 901, "name": "DHL"})
        self.add("party_party", id=800, code="E1", name="Ann Owner")
        self.add("party_contact_mechanism", party=800, type="email", value="ann@lantern-oak.example")
        self.add("company_employee", id=1, party={"id": 800, "name": "Ann Owner"})

    def customer(self, number: int, *, region: str = "EMEA", at: str = BEFORE) -> int:
        """Its address has the same number."""
        self.add("party_party", id=number, code=f"C{number:05d}", name=f"Customer {number}", create_date=at)
        return self.add("party_address", id=number, party=number, country=COUNTRIES[region])

    def order(
        self,
        number: str,
        *,
        placed_at: str,
        customer: int = 1,
        pieces: Sequence[float] = (2,),
        price: str = "50.00",
        warehouse: str = "BER",
        promised_on: str | None = None,
        confirmed_at: str | None = None,
        cancelled_at: str | None = None,
        currency: int = EURO,
        channel: str | None = "email",
        campaign: int | None = None,
        requested_on: str | None = None,
        opportunity: int | None = None,
        create_date: str | None = None,
        **values: Any,
    ) -> int:
        sale = self.add(
            "sale_sale",
            number=number,
            party=customer,
            shipment_address=customer,
            warehouse=WAREHOUSES[warehouse],
            currency=currency,
            create_date=create_date or placed_at,
            quotation_date=placed_at[:10],
            shipping_date=promised_on,
            untaxed_amount=str(sum(pieces) * float(price)),
            marketing_medium=MEDIA.get(channel or ""),
            marketing_campaign=campaign,
            comment=f"Requested on {requested_on}" if requested_on else None,
            description=None,
            origin=f"sale.opportunity,{opportunity}" if opportunity else None,
            state="cancelled" if cancelled_at else "processing" if confirmed_at else "quotation",
            **values,
        )
        for count in pieces:
            self.add("sale_line", sale=sale, type="line", product=1, quantity=float(count), unit_price=price, amount=str(count * float(price)))
        self.log(f"sale.sale,{sale}", "state:quotation", placed_at)
        for instant, state in ((confirmed_at, "confirmed"), (cancelled_at, "cancelled")):
            if instant:
                self.log(f"sale.sale,{sale}", f"state:{state}", instant)
        return sale

    def parcel(
        self,
        sale: int,
        *,
        picked_at: str | None = None,
        packed_at: str | None = None,
        shipped_at: str | None = None,
        delivered_at: str | None = None,
        planned_on: str | None = None,
        first_planned_on: str | None = None,
        line: int = 0,
        quantity: float = 2,
        cost: str | None = "20.00",
        state: str = "done",
    ) -> int:
        """One parcel with goods of one line of the sale (`line`: its place in the sale)."""
        lines = [record["id"] for record in self.records["tryton", "sale_line"] if record["sale"] == sale]
        parcel = self.add("stock_shipment_out", carrier=1, planned_date=planned_on, origin_planned_date=first_planned_on or planned_on, state=state)
        self.add("stock_move", origin=f"sale.line,{lines[line]}", shipment=f"stock.shipment.out,{parcel}", quantity=quantity, cost_price=cost, state=state)
        for instant, step in ((picked_at, "picked"), (packed_at, "packed"), (shipped_at, "shipped"), (delivered_at, "done")):
            if instant:
                self.log(f"stock.shipment.out,{parcel}", f"state:{step}", instant)
        return parcel

    def delivered(self, number: str, *, placed_at: str, delivered_at: str, promised_on: str | None = None, **values: Any) -> int:
        """An ordinary order in one parcel: confirmed after 1 hour, picked after 3, packed after 4, shipped after 5."""
        sale = self.order(number, placed_at=placed_at, confirmed_at=later(placed_at, 1), promised_on=promised_on, **values)
        self.parcel(
            sale,
            picked_at=later(placed_at, 3),
            packed_at=later(placed_at, 4),
            shipped_at=later(placed_at, 5),
            delivered_at=delivered_at,
            planned_on=promised_on,
        )
        return sale

    def returned(self, sale: int, *, at: str, pieces: float = 1, price: str = "50.00", ours: bool = True, reason: str = "damaged", currency: int = EURO) -> int:
        original = next(record for record in self.records["tryton", "sale_sale"] if record["id"] == sale)
        number = self.add(
            "sale_sale",
            number=f"{original['number']}-R1",
            party=original["party"],
            shipment_address=original["shipment_address"],
            warehouse=original["warehouse"],
            currency=currency,
            create_date=at,
            quotation_date=at[:10],
            untaxed_amount=str(-pieces * float(price)),
            origin=f"sale.sale,{sale}",
            state="processing",
            description=f"Return: {reason}",
            comment="Fault: ours" if ours else "Fault: customer",
        )
        self.add("sale_line", sale=number, type="line", product=1, quantity=-pieces, unit_price=price, amount=str(-pieces * float(price)))
        self.log(f"sale.sale,{number}", "state:quotation", at)
        return number

    def credited(self, sale: int, *, at: str, amount: str = "-50.00", reason: str = "missing", ours: bool = True, reference: str | None = None) -> int:
        line = next(record["id"] for record in self.records["tryton", "sale_line"] if record["sale"] == sale)
        invoice = self.add(
            "account_invoice",
            type="out",
            currency=EURO,
            create_date=at,
            reference=reference,
            untaxed_amount=amount,
            state="posted",
            description=f"Credit: {reason}",
            comment="Fault: ours" if ours else "Fault: customer",
        )
        self.add("account_invoice_line", invoice=invoice, type="line", origin=None if reference else f"sale.line,{line}")
        return invoice

    def purchase(
        self,
        number: str,
        *,
        ordered_at: str,
        promised_on: str | None,
        received_at: str | None = None,
        supplier: int = 500,
        state: str = "processing",
        edited_on: str | None = None,
        part_open: bool = False,
    ) -> int:
        if not any(record["id"] == supplier for record in self.records["tryton", "party_party"]):
            self.add("party_party", id=supplier, code=f"S{supplier}", name=f"Supplier {supplier}")
            self.add("purchase_product_supplier", party={"id": supplier, "name": f"Supplier {supplier}"}, product=1)
        purchase = self.add(
            "purchase_purchase", number=number, party=supplier, warehouse=WAREHOUSES["BER"], delivery_date=promised_on, state=state, create_date=ordered_at
        )
        line = self.add(
            "purchase_line",
            purchase=purchase,
            type="line",
            product=1,
            quantity=10.0,
            delivery_date=received_at[:10] if received_at else promised_on,
            delivery_date_edit=1 if edited_on else 0,
            delivery_date_store=edited_on,
        )
        if state != "draft":
            self.log(f"purchase.purchase,{purchase}", "state:quotation", ordered_at)
        if received_at:
            shipment = self.add("stock_shipment_in", state="done")
            self.log(f"stock.shipment.in,{shipment}", "state:done", received_at)
            self.add(
                "stock_move",
                origin=f"purchase.line,{line}",
                shipment=f"stock.shipment.in,{shipment}",
                quantity=10.0,
                state="done",
                effective_date=received_at[:10],
            )
        if part_open or not received_at:
            self.add("stock_move", origin=f"purchase.line,{line}", shipment=None, quantity=10.0, state="draft")
        return purchase

    def lead(
        self, number: str, *, created_at: str, state: str = "lead", customer: int = 1, channel: str = "email", ended_on: str | None = None, **values: Any
    ) -> int:
        return self.add(
            "sale_opportunity",
            number=number,
            party=customer,
            address=customer,
            employee=1,
            currency=EURO,
            amount="100.00",
            state=state,
            create_date=created_at,
            end_date=ended_on,
            marketing_medium=MEDIA[channel],
            **values,
        )
