"""A large window of Shopify comes by a bulk operation: the same records as page by page, whatever becomes of the operation and of its file."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import shopify
from connectors.shopify_bulk import query_of
from connectors.shopify_streams import ASKED
from connectors.stream import Page, Unreachable, Window
from sandbox.shopify.rules import Refusal
from tests.connectors.faults import Fault, FaultServer
from tests.connectors.test_shopify import MONEY, STREAM, ids, lines, pages, records
from tests.sandbox.shopify.store import NOW, Running, store

ORDERS, SMALL = 40, {"page_size": 5, "bulk_after": 1}       # by page: two pages of five, then the operation


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Running]:
    with store(tmp_path) as running:
        for order in range(ORDERS):
            back = [{"id": 100 * order + number, "quantity": 1, "subtotalSet": MONEY} for number in range(5)]
            refunds = [{"id": order + 1, "note": "damaged", "refundLineItems": back}] if order % 4 == 0 else []
            running.create("Order", lineItems=lines(order % 9, first=100 * order), refunds=refunds, fulfillmentOrders=[{"id": order + 1, "status": "OPEN"}])
        yield running


def by_page(shop: Running, name: str = "orders") -> list[Any]:
    return records(pages(shop.connect(bulk_after=0), name))


# ---- the same records

def test_what_a_bulk_operation_brings_is_what_pages_bring_with_the_lines_of_refunds(shop: Running) -> None:
    found = pages(shop.connect(**SMALL), "orders")
    assert records(found) == by_page(shop) and [len(page.records) for page in found] == [5, 5, 0, 30]
    assert [len(refund["refundLineItems"]) for order in records(found)[10:] for refund in order["refunds"]] == [5] * 7
    assert "fulfillmentOrders" in records(found)[-1] and len(shop.api.bulk.started) == 1


def test_variants_of_products_are_told_from_their_products(shop: Running) -> None:
    shop.create("Product", 12, variants=[{"id": number, "price": "1.00"} for number in range(13)])
    assert records(pages(shop.connect(page_size=2, bulk_after=1), "products")) == by_page(shop, "products") and len(shop.api.bulk.started) == 1


def test_a_small_window_asks_for_no_operation_and_neither_does_one_that_ends_with_a_smaller_page(shop: Running) -> None:
    for page_size, bulk_after in ((10, 4), (9, 4), (2, 0)):
        assert len(ids(pages(shop.connect(page_size=page_size, bulk_after=bulk_after), "orders"))) == ORDERS
    assert not shop.api.bulk.started


def test_a_window_of_a_backfill_takes_what_was_stamped_in_it(shop: Running) -> None:
    shop.pass_time(days=1)
    since = shop.now()
    late = shop.create("Order", 12, lineItems=lines(1))
    shop.pass_time(days=1)
    until = shop.now()
    shop.create("Order", 3)
    assert ids(pages(shop.connect(**SMALL), "orders", since, until)) == late and len(shop.api.bulk.started) == 1


def test_the_query_keeps_to_what_bulk_operations_allow(shop: Running) -> None:
    query = query_of(ASKED["orders"], ASKED["orders"].selected, ["updated_at:>='2026-11-01T00:00:00Z'"], NOW)
    assert query.startswith("query Until1793500200 { orders(query: \"updated_at:>='2026-11-01T00:00:00Z'\") { edges { node { id ")
    assert "refunds { id }" in query and "first:" not in query and "pageInfo" not in query


# ---- a death at every step

def resumed(shop: Running, step: int) -> list[Page]:
    """Reads in processes that each die behind their `step`-th page."""
    landed: list[Page] = []
    for _ in range(100):
        reading = shop.connect(**SMALL).read(STREAM["orders"], Window(start=None, end=NOW + timedelta(seconds=1)), landed[-1].position if landed else None)
        before = len(landed)
        for page in reading:
            landed.append(page)
            if len(landed) - before == step:
                break
        else:
            return landed
    raise AssertionError("it does not come to an end")


@pytest.mark.parametrize("step", [1, 2, 3])
def test_killed_behind_any_page_nothing_is_lost_and_nothing_comes_twice(shop: Running, step: int) -> None:
    assert records(resumed(shop, step)) == by_page(shop)
    assert len(shop.api.bulk.started) == 1, "whoever goes on waits for the operation of the one before"


def test_killed_before_the_operation_was_remembered_it_is_taken_over(shop: Running) -> None:
    window = Window(start=None, end=NOW + timedelta(seconds=1))
    first = shop.connect(**SMALL).read(STREAM["orders"], window)
    landed = [next(first), next(first)]
    next(first)                                            # started, and died before that was landed
    assert len(shop.api.bulk.started) == 1
    rest = [*shop.connect(**SMALL).read(STREAM["orders"], window, landed[0].position)]
    assert ids([landed[0], *rest]) == ids(pages(shop.connect(bulk_after=0), "orders")) and len(shop.api.bulk.started) == 1


def test_an_operation_of_another_window_is_not_taken_for_ours(shop: Running) -> None:
    pages(shop.connect(**SMALL), "orders")
    pages(shop.connect(**SMALL), "orders", until=NOW + timedelta(seconds=2))
    assert len(shop.api.bulk.started) == 2


# ---- what becomes of an operation, and of its file

@pytest.mark.parametrize("fate", ["FAILED", "CANCELED", "EXPIRED", "forgotten", "unreachable", "cut", "short", "orphan"])
def test_an_operation_that_comes_to_nothing_is_asked_for_once_more_and_then_pages_bring_the_rest(shop: Running, fate: str) -> None:
    whole, shop.api.bulk.pace = by_page(shop), 7
    for fates, noted in (([fate], False), ([fate, fate], True)):
        shop.api.bulk.fates, shop.api.bulk.started = [*fates], []
        found = pages(shop.connect(**SMALL), "orders")
        assert records(found) == whole and len(shop.api.bulk.started) == 2
        assert ("bulk" in found[-1].notes) == noted
    assert found[-1].notes["bulk"].endswith("what was left is read page by page")


def test_of_a_failed_operation_the_partial_data_are_not_even_asked_for(shop: Running) -> None:
    shop.api.bulk.pace, shop.api.bulk.fates = 7, ["FAILED", "FAILED"]
    found = pages(shop.connect(**SMALL), "orders")
    assert shop.api.bulk.downloads == 0 and len(ids(found)) == ORDERS
    assert "ended as FAILED (INTERNAL_SERVER_ERROR)" in found[-1].notes["bulk"]


def test_a_file_that_comes_cut_once_is_downloaded_again(shop: Running) -> None:
    with FaultServer().running() as server:
        def forward(asked: Any) -> Fault:
            status, _, body = shop.api.answer(asked.method, asked.path, asked.headers, b"")
            return Fault(status=status, body=body, ending="cut" if len(server.asked) == 1 else "whole")

        server.otherwise = forward
        shop.api.bulk.host = server.url
        assert records(pages(shop.connect(**SMALL), "orders")) == by_page(shop)
        assert len(server.asked) == 2 and not [name for one in server.asked for name in one.headers if name.lower() in ("x-shopify-access-token", "cookie", "authorization")]


def test_a_file_elsewhere_is_not_asked_for_over_plain_http(shop: Running) -> None:
    shop.api.bulk.host = "http://files.example.com"
    found = pages(shop.connect(**SMALL), "orders")
    assert len(ids(found)) == ORDERS and "files.example.com/bulk/1002.jsonl: is not an https address" in found[-1].notes["bulk"]
    assert "signature" not in found[-1].notes["bulk"]


def test_other_operations_of_our_app_are_waited_for_and_if_they_leave_no_room_pages_go_on(shop: Running) -> None:
    shop.api.bulk.busy = 3
    slept: list[float] = []
    assert len(ids(pages(shop.connect(sleep=slept.append, **SMALL), "orders"))) == ORDERS and slept[:3] == [2, 4, 8]
    shop.api.bulk.busy, until = 10**6, NOW + timedelta(seconds=2)
    found = pages(shop.connect(**SMALL), "orders", until=until)
    assert len(ids(found)) == ORDERS and "left no room" in found[-1].notes["bulk"]


def test_an_operation_that_takes_longer_than_a_night_is_waited_for_by_the_next(shop: Running) -> None:
    window, shop.api.bulk.pace = Window(start=None, end=NOW + timedelta(seconds=1)), 0
    landed: list[Page] = []
    with pytest.raises(Unreachable, match="at work on a bulk operation for more than 4 hours.*goes on waiting"):
        landed.extend(shop.connect(**SMALL).read(STREAM["orders"], window))
    shop.api.bulk.pace = 1000
    landed += shop.connect(**SMALL).read(STREAM["orders"], window, landed[-1].position)
    assert len(ids(landed)) == ORDERS and len(shop.api.bulk.started) == 1


def test_an_operation_that_shopify_refuses_leaves_it_to_pages_and_a_missing_scope_is_named(shop: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("connectors.shopify.query_of", lambda *_: "{ orders { edges { node { id refunds { refundLineItems { edges { node { id } } } } } } } }")
    found = pages(shop.connect(**SMALL), "orders")
    assert len(ids(found)) == ORDERS
    assert "connection field within a list field are not currently supported" in found[-1].notes["bulk"]
    monkeypatch.undo()
    reading = shop.connect(**SMALL).read(STREAM["orders"], Window(start=None, end=NOW + timedelta(seconds=1)))
    next(reading), next(reading)
    shop.api.failing = [Refusal("Access denied for orders field. Required access: `read_orders` access scope.", "ACCESS_DENIED")]
    with pytest.raises(shopify.Refused, match="read_orders"):
        next(reading)


def test_an_order_that_was_changed_while_the_operation_ran_is_in_the_next_window(shop: Running) -> None:
    shop.api.bulk.pace, end = 3, NOW + timedelta(seconds=1)
    reading = shop.connect(**SMALL).read(STREAM["orders"], Window(start=None, end=end))
    landed = [next(reading) for _ in range(3)]
    shop.pass_time(minutes=10)
    last = shop.api.shop.state.items("Order")[-1]["id"]
    shop.update("Order", last, name="changed")
    landed += reading
    assert len(ids(landed)) == ORDERS and ids(pages(shop.connect(), "orders", end, datetime(2026, 11, 2, tzinfo=NOW.tzinfo))) == [last]
