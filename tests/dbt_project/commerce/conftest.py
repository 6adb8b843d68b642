"""One tiny company a module: landed once, built once, asked many times."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.warehouse_builder import WarehouseBuilder

COMMERCE = "path:models/intermediate/commerce path:models/marts/core/commerce path:models/marts/kpis/commerce path:tests/commerce path:tests/two_routes/commerce"
# What the commerce models stand on, tests of other domains left out.
SELECT = (
    "path:models/staging/tryton path:models/staging/erpnext path:models/staging/hubspot path:models/staging/online_retail path:models/staging/supplier_deliveries"
    f" stg_meridian__new_batches stg_files__channel_days int_channel_days resource_type:seed {COMMERCE}"
    " built_order_corrections built_exchange_rates built_products__tryton"
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    return WarehouseBuilder(folder=tmp_path_factory.mktemp("shop"), target=dbt_target, manifest=dbt_manifest)
