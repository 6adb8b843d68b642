"""What only ERPNext does to its documents: amended orders, renamed customers, notes that are deleted; and two nights that say what one says."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.erpnext_streams import LAG
from connectors.stream import Window
from sandbox.erpnext import site as sites
from tests.dbt_project.commerce.conftest import CANONICAL, CANONICAL_TESTS
from tests.dbt_project.warehouse_builder import WarehouseBuilder, run_dbt, run_settings
from tests.sandbox.erpnext.erp import Running, site

FIRST = datetime(2026, 3, 2, 9, tzinfo=UTC)
MODELS = ("int_orders", "int_order_lines", "int_order_corrections", "int_receipts", "int_leads", "int_lead_events", "int_customers")
Nights = tuple[dict[str, Any], dict[str, Any]]


def first_day(erp: Running) -> None:
    for doctype, name, values in (
        ("Company", "Lantern", {"company_name": "Lantern", "default_currency": "EUR"}), ("Warehouse", "BER - L", {"warehouse_name": "BER"}),
        ("Customer", "Ann", {"territory": "Germany"}), ("Item", "LMP-1", {"item_name": "Lamp", "is_stock_item": 1, "valuation_rate": 4.0}),
        ("Currency Exchange", "1", {"date": "2026-01-01", "from_currency": "USD", "to_currency": "EUR", "exchange_rate": 0.5}),
    ):
        sites.insert(erp.site, doctype, name, values, at=erp.site.now())
    erp.pass_time(hours=1)
    for number in range(1, 6):
        rows = [{"item_code": "LMP-1", "qty": 2.0, "rate": 10.0, "amount": 20.0, "warehouse": "BER - L"}]
        values = {"customer": "Ann", "company": "Lantern", "currency": "USD", "delivery_date": "2026-03-05", "territory": "Germany", "items": rows}
        sites.insert(erp.site, "Sales Order", f"SO-{number}", values, at=erp.site.now())
    erp.pass_time(hours=1)
    for number in range(2, 6):
        sites.submit(erp.site, "Sales Order", f"SO-{number}", at=erp.site.now())
    for number in (2, 3):
        rows = [{"item_code": "LMP-1", "qty": 2.0, "incoming_rate": 5.0, "against_sales_order": f"SO-{number}",
                 "so_detail": sites.digest(f"SO-{number}", "items", 1)}]
        sites.insert(erp.site, "Delivery Note", f"DN-{number}", {"items": rows, "is_return": 0, "currency": "USD"}, at=erp.site.now())
    erp.save("Delivery Note", "DN-2", workflow_state="Picked")
    sites.submit(erp.site, "Delivery Note", "DN-3", at=erp.site.now(), workflow_state="Shipped")
    wanted = [{"item_code": "LMP-1", "qty": 10.0, "schedule_date": "2026-03-04", "warehouse": "BER - L"}]
    sites.insert(erp.site, "Purchase Order", "PO-1", {"supplier": "S1", "items": wanted}, at=erp.site.now())
    sites.submit(erp.site, "Purchase Order", "PO-1", at=erp.site.now())
    receive(erp, "PR-1", 4.0)
    erp.create("Opportunity", opportunity_from="Customer", party_name="Ann", status="Open", sales_stage="Prospecting", opportunity_amount=7.0, currency="EUR")


def receive(erp: Running, name: str, pieces: float) -> None:
    rows = [{"item_code": "LMP-1", "qty": pieces, "purchase_order_item": sites.digest("PO-1", "items", 1)}]
    sites.insert(erp.site, "Purchase Receipt", name, {"items": rows, "posting_date": "2026-03-02"}, at=erp.site.now())
    sites.submit(erp.site, "Purchase Receipt", name, at=erp.site.now())


def second_day(erp: Running) -> None:
    sites.submit(erp.site, "Sales Order", "SO-1", at=erp.site.now())
    erp.delete("Delivery Note", "DN-2")
    erp.save("Delivery Note", "DN-3", workflow_state="Delivered")
    erp.save("Sales Order", "SO-4", delivery_date="2026-03-17")
    sites.cancel(erp.site, "Sales Order", "SO-5", at=erp.site.now())
    rows = [{"item_code": "LMP-1", "qty": 3.0, "rate": 10.0, "amount": 30.0}]
    amended = {**{name: sites.get(erp.site, "Sales Order", "SO-5")[name] for name in ("customer", "company", "currency", "territory")},
               "delivery_date": "2026-03-09", "items": rows, "amended_from": "SO-5"}
    sites.insert(erp.site, "Sales Order", "SO-5-1", amended, at=erp.site.now())
    erp.pass_time(hours=1)
    sites.submit(erp.site, "Sales Order", "SO-5-1", at=erp.site.now())
    back = [{"item_code": "LMP-1", "qty": -1.0, "against_sales_order": "SO-3"}]
    values = {"items": back, "is_return": 1, "net_total": -10.0, "currency": "USD", "custom_fault": "ours", "custom_reason": "damaged"}
    sites.insert(erp.site, "Delivery Note", "DN-R", values, at=erp.site.now())
    sites.submit(erp.site, "Delivery Note", "DN-R", at=erp.site.now())
    receive(erp, "PR-2", 6.0)
    erp.save("Item", "LMP-1", valuation_rate=6.0)
    erp.rename("Customer", "Ann", "Ann & Sons")
    erp.save("Opportunity", "OPP-00001", status="Lost", lost_reasons=[{"lost_reason": "Price"}])


def land(builder: WarehouseBuilder, erp: Running, since: datetime | None) -> None:
    """Everything of a window, tombstones first as the connector gives them."""
    connector = erp.connect()
    found: dict[tuple[str, str], list[Any]] = {}
    for stream in connector.streams():
        for page in connector.read(stream, Window(start=since, end=erp.now())):
            found.setdefault(("erpnext", stream.name), []).extend([*((key, None) for key in page.deleted), *((one["name"], one) for one in page.records)])
    builder.land(found, source="erp")


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> Iterator[Nights]:
    """(the rows after the second of two nights, the same worked out at once)."""
    builder = WarehouseBuilder(folder=tmp_path_factory.mktemp("nights"), target=dbt_target, manifest=dbt_manifest)
    with site(tmp_path_factory.mktemp("site"), at=FIRST) as erp:
        first_day(erp)
        erp.pass_time(hours=1)
        land(builder, erp, None)
        builder.build(CANONICAL, as_of="2026-03-02", data_tests=False)
        read_up_to = erp.now()
        erp.pass_time(days=1)
        second_day(erp)
        erp.pass_time(hours=1)
        land(builder, erp, read_up_to - LAG)
        builder.build(CANONICAL, as_of="2026-03-03", data_tests=False)
    builder.data_test(CANONICAL_TESTS)
    by_nights = {model: builder.rows(f"select * from {model} order by all") for model in MODELS}
    command = ["build", "--full-refresh", "--select", "path:models/intermediate/commerce", "--exclude-resource-type", "test", "--exclude-resource-type", "unit_test"]
    run_dbt(command, run_settings(builder.path, as_of="2026-03-03"), target=dbt_target, manifest=dbt_manifest)
    yield by_nights, {model: builder.rows(f"select * from {model} order by all") for model in MODELS}


@pytest.mark.parametrize("model", MODELS)
def test_two_nights_say_what_one_says(nights: Nights, model: str) -> None:
    by_nights, at_once = nights
    assert at_once[model] and by_nights[model] == at_once[model]


@pytest.fixture
def orders(nights: Nights) -> dict[str, dict[str, Any]]:
    return {row["order_number"]: row for row in nights[0]["int_orders"]}


def at(**time: float) -> datetime:
    return (FIRST + timedelta(**time)).replace(tzinfo=None)


def test_an_order_that_was_cancelled_to_be_amended_goes_on_as_its_later_version(orders: dict[str, dict[str, Any]]) -> None:
    assert orders.keys() == {"SO-1", "SO-2", "SO-3", "SO-4", "SO-5-1"}
    assert (orders["SO-5-1"]["placed_at"], orders["SO-5-1"]["confirmed_at"], orders["SO-5-1"]["cancelled_at"]) == (at(hours=1), at(hours=2), None)
    assert orders["SO-5-1"]["net_amount"] == 15       # 30 dollars


def test_an_order_whose_note_was_deleted_is_not_picked_any_more(orders: dict[str, dict[str, Any]]) -> None:
    assert orders["SO-2"]["picked_at"] is None and orders["SO-2"]["status"] == "confirmed"


def test_a_note_that_was_submitted_and_delivered_makes_an_order_done(orders: dict[str, dict[str, Any]], nights: Nights) -> None:
    assert (orders["SO-3"]["shipped_at"], orders["SO-3"]["delivered_at"], orders["SO-3"]["status"]) == (at(hours=2), at(days=1, hours=3), "done")
    (correction,) = nights[0]["int_order_corrections"]
    assert (correction["order_id"], correction["net_amount"], correction["is_our_fault"], correction["corrected_at"]) == ("erp:SO-3", 5, True, at(days=1, hours=4))


def test_a_promise_that_was_moved_is_told_with_what_it_was_before(orders: dict[str, dict[str, Any]]) -> None:
    told = [str(orders["SO-4"][name]) for name in ("first_promised_on", "promised_on", "promise_moved_at")]
    assert told == ["2026-03-05", "2026-03-17", str(at(days=1, hours=3))]


def test_goods_that_left_cost_what_they_did_then_and_others_what_they_do_now(nights: Nights) -> None:
    costs = {row["order_id"]: row["cost_amount"] for row in nights[0]["int_order_lines"]}
    assert (costs["erp:SO-3"], costs["erp:SO-4"], costs["erp:SO-5-1"]) == (10, 12, 18)


def test_orders_follow_a_customer_to_the_new_name(orders: dict[str, dict[str, Any]], nights: Nights) -> None:
    """A name that may be a person's is a token by then; under the old one there would be nobody to tell a region of."""
    (customer,) = nights[0]["int_customers"]
    assert {row["customer_id"] for row in orders.values()} == {customer["customer_id"]} and customer["region"] == "EMEA"


def test_region_and_warehouse_are_told_by_territory_and_rows(orders: dict[str, dict[str, Any]]) -> None:
    assert (orders["SO-1"]["region"], orders["SO-1"]["warehouse"], orders["SO-1"]["warehouse_time_zone"]) == ("EMEA", "BER", "Europe/Berlin")


def test_a_purchase_has_come_when_the_last_of_it_has(nights: Nights) -> None:
    (receipt,) = nights[0]["int_receipts"]
    assert (receipt["ordered_at"], receipt["received_at"], str(receipt["promised_on"])) == (at(hours=2), at(days=1, hours=4), "2026-03-04")


def test_a_lost_lead_says_why_and_when(nights: Nights) -> None:
    ((lead,),) = [nights[0]["int_leads"]]
    assert (lead["stage"], lead["lost_reason"], lead["lost_at"]) == ("lost", "Price", at(days=1, hours=4))
