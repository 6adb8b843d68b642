"""The sandbox company, read from ERPNext or from Odoo, is the company read from Tryton, row by row in the canonical models that every KPI is made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from connectors.stream import Connector
from sandbox.erpnext import load as erpnext_loading
from sandbox.odoo import load as odoo_loading
from tests.dbt_project.commerce.conftest import CANONICAL, built
from tests.dbt_project.warehouse_builder import WarehouseBuilder
from tests.sandbox.erpnext.erp import site
from tests.sandbox.odoo.erp import company
from tests.sandbox.tryton.box import Box, small_company

# Every system has ids of its own; numbers of orders, of leads and of customers are the company's. Tryton keeps the names of campaigns in small letters,
# and of a cancelled lead no more than the day.
CANCELLED_ON = "cast(({0} at time zone 'UTC') at time zone 'Europe/Berlin' as date)"
ENTITIES = {
    "orders": """
        select orders.* exclude (order_id, source_name, customer_id, campaign), lower(campaign) as campaign, customer_number
        from int_orders as orders left join int_customers using (customer_id)""",
    "order_lines": """
        select order_number, lines.* exclude (order_line_id, order_id, source_name)
        from int_order_lines as lines inner join int_orders using (order_id)""",
    "corrections": """
        select order_number, corrections.* exclude (correction_id, order_id, source_name)
        from int_order_corrections as corrections left join int_orders using (order_id)""",
    "goods": "select * exclude (native_product_id, source_name) from int_products where kind = 'goods'",      # Tryton has carriers' services, too
    "receipts": "select * exclude (receipt_id, source_name, supplier_id) from int_receipts",
    "customers": "select customer_number, country, region, created_at from int_customers",
    "rates": "select currency, valid_from_on, valid_until_on, rate from int_exchange_rates",
    "leads": f"""
        select leads.* exclude (lead_id, source_name, customer_id, cancelled_at, campaign), lower(campaign) as campaign, customer_number,
            {CANCELLED_ON.format("cancelled_at")} as cancelled_on
        from int_leads as leads left join int_customers using (customer_id)""",
    "lead_events": f"""
        select lead_number, from_stage, to_stage,
            case when to_stage <> 'cancelled' then event_at else {CANCELLED_ON.format("event_at")} end as event_at
        from int_lead_events inner join int_leads using (lead_id)""",
}
MOST = {"orders": 2000, "order_lines": 3000, "corrections": 100, "goods": 30, "receipts": 300, "customers": 1000, "rates": 1000, "leads": 300,
        "lead_events": 700}
Making = tuple[Box, pytest.TempPathFactory, Path, Any]


@pytest.fixture(scope="module")
def making(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> Making:
    return small_company(), tmp_path_factory, dbt_target, dbt_manifest


def from_erpnext(making: Making) -> WarehouseBuilder:
    """The site is in a zone of its own, neither the company's nor UTC."""
    with site(making[1].mktemp("site"), zone="Asia/Kolkata") as erp:
        erpnext_loading.load(making[0].plan, erp.site)
        return told(making, "erpnext", erp.connect())


def from_odoo(making: Making) -> WarehouseBuilder:
    with company(making[1].mktemp("company"), empty=True) as erp:
        odoo_loading.load(making[0].plan, erp.database)
        return told(making, "odoo", erp.connect(page_size=10_000))


@pytest.fixture(scope="module", params=[from_erpnext, from_odoo])
def from_erp(request: pytest.FixtureRequest, making: Making) -> WarehouseBuilder:
    builder: WarehouseBuilder = request.param(making)
    return builder


def told(making: Making, kind: str, connector: Connector) -> WarehouseBuilder:
    box, folders, target, manifest = making
    builder = WarehouseBuilder(folder=folders.mktemp(kind), target=target, manifest=manifest)
    return built(builder, kind, connector, box.plan, CANONICAL, data_tests=False)


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_row_is_the_same_row(from_erp: WarehouseBuilder, from_tryton: WarehouseBuilder, entity: str) -> None:
    columns = ", ".join(sorted(from_tryton.rows(f"select * from ({ENTITIES[entity]}) limit 1")[0]))
    query = f"select {columns} from ({ENTITIES[entity]}) order by all"
    ours, theirs = from_erp.rows(query), from_tryton.rows(query)
    assert len(theirs) > MOST[entity]
    different = [pair for pair in zip(ours, theirs, strict=False) if pair[0] != pair[1]][:3]
    assert different == []
    assert len(ours) == len(theirs)
