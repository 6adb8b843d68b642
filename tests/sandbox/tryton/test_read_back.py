"""What the plan says is what the API says: every fact, for the few that went through the workflows and the many made in their image."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from tests.sandbox.tryton.box import Box, everything, instant, small_company
from tests.sandbox.tryton.reading import Reading
from tests.sandbox.tryton.telling import told_complaints, told_corrections, told_lead, told_order, told_purchase


@pytest.fixture(scope="module")
def box() -> Box:
    return small_company()


@pytest.fixture(scope="module")
def reading(box: Box) -> Reading:
    return Reading(everything(box.connector()))


def differences(told: dict[str, Any], read: dict[str, Any]) -> list[str]:
    """The first few, in words."""
    found = [f"{number} is missing" for number in told.keys() - read.keys()] + [f"{number} is not in the plan" for number in read.keys() - told.keys()]
    for number in sorted(told.keys() & read.keys()):
        found += [
            f"{number} {name}: plan {value!r}, Tryton {read[number].get(name)!r}" for name, value in told[number].items() if read[number].get(name) != value
        ]
    return found[:10]


def test_every_order_reads_back_with_its_amounts_dates_and_parcels(box: Box, reading: Reading) -> None:
    assert differences({order.number: told_order(order) for order in box.plan.orders}, reading.orders()) == []


def test_every_return_and_credit_reads_back(box: Box, reading: Reading) -> None:
    assert reading.corrections() == told_corrections(box.plan)


def test_every_lead_reads_back_stage_by_stage(box: Box, reading: Reading) -> None:
    orders = {order.number: order for order in box.plan.orders}
    assert differences({lead.number: told_lead(lead, orders.get(lead.order or "")) for lead in box.plan.leads}, reading.leads()) == []


def test_a_lead_carries_its_amount_and_a_won_one_that_of_its_order(box: Box, reading: Reading) -> None:
    orders, read = reading.orders(), reading.leads()
    for lead in box.plan.leads:
        amount = read[lead.number]["amount"]
        if read[lead.number]["state"] == "won":
            order = orders[str(lead.order)]
            rates = {rate.on: rate.rate for rate in box.plan.rates if rate.currency == order["currency"] and rate.on <= order["placed_at"].date()}
            rate = rates[max(rates)] if rates else Decimal(1)
            assert abs(amount - order["net"] / rate) < amount * Decimal("0.05"), lead.number  # Tryton takes the rate of the day on which it looks again
        else:
            assert amount == lead.amount, lead.number


def test_every_complaint_reads_back(box: Box, reading: Reading) -> None:
    assert differences(told_complaints(box.plan), reading.complaints()) == []


def test_every_purchase_and_late_receipt_reads_back(box: Box, reading: Reading) -> None:
    read = reading.purchases()
    assert differences({purchase.number: told_purchase(purchase, box.plan) for purchase in box.plan.purchases}, read) == []
    late = [number for number, row in read.items() if row["received_on"] and row["received_on"] > row["promised_on"]]
    assert late, "the story has late suppliers"


def test_master_data_reads_back(box: Box, reading: Reading) -> None:
    plan = box.plan
    addresses = {row["party"]: row["id"] for row in reversed(list(reading.party_address.values()))}
    mails = {row["party"]: row["value"] for row in reading.party_contact_mechanism.values()}
    customers = {
        row["code"]: (row["name"], mails.get(row["id"]), reading.region(addresses.get(row["id"])), instant(row["create_date"]))
        for row in reading.party_party.values()
    }
    assert {one.number: (one.name, one.email, one.region, one.created_at) for one in plan.customers}.items() <= customers.items()
    products = {row["code"]: (Decimal(row["cost_price"]), Decimal(row["list_price_used"])) for row in reading.product_product.values()}
    assert {one.code: (one.cost_price, one.list_price) for one in plan.products}.items() <= products.items()
    offers = {
        (reading.code(row["party"]["id"]), reading.product(row["product"]), row["sequence"], Decimal(row["prices"][0]["unit_price"]))
        for row in reading.purchase_product_supplier.values()
    }
    assert offers == {(one.supplier, one.product, one.rank, one.price) for one in plan.offers}
    rates = {(reading.currency_currency[row["currency"]]["code"], row["date"], Decimal(row["rate"])) for row in reading.currency_rate.values()}
    assert {(one.currency, one.on.isoformat(), one.rate) for one in plan.rates} <= rates


def test_goods_that_left_carry_their_cost(box: Box, reading: Reading) -> None:
    cost = {product.code: product.cost_price for product in box.plan.products}
    done = [move for move in reading.stock_move.values() if move["state"] == "done" and move["origin"].startswith("sale.line,")]
    assert done
    assert all(Decimal(move["cost_price"]) == cost[reading.product(move["product"])] for move in done)


def test_no_record_is_younger_than_the_company(box: Box, reading: Reading) -> None:
    """The clock of the server, not that of this machine, stamps everything."""
    from datetime import timedelta

    from sandbox.tryton.__main__ import night_after

    for name, rows in reading.streams.items():
        for row in rows.values():
            for stamp in (instant(row["create_date"]), instant(row["write_date"])):
                assert stamp is None or stamp <= night_after(box.plan) + timedelta(hours=1), (name, row)
