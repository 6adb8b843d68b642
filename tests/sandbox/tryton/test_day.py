"""One more day: everything that the story says of it has happened in Tryton, at the company's clock, and nothing else has."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from connectors.stream import Window
from sandbox.company.plan import Plan
from sandbox.tryton.__main__ import live, night_after
from sandbox.tryton.home import saved_plan
from tests.sandbox.tryton.box import Box, copy_of, everything, instant, opened, small_company
from tests.sandbox.tryton.reading import Reading
from tests.sandbox.tryton.telling import told_complaints, told_corrections, told_lead, told_order, told_purchase
from tests.sandbox.tryton.test_read_back import differences

pytestmark = pytest.mark.drill          # tests/test_company.py lives such a day in every run.


@dataclasses.dataclass(frozen=True, kw_only=True)
class Lived:
    """What a home said before and after one more day."""

    before: Plan
    after: Plan
    report: dict[str, Any]
    read_before: dict[str, dict[int, dict[str, Any]]]
    read: dict[str, dict[int, dict[str, Any]]]
    box: Box


@pytest.fixture(scope="module")
def lived() -> Lived:
    start = small_company()
    home = copy_of(start)
    read_before = everything(start.connector())
    report = live(home)
    live(home)
    after = saved_plan(home)
    box = opened(home, after)
    return Lived(before=start.plan, after=after, report=report, read_before=read_before, read=everything(box.connector()), box=box)


def test_the_plan_after_two_days_reads_back_whole(lived: Lived) -> None:
    reading, plan = Reading(lived.read), lived.after
    orders = {order.number: order for order in plan.orders}
    assert plan.ends_on == lived.before.ends_on + timedelta(days=2)
    assert differences({number: told_order(order) for number, order in orders.items()}, reading.orders()) == []
    assert differences({lead.number: told_lead(lead, orders.get(lead.order or "")) for lead in plan.leads}, reading.leads()) == []
    assert differences({purchase.number: told_purchase(purchase, plan) for purchase in plan.purchases}, reading.purchases()) == []
    assert differences(told_complaints(plan), reading.complaints()) == []
    assert reading.corrections() == told_corrections(plan)
    assert {customer.number for customer in plan.customers} <= {row["code"] for row in lived.read["party_party"].values()}


def test_there_is_something_new_something_changed_and_something_gone(lived: Lived) -> None:
    assert lived.report["orders"] > 0 and lived.report["deleted"]
    for stream in ("sale_opportunity", "sale_sale", "stock_shipment_out", "party_party"):
        assert lived.read[stream].keys() - lived.read_before[stream].keys(), stream
        assert (
            any(lived.read[stream][number] != row for number, row in lived.read_before[stream].items() if number in lived.read[stream])
            or stream == "party_party"
        ), stream
    gone = {row["number"] for row in lived.read_before["sale_opportunity"].values()} - {row["number"] for row in lived.read["sale_opportunity"].values()}
    assert gone <= set(lived.after.deleted)
    prices = [row["list_price"] for row in lived.read["product_template"].values()]
    assert prices != [row["list_price"] for row in lived.read_before["product_template"].values()]


def test_whatever_changed_is_found_by_a_window_over_those_days(lived: Lived) -> None:
    """What a night reads – the window since the last one, and the keys of what exists – makes yesterday's picture today's."""
    window = Window(start=night_after(lived.before) - timedelta(hours=4), end=datetime(2100, 1, 1, tzinfo=UTC))
    connector = lived.box.connector()
    for stream in connector.streams():
        picture = dict(lived.read_before[stream.name])
        picture.update({record["id"]: dict(record) for page in connector.read(stream, window) for record in page.records})
        if stream.deletes != "never":
            there = {int(key) for key in connector.keys(stream)}
            picture = {number: row for number, row in picture.items() if number in there}
        assert picture == lived.read[stream.name], stream.name


def test_nothing_is_stamped_outside_the_companys_days(lived: Lived) -> None:
    for name, rows in lived.read.items():
        for row in rows.values():
            for stamp in (instant(row["create_date"]), instant(row["write_date"])):
                assert stamp is None or stamp <= night_after(lived.after), (name, row)
