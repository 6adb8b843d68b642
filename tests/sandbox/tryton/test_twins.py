"""Records made in the image of others do not differ from them: where two records have the same story, the API tells the same of both."""

from __future__ import annotations

import dataclasses
from datetime import date, datetime, timedelta
from typing import Any

import pytest

from sandbox.company.plan import Complaint, Lead, Order, Plan, Purchase
from sandbox.company.story import write_plan
from sandbox.tryton.__main__ import load
from tests.sandbox.tryton.box import everything, new_home, opened

pytestmark = pytest.mark.drill
LATER = timedelta(minutes=1)  # the twin does everything a minute later, so that numbers and instants differ but days do not


def later(value: Any) -> Any:
    """The same a minute later, however deep."""
    if isinstance(value, datetime):
        return value + LATER
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return dataclasses.replace(value, **{field.name: later(getattr(value, field.name)) for field in dataclasses.fields(value)})
    if isinstance(value, tuple):
        return tuple(map(later, value))
    return value


def shape(order: Order) -> Any:
    stages = tuple(sum(at is not None for at in (p.picked_at, p.packed_at, p.shipped_at, p.delivered_at)) for p in order.shipments)
    kinds = tuple(correction.kind for correction in order.corrections)
    return bool(order.confirmed_at), bool(order.cancelled_at), stages, order.promised_again_on is not None, kinds


@pytest.fixture(scope="module")
def twins() -> dict[str, dict[int, dict[str, Any]]]:
    """One order, lead, complaint and purchase of every shape, each twice: the first through the workflows, its twin as rows."""
    story = write_plan(seed=7, size="small")

    def one_of_each(things: Any, kind: Any) -> list[Any]:
        found: dict[Any, Any] = {}
        for thing in things:
            found.setdefault(kind(thing), thing)
        return list(found.values())

    def simple(order: Order) -> Order:
        """Without cases that only say the same again."""
        return dataclasses.replace(order, lead=None, corrections=order.corrections[:1])

    orders: list[Order] = [simple(order) for order in one_of_each((order for order in story.orders if not order.lead), shape)]
    first_leads: list[Lead] = one_of_each((lead for lead in story.leads if lead.stages[-1][0] != "won"), lambda lead: tuple(stage for stage, _ in lead.stages))
    purchases: list[Purchase] = one_of_each(story.purchases, lambda purchase: purchase.state)
    sent = next(order for order in orders if order.shipments and order.shipments[0].delivered_at)
    opened_at = sent.shipments[0].delivered_at
    assert opened_at is not None
    complaint = Complaint(
        number="CP1",
        order=sent.number,
        ticket="T1",
        kind="damaged",
        is_major=False,
        opened_at=opened_at,
        due_at=opened_at + timedelta(days=2),
        resolved_at=opened_at + timedelta(days=1),
    )

    turned_down = dataclasses.replace(complaint, number="CP2", is_agreed=False)

    def twin(thing: Any) -> Any:
        return dataclasses.replace(later(thing), number=f"{thing.number}T")

    plan: Plan = dataclasses.replace(
        story,
        ends_on=date(2026, 10, 31),
        orders=(*orders, *map(twin, orders)),
        leads=(*first_leads, *map(twin, first_leads)),
        purchases=(*purchases, *map(twin, purchases)),
        complaints=tuple(
            of for one in (complaint, turned_down) for of in (one, dataclasses.replace(twin(one), order=f"{sent.number}T", due_at=one.due_at))
        ),
        tickets=(),
    )
    home = new_home()
    report = load(home, plan, each=1)
    assert report["rows_amplified"] > 0
    return everything(opened(home, plan).connector())


ITS_OWN = {"id", "number", "create_date", "write_date", "sale", "purchase", "origin", "shipment", "sales", "reference", "result"}


def pairs(rows: dict[int, dict[str, Any]]) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    by_number = {row["number"]: row for row in rows.values() if row["number"]}
    found = []
    for number, row in by_number.items():
        twin = by_number.get(number.replace("-R", "T-R") if "-R" in number else f"{number}T")
        if twin:
            found.append((row, twin))
    return found


@pytest.mark.parametrize("stream", ["sale_sale", "sale_opportunity", "sale_complaint", "purchase_purchase"])
def test_a_record_and_its_twin_say_the_same(twins: dict[str, dict[int, dict[str, Any]]], stream: str) -> None:
    found = pairs(twins[stream])
    assert found
    for one, other in found:
        assert {name: value for name, value in one.items() if name not in ITS_OWN} == {name: value for name, value in other.items() if name not in ITS_OWN}, (
            one["number"]
        )


def lines_of(twins: dict[str, dict[int, dict[str, Any]]], stream: str, parent: str, number: int) -> list[dict[str, Any]]:
    rows = [row for row in twins[stream].values() if row[parent] == number]
    return sorted(({name: value for name, value in row.items() if name not in ITS_OWN} for row in rows), key=lambda row: row["product"])


@pytest.mark.parametrize(("stream", "parent", "parents"), [("sale_line", "sale", "sale_sale"), ("purchase_line", "purchase", "purchase_purchase")])
def test_their_lines_and_the_goods_that_move_say_the_same(twins: dict[str, dict[int, dict[str, Any]]], stream: str, parent: str, parents: str) -> None:
    for one, other in pairs(twins[parents]):
        assert lines_of(twins, stream, parent, one["id"]) == lines_of(twins, stream, parent, other["id"]), one["number"]
        assert goods(twins, stream, parent, one["id"]) == goods(twins, stream, parent, other["id"]), one["number"]


def goods(twins: dict[str, dict[int, dict[str, Any]]], stream: str, parent: str, number: int) -> list[Any]:
    """Moves with their shipments, told without numbers."""
    lines = {f"{stream.replace('_', '.')},{row['id']}" for row in twins[stream].values() if row[parent] == number}
    told = []
    for move in twins["stock_move"].values():
        if move["origin"] in lines:
            name, _, shipment = (move["shipment"] or "").partition(",")
            carried = twins[name.replace(".", "_")][int(shipment)] if shipment else {}
            told.append([{key: value for key, value in row.items() if key not in ITS_OWN} for row in (move, carried)])
    return sorted(told, key=lambda pair: pair[0]["product"])


def test_their_histories_name_the_same_states(twins: dict[str, dict[int, dict[str, Any]]]) -> None:
    logs: dict[str, set[str]] = {}
    for row in twins["ir_model_log"].values():
        logs.setdefault(row["resource"], set()).add(f"{row['event']} {row['target']}")
    for stream in ("sale_sale", "sale_opportunity", "sale_complaint", "purchase_purchase"):
        for one, other in pairs(twins[stream]):
            name = one["__name__"]
            assert logs.get(f"{name},{one['id']}", set()) == logs.get(f"{name},{other['id']}", set()), (stream, one["number"])


def test_a_correction_is_there_once_for_each(twins: dict[str, dict[int, dict[str, Any]]]) -> None:
    returns = [row for row in twins["sale_sale"].values() if (row["origin"] or "").startswith("sale.sale,")]
    assert returns and len(returns) % 2 == 0
