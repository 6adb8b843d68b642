"""An old day, built again, knows nothing of what came after it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.dbt_project.commerce.conftest import SELECT
from tests.dbt_project.commerce.erp import Erp
from tests.dbt_project.warehouse_builder import WarehouseBuilder

LAST_DAY = "2026-03-10"


@pytest.fixture(scope="module")
def old_day(shop: WarehouseBuilder) -> WarehouseBuilder:
    erp = Erp()
    erp.master_data()
    erp.customer(1)
    erp.delivered("delivered later", placed_at="2026-03-02T09:00:00Z", delivered_at="2026-03-11T09:00:00Z", promised_on="2026-03-20")
    erp.delivered("delivered in the last minute", placed_at="2026-03-02T09:00:00Z", delivered_at="2026-03-10T22:59:59Z", promised_on="2026-03-20")
    erp.delivered("delivered on the stroke of midnight", placed_at="2026-03-02T09:00:00Z", delivered_at="2026-03-10T23:00:00Z", promised_on="2026-03-20")
    erp.order(
        "cancelled later", placed_at="2026-03-02T09:00:00Z", confirmed_at="2026-03-02T10:00:00Z", cancelled_at="2026-03-12T09:00:00Z", promised_on="2026-03-09"
    )
    back = erp.delivered("returned later", placed_at="2026-03-02T09:00:00Z", delivered_at="2026-03-04T09:00:00Z", promised_on="2026-03-05")
    erp.returned(back, at="2026-03-15T09:00:00Z")
    moved = erp.order("promise moved later", placed_at="2026-03-02T09:00:00Z", confirmed_at="2026-03-02T10:00:00Z", promised_on="2026-03-06")
    parcel = erp.parcel(moved, planned_on="2026-03-20", first_planned_on="2026-03-06", state="waiting")
    erp.log(f"stock.shipment.out,{parcel}", "planned_date,comment", "2026-03-11T09:00:00Z", event="write")
    erp.order("placed later", placed_at="2026-03-10T23:00:00Z")
    erp.purchase("received later", ordered_at="2026-02-02T09:00:00Z", promised_on="2026-03-09", received_at="2026-03-12T09:00:00Z")
    erp.purchase("ordered later", ordered_at="2026-03-11T09:00:00Z", promised_on="2026-03-20")
    shop.land(erp.records, source="erp")
    shop.build(SELECT, as_of=LAST_DAY)
    return shop


@pytest.mark.parametrize(
    ("number", "status", "is_on_time"),
    [
        ("delivered later", "processing", None),
        ("delivered in the last minute", "done", True),
        ("delivered on the stroke of midnight", "processing", None),
        ("cancelled later", "confirmed", False),
        ("returned later", "done", True),
        ("promise moved later", "confirmed", False),
    ],
)
def test_what_comes_later_has_not_happened(old_day: WarehouseBuilder, number: str, status: str, is_on_time: bool | None) -> None:
    [row] = old_day.rows(f"select status, is_on_time, has_our_fault, refunded_amount from fct_orders where order_number = '{number}'")
    assert row == {"status": status, "is_on_time": is_on_time, "has_our_fault": False, "refunded_amount": 0}


def test_neither_orders_nor_money_of_later_days_count(old_day: WarehouseBuilder) -> None:
    [row] = old_day.rows("select count(*) as orders, sum(net_amount) as amount from fct_revenue_entries")
    assert row == {"orders": 6, "amount": 600}


def test_a_purchase_received_later_is_overdue(old_day: WarehouseBuilder) -> None:
    rows = old_day.rows("select purchase_number, is_late, is_overdue, received_on from fct_receipts")
    assert rows == [{"purchase_number": "received later", "is_late": True, "is_overdue": True, "received_on": None}]


def test_no_kpi_speaks_of_later_days(old_day: WarehouseBuilder) -> None:
    names: list[dict[str, Any]] = old_day.rows(
        "select table_name from information_schema.tables where table_schema = 'marts' and table_name like 'kpi\\_%' escape '\\'"
    )
    assert len(names) == 15
    for name in names:
        assert old_day.value(f"select coalesce(max(period_start) <= date '{LAST_DAY}', true) from {name['table_name']}"), name


def test_the_next_day_is_told_what_happened_then(old_day: WarehouseBuilder) -> None:
    old_day.build(SELECT, as_of="2026-03-31")
    assert old_day.value("select status from fct_orders where order_number = 'cancelled later'") == "cancelled"
    assert old_day.value("select promised_on::varchar from fct_orders where order_number = 'promise moved later'") == "2026-03-20"
    assert old_day.value("select sum(net_amount) from fct_revenue_entries") == 550
