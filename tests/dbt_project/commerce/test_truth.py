"""The sandbox company, read from a real Tryton and its drop folder, has the KPIs that plain Python counts from its plan."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from connectors import files
from sandbox import drop
from sandbox.company.truth import truth
from tests.dbt_project.commerce.conftest import SELECT, land
from tests.dbt_project.second_routes import unnoticed
from tests.dbt_project.warehouse_builder import WarehouseBuilder
from tests.sandbox.tryton.box import Box, small_company

ONE_MODEL = {
    "channel_roi_of_paid_channels": "channel_roi",
    "on_time_delivery_rate_first_promise": "on_time_delivery_rate",
    "order_line_throughput": "order_throughput",
    "sales_cycle_days_lost": "sales_cycle_days",
}
# Files tell amounts to the cent; the plan knows more digits of what foreign spend is worth.
TOLERANCE = 1e-4
KPIS = (
    "revenue",
    "sales_cycle_days",
    "sales_cycle_days_lost",
    "customer_growth",
    "order_throughput",
    "order_line_throughput",
    "average_order_value",
    "lead_conversion_rate",
    "win_rate",
    "repurchase_rate",
    "channel_roi",
    "channel_roi_of_paid_channels",
    "order_cycle_hours",
    "on_time_delivery_rate",
    "on_time_delivery_rate_first_promise",
    "order_error_rate",
    "manual_touch_rate",
    "supplier_late_rate",
    "supplier_lead_days",
    "stockout_rate",
    "revenue_per_head",
    "revenue_per_sqm",
)
WITH_REGISTERS = "stg_files__staff stg_files__sites stg_files__stock_counts kpi_stockout_rate kpi_revenue_per_head kpi_revenue_per_sqm"


@pytest.fixture(scope="module")
def box() -> Box:
    return small_company()


@pytest.fixture(scope="module")
def told(box: Box) -> dict[str, Any]:
    return truth(box.plan)


@pytest.fixture(scope="module")
def sandbox(box: Box, tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    builder = WarehouseBuilder(folder=tmp_path_factory.mktemp("sandbox"), target=dbt_target, manifest=dbt_manifest)
    land(builder, "tryton", "erp", box.connector())
    drop.write_drop(box.plan, builder.folder / "drop")
    land(builder, "files", "drop", files.connect("drop", {"folder": str(builder.folder / "drop"), "streams": drop.declaration()}, home=builder.folder))
    partner = "stg_files__partner_items stg_files__partner_orders worklist_orders_to_rekey shared_orders_to_rekey_two_routes"
    builder.build(f"{SELECT} {WITH_REGISTERS} {partner}", as_of=box.plan.ends_on.isoformat(), time_zone=box.plan.time_zone, currency=box.plan.currency)
    return builder


def figures(told: dict[str, Any], kpi: str) -> Iterator[tuple[tuple[str, str, str], float]]:
    for segment_type, segments in told["kpis"][kpi].items():
        for segment, months in segments.items():
            # the ERP keeps the names of channels and campaigns in lower case
            name = segment.lower() if segment_type in ("channel", "campaign") else segment
            for month, figure in months.items():
                if figure["value"] is not None:
                    yield (segment_type, name, month), figure["value"]


@pytest.mark.parametrize("kpi", KPIS)
def test_every_month_and_segment_has_the_value_that_the_plan_gives(sandbox: WarehouseBuilder, told: dict[str, Any], kpi: str) -> None:
    rows = sandbox.rows(
        f"select segment_type, segment, strftime(period_start, '%Y-%m') as month, value from kpi_{ONE_MODEL.get(kpi, kpi)}"
        f" where kpi = '{kpi}' and period_grain = 'month' and value is not null"
    )
    expected = dict(figures(told, kpi))
    measured = {(row["segment_type"], row["segment"], row["month"]): row["value"] for row in rows if row["segment_type"] in told["kpis"][kpi]}
    assert len(expected) >= 18
    assert sorted(expected.keys() ^ measured.keys()) == []
    wrong = {place: (measured[place], value) for place, value in expected.items() if measured[place] != pytest.approx(value, rel=TOLERANCE, abs=1e-9)}
    assert wrong == {}


def test_second_routes_notice_when_the_figures_of_a_kpi_are_one_more(sandbox: WarehouseBuilder) -> None:
    queries = sandbox.data_test("path:tests/two_routes/commerce")
    assert len(queries) >= 13
    assert unnoticed(sandbox.path, queries) == []


def test_the_planted_supplier_is_the_one_that_is_late(sandbox: WarehouseBuilder, told: dict[str, Any]) -> None:
    rows = sandbox.rows("""
        select suppliers.supplier_number, kpi.value
        from kpi_supplier_late_rate as kpi
        inner join dim_suppliers as suppliers on kpi.segment = suppliers.supplier
        where kpi.period_grain = 'day' and kpi.segment_type = 'supplier' and kpi.period_start = date '2026-10-31' and kpi.value > 0.10
    """)
    assert [row["supplier_number"] for row in rows] == [told["planted"]["late_supplier"]["supplier"]]


def test_the_planted_channel_is_the_one_that_loses(sandbox: WarehouseBuilder, told: dict[str, Any]) -> None:
    rows = sandbox.rows("""
        select segment, sum(numerator) / sum(denominator) as roi
        from kpi_channel_roi
        where kpi = 'channel_roi' and period_grain = 'month' and segment_type = 'channel'
        group by segment
        having sum(denominator) > 0
    """)
    found = {row["segment"]: row["roi"] for row in rows}
    assert found == pytest.approx(told["planted"]["losing_channel"]["roi_by_channel"], rel=TOLERANCE)
    assert [channel for channel, roi in found.items() if roi < 1] == [told["planted"]["losing_channel"]["channel"]]


def test_every_order_of_the_plan_arrives_as_one(sandbox: WarehouseBuilder, told: dict[str, Any]) -> None:
    assert sandbox.value("select count(*) from fct_orders") == told["counts"]["orders"]
    assert sandbox.value("select count(*) from fct_order_lines") == told["counts"]["order_lines"]
    assert sandbox.value("select count(*) from fct_leads") == told["counts"]["leads"]
    assert sandbox.value("select count(*) from int_complaints") == told["counts"]["complaints"]


def test_what_the_partners_portal_lacks_is_what_is_to_be_typed_in(sandbox: WarehouseBuilder, told: dict[str, Any]) -> None:
    rows = sandbox.rows("select reference, customer_number, cast(requested_on as varchar) as requested_on, lines from worklist_orders_to_rekey order by reference")
    assert [{**row, "lines": [(line["item"], int(line["pieces"])) for line in json.loads(row["lines"])]} for row in rows] == [
        {"reference": one["reference"], "customer_number": one["customer"], "requested_on": one["requested_on"], "lines": sorted(map(tuple, one["lines"]))}
        for one in told["planted"]["orders_to_rekey"]] and rows
