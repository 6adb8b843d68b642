"""Orders, lines and purchases that cannot be as they are written: in quarantine, out of the KPIs, and still in the landing. And whose hand an order's steps were."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dbt_project.commerce.conftest import SELECT
from tests.dbt_project.commerce.erp import Erp
from tests.dbt_project.warehouse_builder import WarehouseBuilder

DAY = "2026-03-02T09:00:00Z"
QUALITY = "int_quarantined_rows int_ruled_row_counts path:models/marts/quality"
QUEUE, SHOP = 0, 7      # the ERP's own user, and the one that the shop works as


def sound() -> Erp:
    erp = Erp()
    erp.master_data()
    erp.customer(1)
    erp.delivered("ordinary", placed_at=DAY, delivered_at="2026-03-04T09:00:00Z", promised_on="2026-03-04")
    erp.purchase("in time", ordered_at=DAY, promised_on="2026-03-10", received_at="2026-03-09T09:00:00Z")
    return erp


def with_slips() -> Erp:
    erp = sound()
    erp.delivered("before", placed_at="2026-03-12T09:00:00Z", delivered_at="2026-03-05T09:00:00Z", promised_on="2026-03-20")
    erp.delivered("less than nothing", placed_at=DAY, delivered_at="2026-03-04T09:00:00Z", promised_on="2026-03-04", pieces=(2, -3))
    epoch = erp.order("from the epoch", placed_at="1970-01-01T00:00:00Z", confirmed_at="2026-03-02T10:00:00Z")
    erp.returned(epoch, at="2026-03-20T09:00:00Z")      # what was never counted is not taken off
    erp.purchase("came first", ordered_at="2026-03-09T09:00:00Z", promised_on="2026-03-20", received_at="2026-03-02T09:00:00Z")
    return erp


@pytest.fixture
def books(running_company: WarehouseBuilder) -> WarehouseBuilder:
    running_company.land(with_slips().records, source="erp")
    running_company.build(f"{SELECT} {QUALITY}", as_of="2026-03-31", data_tests=False)     # not all KPIs that tests compare are built
    return running_company


def month(books: WarehouseBuilder, kpi: str) -> tuple[Any, Any, Any]:
    [row] = books.rows(
        f"select numerator, denominator, value from kpi_{kpi} where kpi = '{kpi}' and period_grain = 'month' and segment_type = 'all' and period_start = '2026-03-01'")
    return row["numerator"], row["denominator"], row["value"]


def test_bad_rows_are_in_quarantine_and_falsify_no_number(books: WarehouseBuilder) -> None:
    assert [tuple(row.values()) for row in books.rows("select entity, reason, is_left_out, offending from quarantine order by all")] == [
        ("order", "delivered_before_ordered", False, "placed_at: 2026-03-12 09:00:00, delivered_at: 2026-03-05 09:00:00"),
        ("order", "impossible_date", True, "placed_at: 1970-01-01 00:00:00"),
        ("order_line", "negative_quantity", True, "quantity: -3.0000, unit_price: 50.0000"),
        ("receipt", "received_before_ordered", False, "ordered_on: 2026-03-09, received_on: 2026-03-02"),
    ]
    assert month(books, "on_time_delivery_rate") == (2, 2, 1), "nobody knows whether what was delivered before it was ordered came in time"
    assert books.value("select count(*) from int_order_corrections where revenue_effect = 'refunded'") == 1
    assert books.value("select count(*) from fct_revenue_entries where entry_kind = 'refunded'") == 0, "an order that is left out whole takes its refunds with it"
    assert month(books, "order_cycle_hours")[2] == 48
    assert month(books, "revenue")[0] == 3 * 100, "what it was worth is known all the same; less than nothing was not sold"
    assert month(books, "supplier_late_rate")[:2] == (0, 2), "what was promised is judged by the promise"
    assert books.rows("select lead_days from fct_receipts where purchase_number = 'came first'") == [{"lead_days": None}]
    assert books.value("select status from fct_orders where order_number = 'before'") == "processing"
    assert books.value("select count(*) from stg_tryton__sales") == 5, "staging and landing have them all, a return among them"
    assert books.data_test("shared_quarantine_two_routes"), "what came in is in a mart or in quarantine"


def test_a_row_that_is_corrected_counts_again(books: WarehouseBuilder) -> None:
    [line] = books.rows("select record_key from stg_tryton__sale_lines where quantity = -3")
    [record] = [one for one in with_slips().records["tryton", "sale_line"] if str(one["id"]) == line["record_key"]]
    books.land({("tryton", "sale_line"): [{**record, "quantity": 3.0, "amount": "150.00"}]}, source="erp")
    books.build(f"{SELECT} {QUALITY}", as_of="2026-04-01", data_tests=False)
    assert books.value("select count(*) from quarantine where entity = 'order_line'") == 0
    assert month(books, "revenue")[0] == 3 * 100 + 150


def test_steps_are_by_hand_unless_a_robot_did_them(shop: WarehouseBuilder) -> None:
    """Confirmed by the queue and put right by a person later: whose hand it was is who did it first. Packed twice: whoever did it last."""
    erp = sound()
    sale = erp.order("by the shop", placed_at="2026-03-10T09:00:00Z", promised_on="2026-03-20")
    erp.records["tryton", "ir_model_log"][-1] = {**erp.records["tryton", "ir_model_log"][-1], "user": SHOP}
    erp.log(f"sale.sale,{sale}", "state:confirmed", "2026-03-10T09:05:00Z", user=QUEUE)
    erp.log(f"sale.sale,{sale}", "state:confirmed", "2026-03-10T10:05:00Z")
    parcel = erp.parcel(sale, picked_at="2026-03-11T09:00:00Z", planned_on="2026-03-20", state="packed")
    erp.log(f"stock.shipment.out,{parcel}", "state:packed", "2026-03-11T10:00:00Z")
    erp.log(f"stock.shipment.out,{parcel}", "state:packed", "2026-03-11T11:00:00Z", user={"id": SHOP, "name": "Shop"})
    shop.land(erp.records, source="erp")
    shop.build(SELECT, as_of="2026-03-31", robots=f"erp:{SHOP}\nerp:99")
    assert {row["step"]: row["is_by_hand"] for row in shop.rows(f"select step, is_by_hand from fct_order_steps where order_id = 'erp:{sale}'")} == {
        "placed": False, "confirmed": False, "picked": True, "packed": False}
    steps = shop.rows("select step, is_by_hand from fct_order_steps")
    assert month(shop, "manual_touch_rate")[:2] == (len(steps) - 3, len(steps))
