"""The Shopify connector against the stand-in: what a query may cost, what the bucket holds, what is cut, what is not shown – and no request too many."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors import shopify
from connectors.personal import Policy, guard
from connectors.shopify_streams import DISPATCH, STREAMS
from connectors.stream import Json, Misconfigured, Page, QuotaExhausted, Refused, UnexpectedShape, Unreachable, Window
from sandbox.shopify import shop as shops
from sandbox.shopify.rules import Bucket, Refusal
from tests.connectors.faults import FaultServer, good
from tests.sandbox.shopify.store import NOW, TOKEN, Running, store

STREAM = {stream.name: stream for stream in STREAMS}
MONEY = shops.money("10.00", "EUR", "11.50", "USD")


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Running]:
    with store(tmp_path) as running:
        yield running


class Sleeper:
    """A bucket's clock that goes on when somebody sleeps, and only then."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def real(self) -> float:
        return sum(self.slept)

    def clock(self) -> datetime:
        return NOW + timedelta(seconds=self.real())

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)


def pages(connector: shopify.Shopify, name: str, since: datetime | None = None, until: datetime = NOW + timedelta(seconds=1), resume: Json = None) -> list[Page]:
    return list(connector.read(STREAM[name], Window(start=since, end=until), resume))


def records(found: list[Page]) -> list[Any]:
    return [record for page in found for record in page.records]


def ids(found: list[Page]) -> list[int]:
    return [int(record["id"].rpartition("/")[2]) for record in records(found)]


def lines(count: int, *, first: int = 1) -> list[Any]:
    return [{"id": number, "quantity": 1, "discountedTotalSet": MONEY} for number in range(first, first + count)]


# ---- what is asked

def test_pages_are_as_large_as_shopify_allows_which_it_says_once(shop: Running) -> None:
    shop.create("Order", 25, lineItems=lines(2))
    connector = shop.connect()
    assert len(ids(pages(connector, "orders"))) == 25
    made = connector.requests_made("orders")
    assert made == 1 + 3                                                    # refused for its cost, then in three pages
    assert len(ids(pages(connector, "orders"))) == 25 and connector.requests_made("orders") == made + 3
    assert len([*connector.keys(STREAM["orders"])]) == 25 and connector.requests_made("orders") == made + 3 + 1
    assert connector.requests_made("") == 1                                 # who we are


def test_amounts_are_the_texts_that_shopify_says_in_both_currencies(shop: Running) -> None:
    shop.create("Order", lineItems=lines(1))
    (order,) = records(pages(shop.connect(), "orders"))
    assert order["lineItems"][0]["discountedTotalSet"] == MONEY and order["id"] == "gid://shopify/Order/1001"


def test_what_is_cut_is_followed_to_its_end_also_inside_of_a_refund(shop: Running) -> None:
    refund = {"id": 7, "note": "damaged", "refundLineItems": [{"id": number, "quantity": 1, "subtotalSet": MONEY} for number in range(60)]}
    shop.create("Order", lineItems=lines(120), refunds=[refund])
    (order,) = records(pages(shop.connect(), "orders"))
    assert [len(order["lineItems"]), len(order["refunds"][0]["refundLineItems"])] == [120, 60]
    assert len({line["id"] for line in order["lineItems"]}) == 120


def test_a_refund_brings_an_order_of_long_ago_again(shop: Running) -> None:
    old, _ = shop.create("Order", 2, lineItems=lines(1))
    shop.pass_time(days=90)
    since = shop.now()
    shop.update("Order", old, refunds=[{"id": 7, "createdAt": shops.shown_at(shop.shop.now()), "totalRefundedSet": MONEY}])
    assert ids(pages(shop.connect(), "orders", since, since + timedelta(days=1))) == [old]


def test_a_parcel_that_arrived_brings_its_order_again_though_its_stamp_is_the_old_one(shop: Running) -> None:
    orders = shop.create("Order", 40, lineItems=lines(1), fulfillments=[{"id": 5, "status": "SUCCESS", "createdAt": shops.shown_at(shop.shop.now())}])
    shop.pass_time(days=5)
    since = shop.now()
    shop.pass_time(hours=6)
    shops.arrive(shop.shop, orders[20], 5, at=shop.shop.now())
    shop.update("Order", orders[30], sourceName="web")
    connector, until = shop.connect(page_size=25), since + timedelta(days=1)
    found = pages(connector, "orders", since, until)
    assert ids(found) == [orders[30], orders[20]] and records(found)[1]["fulfillments"][0]["deliveredAt"] == "2026-11-06T08:30:00Z"
    assert connector.requests_made("orders") == 2 + 2 + 1          # the window, refused once; the young ones, by 25; the one that is read again
    assert ids(pages(shop.connect(page_size=25), "orders", since, until, found[0].position)) == [orders[20]]
    assert ids(pages(shop.connect(page_size=25), "orders", since, until, found[-1].position)) == []
    assert ids(pages(shop.connect(), "orders", since + timedelta(days=5), until + timedelta(days=5))) == []


def test_a_window_takes_the_ties_of_its_seconds_and_goes_on_behind_the_page_that_landed(shop: Running) -> None:
    made = shop.create("Customer", 7)
    found = pages(shop.connect(page_size=3), "customers", NOW + timedelta(milliseconds=400))
    assert ids(found) == made and [len(page.records) for page in found] == [3, 3, 1]
    assert ids(pages(shop.connect(page_size=3), "customers", resume=found[0].position)) == made[3:]
    with pytest.raises(UnexpectedShape, match="start this stream's window again"):
        pages(shop.connect(), "customers", resume={"page": 2})


def test_what_a_window_holds_is_listed_by_ids_and_stamps(shop: Running) -> None:
    shop.create("Product", 3)
    shop.pass_time(days=1)
    (late,) = shop.create("Product")
    connector = shop.connect()
    (listed,) = connector.listed(STREAM["products"], Window(start=NOW + timedelta(hours=1), end=NOW + timedelta(days=2)))
    assert listed == [(f"gid://shopify/Product/{late}", NOW + timedelta(days=1))] and connector.requests_made("products") == 1


# ---- the bucket

def test_a_query_waits_until_the_bucket_holds_what_it_may_cost(tmp_path: Path) -> None:
    time = Sleeper()
    with store(tmp_path, bucket=Bucket(1100, 100, real=time.real)) as shop:
        shop.create("Customer", 2000)
        assert len(ids(pages(shop.connect(sleep=time.sleep, clock=time.clock), "customers"))) == 2000
        assert len(time.slept) > 5 and max(time.slept) <= 10
        assert shop.api.refused == ["MAX_COST_EXCEEDED"]        # it waited before it asked


def test_a_bucket_that_others_empty_is_waited_for(tmp_path: Path) -> None:
    time = Sleeper()
    with store(tmp_path, bucket=Bucket(1000, 100, real=time.real)) as shop:
        shop.create("Customer")
        shop.api.bucket.take(1000)
        assert len(ids(pages(shop.connect(sleep=time.sleep, clock=time.clock), "customers"))) == 1
        assert "THROTTLED" in shop.api.refused and sum(time.slept) < 30


def test_a_bucket_that_never_fills_ends_the_run_and_says_so(shop: Running) -> None:
    shop.api.failing = [Refusal("Throttled", "THROTTLED")] * 400
    with pytest.raises(QuotaExhausted, match="query costs are used up"):
        pages(shop.connect(), "customers")


# ---- scopes, and what is not shown

def test_without_the_scope_for_all_orders_nothing_of_them_is_read_and_the_error_says_what_to_do(shop: Running) -> None:
    shop.create("Order")
    shop.scopes("read_all_orders")
    for ask in (lambda connector: pages(connector, "orders"), lambda connector: [*connector.keys(STREAM["orders"])], lambda connector: connector.check()):
        with pytest.raises(Refused, match="read_all_orders.* last 60 days alone .* set all_orders = false"):
            ask(shop.connect())
    shop.create("Customer")
    assert len(ids(pages(shop.connect(), "customers"))) == len([*shop.connect().keys(STREAM["customers"])]) == len(records(pages(shop.connect(), "shop"))) == 1


def test_sixty_days_may_be_all_that_is_wanted_and_an_older_order_is_not_taken_for_deleted(shop: Running) -> None:
    shop.create("Order", createdAt=shops.shown_at(shop.shop.now() - 61 * 86_400))
    (young,) = shop.create("Order")
    shop.scopes("read_all_orders")
    connector = shop.connect(all_orders=False)
    assert connector.check().endswith("orders of the last 60 days") and ids(pages(connector, "orders")) == [young]
    orders = next(stream for stream in connector.streams() if stream.name == "orders")
    assert orders.deletes == "never" and not orders.stamps and "60 days" in orders.incomparable


def test_a_missing_scope_is_named_by_its_stream_and_what_only_adds_to_orders_is_left_out(shop: Running) -> None:
    shop.create("Order", fulfillmentOrders=[{"id": 1, "status": "OPEN"}])
    assert records(pages(shop.connect(), "orders"))[0]["fulfillmentOrders"][0]["status"] == "OPEN"
    shop.scopes("read_customers", DISPATCH)
    with pytest.raises(Refused, match="customers: Shopify says: Access denied for customers field. Required access: `read_customers`"):
        pages(shop.connect(), "customers")
    (page,) = pages(shop.connect(), "orders")
    assert [*page.notes] == [DISPATCH] and "fulfillmentOrders" not in page.records[0]


def test_a_version_that_is_retired_is_noticed(shop: Running) -> None:
    shop.create("Customer")
    connector = shop.connect(api_version="2025-07")
    (page,) = pages(connector, "customers")
    assert page.notes["api_version"] == "2025-07 is asked for and 2026-01 answers: set api_version to one that is not retired"
    assert "2026-01 answers" in connector.check() and not pages(shop.connect(), "customers")[0].notes


# ---- what tells of a person

def test_names_and_addresses_are_hashed_and_numbers_days_and_listed_reasons_are_not() -> None:
    def landed(stream: str, **record: Any) -> Any:
        return guard("shopify", STREAM[stream], Policy(choices={}, key="k" * 40, own_domains=frozenset())).record({"id": "gid://shopify/X/1", **record})

    person = landed("customers", firstName="Mia", lastName="Lund", defaultEmailAddress={"emailAddress": "mia@example.org"}, customerNumber={"value": "C00017"})
    assert not [word for word in ("Mia", "Lund", "mia@") if word in str(person)] and person["customerNumber"] == {"value": "C00017"}
    order = landed("orders", requestedOn={"value": "2026-11-03"}, refunds=[{"note": "wrong item"}, {"note": "Mia was unhappy"}])
    assert order["requestedOn"] == {"value": "2026-11-03"} and order["refunds"][0]["note"] == "wrong item" and "Mia" not in str(order)


# ---- errors

def test_a_wrong_token_is_refused_and_never_shown(shop: Running) -> None:
    with pytest.raises(Refused, match="renew the credential") as caught:
        shop.connect(token="shpat_wrong").check()
    assert "shpat_wrong" not in str(caught.value)


def test_an_error_of_shopifys_own_is_asked_again_and_one_that_stays_is_named(shop: Running) -> None:
    shop.create("Customer")
    shop.api.failing = [Refusal("Internal error. Looks like something went wrong on our end.", "INTERNAL_SERVER_ERROR")] * 3
    assert len(ids(pages(shop.connect(), "customers"))) == 1
    shop.api.failing = [Refusal("Internal error.", "INTERNAL_SERVER_ERROR")] * 20
    with pytest.raises(Unreachable, match="Internal error"):
        pages(shop.connect(), "customers")


def test_a_field_that_this_version_has_not_is_an_error_by_name(shop: Running) -> None:
    shop.api.failing = [Refusal("Field 'displayStatus' doesn't exist on type 'Order'", "undefinedField")]
    with pytest.raises(UnexpectedShape, match=r"Field 'displayStatus' doesn't exist on type .* `api_version`"):
        pages(shop.connect(), "orders")


@pytest.mark.parametrize("answer", [
    {}, {"data": None}, {"data": {"customers": {"nodes": [{"id": "7"}, {"id": None}], "pageInfo": {"hasNextPage": False}}}},
    {"data": {"customers": {"nodes": [{}], "pageInfo": {"hasNextPage": False}}}}, {"data": {"customers": None}}, {"data": {"customers": {"nodes": [7], "pageInfo": {"hasNextPage": False}}}},
    {"data": {"customers": {"nodes": [], "pageInfo": {"hasNextPage": True}}}}, {"data": {"customers": {"nodes": []}}, "errors": [{"message": "some are missing"}]},
    {"data": {"customers": {"nodes": [{"id": "gid://shopify/Customer/2"}, {"id": "gid://shopify/Customer/1"}], "pageInfo": {"hasNextPage": False}}}},
], ids=str)
def test_an_answer_that_is_not_whole_is_never_taken_for_fewer_records(answer: Any) -> None:
    with FaultServer().running() as server:
        server.otherwise = lambda asked: good({"data": {"shop": {}, "currentAppInstallation": {"accessScopes": []}}} if b"accessScopes" in asked.body else answer)
        with pytest.raises(UnexpectedShape):
            pages(shopify.connect("store", {"url": server.url}, secrets={"token": TOKEN}, sleep=lambda _: None), "customers")


@pytest.mark.parametrize(("options", "what"), [
    ({"url": ""}, "'url' is missing"), ({"api_version": "latest"}, "api_version is 'latest'"), ({"page_size": 251}, "page_size is 251"),
    ({"without": ["order"]}, r"without is \['order'\]"), ({"passwort": 1}, "unknown option passwort"), ({"url": "http://shop.example.com"}, "plain http"),
])
def test_a_wrong_option_is_named(shop: Running, options: dict[str, Any], what: str) -> None:
    with pytest.raises(Misconfigured, match=what):
        shop.connect(**options)


def test_a_missing_token_is_named(shop: Running) -> None:
    with pytest.raises(Misconfigured, match="no access token is set"):
        shop.connect(token="")
