"""The data tests that guard the KPIs each night: each notices the fault it is there for, and nothing else."""

import shutil
from pathlib import Path
from typing import Any

import pytest

from flows.store import warehouse
from tests.dbt_project.test_kpi_layer import BUDGETS, COSTS, LAYER
from tests.dbt_project.warehouse_builder import WarehouseBuilder

GUARDS = "test_type:singular,shared_* kpis,test_type:generic"
APRIL = "where kpi = 'budget_variance' and period_start = '2026-04-01'"
ONE_TOO_MANY = (
    "insert into marts.kpis (kpi, period_grain, period_start, segment_type, segment, numerator, denominator) values ('{}', 'month', '2026-10-01', 'all', 'all', 1, 1)")
FAULTS = {
    "shared_kpi_periods_have_no_gaps": f"delete from marts.kpis {APRIL} and segment = 'rent'",
    "shared_kpis_add_up": f"update marts.kpis set numerator = numerator + 1 {APRIL} and segment = 'all'",
    "shared_kpis_are_all_defined": "update marts.kpis set kpi = 'budget_varience' where kpi = 'budget_variance'",
    "shared_kpis_defined_have_rows": "insert into intermediate.int_kpi_definitions (kpi, model) values ('budget_varience', 'kpi_budget_variance')",
    "shared_goal_attainment_two_routes": f"update marts.kpis set is_met = not is_met {APRIL} and segment = 'all'",
    "shared_budget_variance_two_routes": "update intermediate.int_costs set actual = actual + 1 where month = '2026-04-01'",
    "shared_drivers_leave_no_rest": (
        "insert into marts.kpi_drivers (kpi, period_grain, period_start, compared_with, split_by, change, contribution, value, earlier_value) "
        "values ('budget_variance', 'month', '2026-05-01', 'previous', 'guess', 5, 4.9, 10, 5)"),
    "shared_reviews_two_routes": "insert into staging.stg_files__surveys (answered_on, score, is_deleted) values ('2026-06-20', 5, false)",
    "shared_staff_two_routes": "insert into staging.stg_files__staff (person, is_core, starts_on, is_deleted) values ('somebody', true, '2020-01-01', false)",
    "shared_revenue_per_head_and_space_two_routes": ONE_TOO_MANY.format("revenue_per_sqm"),
    "shared_stockouts_two_routes": ONE_TOO_MANY.format("stockout_rate"),
    "shared_quarantine_two_routes": "insert into intermediate.int_orders__stated (order_id, placed_at) values ('erp:1', timestamp '2026-06-20 09:00:00')",
    "shared_efficiency_gain_two_routes": (
        "insert into marts.kpis (kpi, period_grain, period_start, period_end, segment_type, segment, value) select 'order_cycle_hours', 'month', month, month, 'all', 'all', 5 "
        "from (select unnest(generate_series(date '2025-01-01', date '2026-05-01', interval 1 month))::date as month)"),
    "kpis_hold_together": "update marts.kpis set status = 'on_target' where value is null",
    "primary_key_kpis_kpi__period_grain__period_start__segment_type__segment": (f"insert into marts.kpis select * from marts.kpis {APRIL} and segment = 'all'"),
}


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any, empty_warehouse: Path) -> tuple[WarehouseBuilder, dict[str, str]]:
    """A company whose guards are all content, and the SQL of each guard."""
    company = WarehouseBuilder(folder=tmp_path_factory.mktemp("guards"), target=dbt_target, manifest=dbt_manifest)
    shutil.copyfile(empty_warehouse, company.path)
    # A month without cost, so that there is a period without a value.
    company.land({("files", "costs"): [cost for cost in COSTS[("files", "costs")] if cost["id"] != 8], **BUDGETS})
    company.build(LAYER)
    return company, company.data_test(GUARDS)


@pytest.mark.parametrize(("guard", "fault"), FAULTS.items(), ids=FAULTS)
def test_a_fault_is_noticed_by_the_guard_that_is_there_for_it(guarded: tuple[WarehouseBuilder, dict[str, str]], guard: str, fault: str) -> None:
    company, queries = guarded
    [query] = [query for name, query in queries.items() if name.startswith(guard)]
    with warehouse.connect(company.path) as connection:
        connection.execute("begin")
        assert connection.execute(query).fetchall() == []
        connection.execute(fault)
        assert connection.execute(query).fetchall() != []
        connection.execute("rollback")


def test_there_is_a_fault_for_every_shared_guard() -> None:
    guards = {path.stem for path in (Path(__file__).parents[2] / "dbt_project" / "tests").glob("shared_*.sql")}
    assert guards <= set(FAULTS)
