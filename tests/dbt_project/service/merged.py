"""The sandbox company's tickets twice in one warehouse, as after a merger: in Zendesk, and in another system."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from connectors.stream import Connector
from tests.dbt_project.commerce.conftest import land
from tests.dbt_project.service import helpdesk_records
from tests.dbt_project.service.test_service_marts import SERVICE, company_plan
from tests.dbt_project.warehouse_builder import WarehouseBuilder


def beside_zendesk(folder: Path, target: Path, manifest: Any, kind: str, source: str, connector: Connector) -> WarehouseBuilder:
    """connector: to the other system, with the whole plan in it."""
    plan = company_plan()
    builder = WarehouseBuilder(folder=folder, target=target, manifest=manifest)
    builder.tables |= helpdesk_records.calendar_tables(plan)
    builder.land(helpdesk_records.agreements(plan), source="drop")
    builder.land(helpdesk_records.zendesk(plan), source="helpdesk")
    land(builder, kind, source, connector)
    builder.build(SERVICE, as_of=str(plan.ends_on))
    return builder


def tickets(builder: WarehouseBuilder, query: str, source: str) -> dict[str, dict[str, Any]]:
    """The rows of `query` about a source, by their number."""
    return {row["number"]: row for row in builder.rows(query.format(source))}
