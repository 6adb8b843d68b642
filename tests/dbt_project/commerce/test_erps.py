"""The sandbox company, read from ERPNext or from Odoo, is the company read from Tryton, row by row in the canonical models that every KPI is made of; read
from Shopify it is the same as far as a shop knows it."""

from __future__ import annotations

from collections.abc import Collection
from decimal import Decimal

import pytest

from sandbox.erpnext import load as erpnext_loading
from sandbox.odoo import load as odoo_loading
from sandbox.shopify import load as shopify_loading
from tests.dbt_project.commerce.conftest import CANCELLED_ON, Making, told
from tests.dbt_project.warehouse_builder import WarehouseBuilder
from tests.sandbox.erpnext.erp import site
from tests.sandbox.odoo.erp import company
from tests.sandbox.shopify.store import store

# Every system has ids of its own; numbers of orders, of leads and of customers are the company's. Tryton keeps the names of campaigns in small letters.
# Who moved an order on is told by Tryton's log alone.
ENTITIES = {
    "orders": """
        select orders.* exclude (order_id, source_name, customer_id, campaign, placed_by, confirmed_by, picked_by, packed_by, shipped_by, delivered_by), lower(campaign) as campaign, customer_number
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
# What a shop cannot tell (connectors/shopify.py), amounts of another currency than its own among it: those are equal to the cent alone.
UNKNOWN_TO_A_SHOP = {
    "orders": {"currency", "exchange_rate", "gross_amount", "net_amount", "packed_at", "picked_at", "promise_moved_at", "promised_on", "status"},
    "order_lines": {"currency", "exchange_rate", "net_amount", "unit_price"}, "corrections": {"currency", "net_amount"}, "goods": set[str](),
    "customers": set[str](),
}
# Who was only ever a lead is no customer of a shop.
SHOPS_ENTITIES = {**ENTITIES, "customers": ENTITIES["customers"] + " semi join int_orders using (customer_id)"}
AMOUNTS = {
    "order_lines": "select order_number || product, lines.net_amount from int_order_lines as lines inner join int_orders using (order_id)",
    "corrections": "select order_number || corrected_at || reason, corrections.net_amount from int_order_corrections as corrections"
                   " left join int_orders using (order_id)",
}


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


@pytest.fixture(scope="module")
def from_shopify(making: Making) -> WarehouseBuilder:
    with store(making[1].mktemp("shop"), empty=True) as shop:
        shopify_loading.load(making[0].plan, shop.shop)
        return told(making, "shopify", shop.connect(), "+fct_orders +int_customers +int_products")


@pytest.mark.parametrize("entity", ENTITIES)
def test_every_row_is_the_same_row(from_erp: WarehouseBuilder, from_tryton: WarehouseBuilder, entity: str) -> None:
    assert_the_same(from_erp, from_tryton, ENTITIES[entity], MOST[entity])


@pytest.mark.parametrize("entity", UNKNOWN_TO_A_SHOP)
def test_every_row_of_a_shop_is_the_same_row(from_shopify: WarehouseBuilder, from_tryton: WarehouseBuilder, entity: str) -> None:
    assert_the_same(from_shopify, from_tryton, SHOPS_ENTITIES[entity], MOST[entity], UNKNOWN_TO_A_SHOP[entity])


@pytest.mark.parametrize("entity", AMOUNTS)
def test_amounts_that_shopify_converted_are_the_same_to_the_cent(from_shopify: WarehouseBuilder, from_tryton: WarehouseBuilder, entity: str) -> None:
    query = f"select * from ({AMOUNTS[entity]}) as amounts(named, net_amount)"
    ours, theirs = ({row["named"]: row["net_amount"] for row in one.rows(query)} for one in (from_shopify, from_tryton))
    assert len(theirs) > MOST[entity] and ours.keys() == theirs.keys()
    assert [named for named, amount in ours.items() if abs(amount - theirs[named]) > Decimal("0.01")] == []


def assert_the_same(ours: WarehouseBuilder, theirs: WarehouseBuilder, entity: str, most: int, without: Collection[str] = ()) -> None:
    """without: columns that the one of them cannot tell. most: the other has more rows than this."""
    columns = ", ".join(sorted(set(theirs.rows(f"select * from ({entity}) limit 1")[0]) - set(without)))
    query = f"select {columns} from ({entity}) order by all"
    told_by_us, told_by_them = ours.rows(query), theirs.rows(query)
    assert len(told_by_them) > most
    different = [pair for pair in zip(told_by_us, told_by_them, strict=False) if pair[0] != pair[1]][:3]
    assert different == []
    assert len(told_by_us) == len(told_by_them)
