"""The sandbox company's trade and leads, read from Odoo, are those read from Tryton: row by row, and KPI by KPI."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from connectors.stream import Connector
from sandbox.company.plan import Plan
from sandbox.odoo import load as loading
from tests.dbt_project.commerce.conftest import SELECT
from tests.dbt_project.commerce.test_truth import land
from tests.dbt_project.warehouse_builder import WarehouseBuilder
from tests.sandbox.odoo.erp import company
from tests.sandbox.tryton.box import Box, small_company

KPIS = ("revenue", "average_order_value", "lead_conversion_rate", "win_rate", "repurchase_rate", "order_cycle_hours", "on_time_delivery_rate", "order_error_rate",
        "supplier_late_rate", "supplier_lead_days")
# Ids are each system's own, and so are the keys of what has no number: rows are told apart by what people call them. Tryton keeps the names of channels
# and campaigns in lower case, and the day alone on which a lead was cancelled; its company's name is that of a party.
ROWS: Mapping[str, str] = {
    "orders": """
        select order_number, customer_number, business_unit, channel, lower(campaign) as campaign, orders.region, warehouse, warehouse_time_zone, carrier,
            currency, status, placed_at, confirmed_at, picked_at, packed_at, shipped_at, delivered_at, cancelled_at, requested_on, promised_on,
            first_promised_on, promise_moved_at, net_amount, gross_amount, cost_amount, exchange_rate, has_linked_corrections
        from int_orders as orders left join int_customers using (customer_id)""",
    "order lines": """
        select order_number, product, product_name, quantity, unit_price, lines.currency, lines.exchange_rate, lines.net_amount, lines.cost_amount, is_cancelled
        from int_order_lines as lines inner join int_orders using (order_id)""",
    "corrections": """
        select order_number, corrected_at, kind, revenue_effect, reason, is_our_fault, corrections.currency, corrections.net_amount
        from int_order_corrections as corrections left join int_orders using (order_id)""",
    "receipts": """
        select purchase_number, supplier_number, supplier, item, warehouse, warehouse_time_zone, ordered_at, ordered_on, promised_on, received_at, received_on,
            is_cancelled, quantity
        from int_receipts""",
    "products": "select product, product_name, category, kind, list_price, cost_price, currency from int_products where product not like 'CARRIER-%'",
    "customers": "select customer_number, country, region, created_at from int_customers",
    "exchange rates": "select currency, valid_from_on, valid_until_on, rate from int_exchange_rates",
    "leads": """
        select lead_number, customer_number, owner, channel, lower(campaign) as campaign, leads.region, leads.created_at, converted_at, offered_at, won_at,
            lost_at, cast((cancelled_at at time zone 'UTC') at time zone 'Europe/Berlin' as date) as cancelled_on, lost_reason, stage, amount
        from int_leads as leads left join int_customers using (customer_id)""",
    "changes of stage": """
        select lead_number, from_stage, to_stage,
            case when to_stage <> 'cancelled' then event_at else date_trunc('day', (event_at at time zone 'UTC') at time zone 'Europe/Berlin') end as event_at
        from int_lead_events inner join int_leads using (lead_id)""",
}
LEAST = {"orders": 2400, "order lines": 4000, "corrections": 100, "receipts": 700, "products": 30, "customers": 1000, "exchange rates": 2000, "leads": 300,
         "changes of stage": 500}


@pytest.fixture(scope="module")
def box() -> Box:
    return small_company()


@pytest.fixture(scope="module")
def from_tryton(box: Box, tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    return built(WarehouseBuilder(folder=tmp_path_factory.mktemp("tryton"), target=dbt_target, manifest=dbt_manifest), "tryton", box.connector(), box.plan)


@pytest.fixture(scope="module")
def from_odoo(box: Box, tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    builder = WarehouseBuilder(folder=tmp_path_factory.mktemp("odoo"), target=dbt_target, manifest=dbt_manifest)
    with company(builder.folder / "erp", empty=True) as erp:
        loading.load(box.plan, erp.database)
        return built(builder, "odoo", erp.connect(page_size=10_000), box.plan)


def built(builder: WarehouseBuilder, kind: str, connector: Connector, plan: Plan) -> WarehouseBuilder:
    land(builder, kind, "erp", connector)
    builder.build(SELECT, as_of=plan.ends_on.isoformat(), time_zone=plan.time_zone, currency=plan.currency)
    return builder


@pytest.mark.parametrize("what", ROWS)
def test_every_row_is_the_same_row(from_odoo: WarehouseBuilder, from_tryton: WarehouseBuilder, what: str) -> None:
    ours, theirs = (builder.rows(f"{ROWS[what]} order by all") for builder in (from_odoo, from_tryton))
    assert len(theirs) > LEAST[what]
    assert ours == theirs


@pytest.mark.parametrize("kpi", KPIS)
def test_a_kpi_is_the_same_in_every_period_and_segment(from_odoo: WarehouseBuilder, from_tryton: WarehouseBuilder, kpi: str) -> None:
    query = f"select * from kpi_{kpi} order by period_grain, period_start, segment_type, segment"
    rows = from_odoo.rows(query)
    assert len(rows) > 100
    assert rows == from_tryton.rows(query)
