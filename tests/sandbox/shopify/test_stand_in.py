"""The stand-in follows the vendor's documented rules, and holds the sandbox company's sales."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import requests

from sandbox.company.plan import Plan, in_stock
from sandbox.company.story import next_day, write_plan
from sandbox.shopify import load as loading
from sandbox.shopify import shop as shops
from sandbox.shopify.rules import Bucket
from tests.sandbox.shopify.store import NOW, TOKEN, Running, store


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Running]:
    with store(tmp_path) as running:
        yield running


@pytest.fixture(scope="module")
def plan() -> Plan:
    return write_plan(seed=7, size="small")


def asked(shop: Running, query: str, variables: Mapping[str, Any] | None = None, *, token: str = TOKEN, version: str = "2026-10") -> requests.Response:
    return requests.post(f"{shop.url}/admin/api/{version}/graphql.json", json={"query": query, "variables": variables or {}},
                         headers={"X-Shopify-Access-Token": token}, timeout=10)


def answer(shop: Running, query: str, **variables: Any) -> Any:
    said = asked(shop, query, variables)
    assert said.status_code == 200
    return said.json()


def code(said: Any) -> str:
    return str(said["errors"][0]["extensions"]["code"])


# ---- what is answered

def test_only_the_apps_token_gets_in(shop: Running) -> None:
    assert asked(shop, "{ shop { name } }", token="other").status_code == 401


def test_exactly_what_is_selected_is_answered_under_the_names_that_were_asked_for(shop: Running) -> None:
    shop.create("Customer", lastName="Lund", metafields={"custom.customer_number": "C00017"})
    said = answer(shop, """query Some($n: Int!) { shop { currencyCode } # a comment
        people: customers(first: $n, sortKey: ID) { nodes { id, number: metafield(namespace: "custom", key: "customer_number") { value }
        other: metafield(namespace: "custom", key: "no_such") { value } } pageInfo { hasNextPage } } }""", n=5)
    assert said["data"] == {"shop": {"currencyCode": "EUR"}, "people": {
        "nodes": [{"id": "gid://shopify/Customer/1001", "number": {"value": "C00017"}, "other": None}], "pageInfo": {"hasNextPage": False}}}


@pytest.mark.parametrize(("query", "expected"), [
    ("{ shop { nothing } }", "undefinedField"), ("{ customers(first: 1) { nodes { nothing } } }", "undefinedField"),
    ("{ customers(first: 1) { rows { id } } }", "undefinedField"), ("{ customers(first: 1, where: 2) { nodes { id } } }", "argumentNotAccepted"),
    ("{ shop }", "selectionMismatch"), ("{ shop { name { first } } }", "selectionMismatch"), ("{ shop { name }", "parseError"), ("{ shop { § } }", "parseError"),
    ("{ customers { nodes { id } } }", "BAD_REQUEST"), ("{ customers(first: 251) { nodes { id } } }", "BAD_REQUEST"),
    ('{ customers(first: 1, query: "color:red") { nodes { id } } }', "BAD_REQUEST"),
])
def test_what_the_schema_has_not_is_refused_with_status_200(shop: Running, query: str, expected: str) -> None:
    said = answer(shop, query)
    assert code(said) == expected and "data" not in said


def test_a_field_behind_a_scope_is_refused_without_it(shop: Running) -> None:
    shop.scopes("read_customers")
    assert answer(shop, "{ customers(first: 1) { nodes { id } } }")["errors"][0] == {
        "message": "Access denied for customers field. Required access: `read_customers` access scope.",
        "extensions": {"code": "ACCESS_DENIED", "requiredAccess": "`read_customers` access scope."}}


def test_a_retired_version_falls_forward_and_says_so(shop: Running) -> None:
    assert asked(shop, "{ shop { name } }", version="2025-04").headers["X-Shopify-API-Version"] == "2026-01"
    assert asked(shop, "{ shop { name } }", version="2026-10").headers["X-Shopify-API-Version"] == "2026-10"


# ---- what it costs

def test_a_query_is_charged_what_it_brought_and_must_find_what_it_may_bring(tmp_path: Path) -> None:
    query = "{ customers(first: 100) { nodes { id defaultAddress { countryCodeV2 } } } }"
    with store(tmp_path, bucket=Bucket(250, 50, real=lambda: 0.0)) as shop:
        shop.create("Customer", 3, defaultAddress={"countryCodeV2": "DE"})
        cost = answer(shop, query)["extensions"]["cost"]
        assert cost == {"requestedQueryCost": 202, "actualQueryCost": 8, "throttleStatus": {
            "maximumAvailable": 250, "currentlyAvailable": 242, "restoreRate": 50}}
        shop.api.bucket.take(100)
        said = answer(shop, query)
        assert code(said) == "THROTTLED" and said["extensions"]["cost"]["actualQueryCost"] is None and "data" not in said


def test_no_query_may_cost_more_than_a_thousand_points(shop: Running) -> None:
    said = answer(shop, "{ products(first: 250) { nodes { id variants(first: 10) { nodes { id } } } } }")
    assert code(said) == "MAX_COST_EXCEEDED" and said["errors"][0]["message"] == "Query cost is 3252, which exceeds the single query max cost limit (1000)."


# ---- what is shown, and when

def test_a_search_compares_ids_and_stamps_and_knows_a_change_only_after_a_while(shop: Running) -> None:
    def found(query: str) -> list[int]:
        nodes = answer(shop, "query($q: String) { orders(first: 9, query: $q) { nodes { id } } }", q=query)["data"]["orders"]["nodes"]
        return [int(node["id"].rpartition("/")[2]) for node in nodes]

    first, second = shop.create("Order", 2)
    shop.pass_time(seconds=60)
    late = shops.create(replace(shop.shop, index_lag=30), "Order", {}, at=shop.shop.now())
    assert found(f"id:>{first}") == [second] and found("updated_at:<'2026-11-01T02:31:00Z'") == [first, second]
    shop.pass_time(seconds=30)
    assert found(f"id:>{second} AND updated_at:>='2026-11-01T02:31:00Z'") == [late]


def test_old_orders_are_not_shown_without_the_scope_for_them_and_nothing_says_so(shop: Running) -> None:
    shop.create("Order", createdAt=shops.shown_at(shop.shop.now() - 61 * 86_400))
    shop.scopes("read_all_orders")
    said = answer(shop, "{ orders(first: 9) { nodes { id } pageInfo { hasNextPage } } }")
    assert said["data"]["orders"] == {"nodes": [], "pageInfo": {"hasNextPage": False}} and "errors" not in said


# ---- the sandbox company

def test_the_company_is_brought_in_as_its_plan_stands(tmp_path: Path, plan: Plan) -> None:
    with store(tmp_path, empty=True) as shop:
        counts = loading.load(plan, shop.shop)
        assert counts["Order"] == len(plan.orders) and counts["Customer"] == len(plan.customers)
        there = in_stock(plan)
        for product, item in zip(plan.products, shop.shop.state.items("InventoryItem"), strict=True):
            assert [level["quantities"][0]["quantity"] for level in item["inventoryLevels"]] == [there[product.code, one.code] for one in plan.warehouses]
        foreign = next(order for order in plan.orders if order.currency != plan.currency)
        line = shops.one(shop.shop, "Order", int(foreign.number[2:]))["lineItems"][0]["discountedTotalSet"]
        assert line["presentmentMoney"] == {"amount": str(foreign.lines[0].unit_price * foreign.lines[0].quantity), "currencyCode": foreign.currency}
        assert line["shopMoney"]["currencyCode"] == plan.currency and line["shopMoney"]["amount"] != line["presentmentMoney"]["amount"]


def test_a_lived_day_leaves_what_a_load_of_the_next_evening_would_with_younger_stamps(tmp_path: Path, plan: Plan) -> None:
    day = next_day(plan, NOW.date())
    with store(tmp_path / "lived", empty=True) as lived, store(tmp_path / "loaded", empty=True) as loaded:
        loading.load(plan, lived.shop)
        before = {item["id"]: item for item in lived.shop.state.items("Order")}
        done = loading.live_day(plan, day, lived.shop)
        loading.load(day.after, loaded.shop)
        for of in loading.KINDS:
            ours, theirs = ([{**item, "updatedAt": "", "found_from": 0} for item in one.shop.state.items(of)] for one in (lived, loaded))
            if of == "InventoryItem":       # its levels say when they were counted
                ours, theirs = ([{**item, "inventoryLevels": [level["quantities"] for level in item["inventoryLevels"]]} for item in one] for one in (ours, theirs))
            assert ours == theirs
        changed = [item for item in lived.shop.state.items("Order") if before.get(item["id"]) != item]
        assert len(changed) == done["orders"] > 0 and min(item["updatedAt"] for item in changed) >= "2026-10-31T23:00:00Z"


def test_the_stand_in_is_loaded_started_asked_and_stopped_from_the_command_line(tmp_path: Path) -> None:
    def run(*arguments: str) -> str:
        done = subprocess.run([sys.executable, "-m", "sandbox.shopify", *arguments, "--home", str(tmp_path)], capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return done.stdout

    run("load", "--size", "small", "--seed", "7")
    try:
        run("start")
        facts = json.loads((tmp_path / "shopify.json").read_text())
        token = (tmp_path / "secrets.env").read_text().partition("SHOPIFY_TOKEN=")[2].split()[0]
        said = requests.post(f"{facts['url']}/admin/api/2026-10/graphql.json", json={"query": "{ orders(first: 3) { nodes { id } } }"},
                             headers={"X-Shopify-Access-Token": token}, timeout=10).json()
        assert len(said["data"]["orders"]["nodes"]) == 3
    finally:
        run("stop")
