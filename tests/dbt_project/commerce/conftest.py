"""One tiny company a module: landed once, built once, asked many times."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors.stream import Connector, Window, landed_key
from sandbox.company.plan import Plan
from tests.dbt_project.warehouse_builder import WarehouseBuilder
from tests.sandbox.tryton.box import Box, small_company

Making = tuple[Box, pytest.TempPathFactory, Path, Any]
# Of a cancelled lead Tryton tells no more than the day.
CANCELLED_ON = "cast(({0} at time zone 'UTC') at time zone 'Europe/Berlin' as date)"
WHOLE = Window(start=None, end=datetime(2026, 11, 1, 2, 30, tzinfo=UTC))

COMMERCE = "path:models/intermediate/commerce path:models/marts/core/commerce path:models/marts/kpis/commerce path:tests/commerce path:tests/two_routes/commerce"
STAGED = (
    "path:models/staging/tryton path:models/staging/erpnext path:models/staging/hubspot path:models/staging/odoo path:models/staging/salesforce"
    " path:models/staging/shopify path:models/staging/online_retail path:models/staging/supplier_deliveries"
    " stg_meridian__new_batches resource_type:seed"
)
# What the commerce models stand on, tests of other domains left out.
SELECT = f"{STAGED} stg_files__channel_days int_channel_days {COMMERCE} built_order_corrections built_exchange_rates built_products__tryton"
# The canonical entities, what they are compared with the night after, and the mart that they ask for it.
CANONICAL = f"{STAGED} path:models/intermediate/commerce built_order_corrections built_exchange_rates built_products__tryton fct_orders"
CANONICAL_TESTS = "path:models/staging/erpnext,test_type:generic path:models/intermediate/commerce,test_type:generic"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    return WarehouseBuilder(folder=tmp_path_factory.mktemp("shop"), target=dbt_target, manifest=dbt_manifest)


def land(builder: WarehouseBuilder, kind: str, source: str, connector: Connector) -> None:
    builder.land(
        {
            (kind, stream.name): [(landed_key(stream, record), record) for page in connector.read(stream, WHOLE) for record in page.records]
            for stream in connector.streams()
        },
        source=source,
    )


def built(builder: WarehouseBuilder, kind: str, connector: Connector, plan: Plan, select: str = SELECT, **options: Any) -> WarehouseBuilder:
    """What one system tells of the plan's company, built."""
    land(builder, kind, "erp", connector)
    builder.build(select, as_of=plan.ends_on.isoformat(), time_zone=plan.time_zone, currency=plan.currency, **options)
    return builder


@pytest.fixture(scope="module")
def making(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> Making:
    return small_company(), tmp_path_factory, dbt_target, dbt_manifest


def told(making: Making, kind: str, connector: Connector, select: str = CANONICAL) -> WarehouseBuilder:
    """What a system that stands for Tryton tells of its company, in a warehouse of its own."""
    box, folders, target, manifest = making
    return built(WarehouseBuilder(folder=folders.mktemp(kind), target=target, manifest=manifest), kind, connector, box.plan, select, data_tests=False)


@pytest.fixture(scope="session")
def from_tryton(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    """The sandbox company as the real ERP tells it, which other systems have to tell alike."""
    box = small_company()
    return built(WarehouseBuilder(folder=tmp_path_factory.mktemp("tryton"), target=dbt_target, manifest=dbt_manifest), "tryton", box.connector(), box.plan)
