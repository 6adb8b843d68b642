"""The KPI layer on a small company: targets, status, catalogue, scorecard and restatements as a reader meets them."""

from pathlib import Path

import pytest

from tests.dbt_project.warehouse_builder import WarehouseBuilder

COSTS = {("files", "costs"): [
    {"id": month, "month": f"2026-{month:02d}-01", "unit": "shop", "category": "rent", "amount": "101" if month < 6 else "108", "currency": "EUR"}
    for month in range(1, 11)
]}
BUDGETS = {("files", "budgets"): [
    {"id": month, "month": f"2026-{month:02d}-01", "unit": "shop", "category": "rent", "amount": "100", "currency": "EUR"} for month in range(1, 13)
]}
LAYER = "+kpi_budget_variance +restatements +scorecard +kpi_catalogue +source_freshness"


def test_the_unit_tests_of_the_shared_models_hold(company: WarehouseBuilder) -> None:
    company.land({})
    company.build(LAYER, unit_tests=True)


def test_a_company_without_any_data_still_has_its_catalogue_and_a_scorecard_that_says_so(company: WarehouseBuilder) -> None:
    company.build(LAYER)
    assert company.value("select count(*) from kpis") == 0
    assert company.rows("select distinct status, value from scorecard") == [{"status": "no_data", "value": None}]
    assert company.value("select count(*) from kpi_catalogue where title_zh is null or owner is null") == 0


def test_a_past_period_is_judged_by_the_target_that_held_then(company: WarehouseBuilder) -> None:
    target = {"id": 1, "kpi": "budget_variance", "segment_type": "", "segment": "", "effective_from": "2026-08-01", "target": "0", "warn_at": "0.09", "act_at": "0.2"}
    company.land({**COSTS, **BUDGETS, ("files", "targets"): [target]})
    company.build(LAYER)
    statuses = company.rows(
        "select month(period_start) as month, status from kpis where kpi = 'budget_variance' and segment_type = 'all' and period_start >= '2026-05-01' order by 1")
    assert [(row["month"], row["status"]) for row in statuses] == [
        (5, "on_target"), (6, "warning"), (7, "warning"), (8, "on_target"), (9, "on_target"), (10, "on_target")]
    assert company.value("select target_origin from kpi_catalogue where kpi = 'budget_variance'") == "file"


def test_a_late_cost_is_restated_once_and_the_same_build_again_says_the_same(company: WarehouseBuilder) -> None:
    company.land({**COSTS, **BUDGETS})
    company.build(LAYER)
    company.publish("kpis", "restatements")
    company.land({("files", "costs"): [("4", {**COSTS[("files", "costs")][3], "amount": "150"})]})
    seen = []
    for _ in range(2):
        company.build(LAYER, as_of="2026-11-01", data_version="v2")
        seen.append(company.rows("select * from restatements order by all"))
    assert seen[0] == seen[1]
    assert company.rows("select period_start::varchar as month, old_value, new_value, reason from restatements where kpi = 'budget_variance' and segment_type = 'all'") == [
        {"month": "2026-04-01", "old_value": pytest.approx(0.01), "new_value": 0.5, "reason": "late or changed source data"}]

    company.publish("kpis", "restatements")
    company.build(LAYER, as_of="2026-11-02", data_version="v3")
    assert company.value("select count(*) from restatements where new_version = 'v3'") == 0
    assert company.rows("select * from restatements order by all") == seen[0], "what was restated once stays on record"


def test_a_version_published_before_a_column_existed_can_still_be_compared_with(company: WarehouseBuilder) -> None:
    company.land({**COSTS, **BUDGETS})
    company.build(LAYER)
    company.publish("kpis")
    old = company.folder / "old.parquet"
    with company.connection() as connection:
        connection.execute(f"copy (select * exclude (is_provisional, definition_revision) from '{company.previous}/kpis.parquet') to '{old}' (format parquet)")
    old.rename(Path(str(company.previous)) / "kpis.parquet")
    company.build(LAYER, data_version="v2")
    assert company.value("select count(*) from restatements") == 0


def test_building_as_of_an_old_day_gives_what_was_known_of_that_day(company: WarehouseBuilder) -> None:
    company.land({**COSTS, **BUDGETS})
    company.build(LAYER, as_of="2026-06-15")
    assert company.value("select max(period_start)::varchar from kpis where kpi = 'budget_variance'") == "2026-06-01"
    assert company.value("select period_start::varchar from scorecard where kpi = 'budget_variance'") == "2026-05-01"
    early = company.rows("select * from kpis where not is_provisional order by all")
    company.build(LAYER, as_of="2026-10-31")
    later = company.rows("select kpis.* from kpis where period_end <= '2026-06-15' order by all")
    assert early == later


def test_a_stale_stream_marks_every_kpi_that_reads_it_and_no_other(company: WarehouseBuilder) -> None:
    company.tables = {"stream_states": [
        ("drop", "files", "costs", "2026-10-30 02:00:00", "2026-11-01 02:00:00", True, "the file was not delivered"),
        ("drop", "files", "rosters", "2026-11-01 02:00:00", "2026-11-01 02:00:00", False, None),
    ]}
    company.land({**COSTS, **BUDGETS})
    company.build(LAYER)
    assert company.value("select stale_reason from scorecard where kpi = 'budget_variance'") == "drop.costs: the file was not delivered"
    assert company.value("select kpi_count > 0 from source_freshness where stream = 'costs'") is True
    reads = company.rows("select kpi, bool_or(kind = 'files' and stream = 'costs') as reads_costs from int_kpi_sources group by kpi")
    marked = {row["kpi"] for row in company.rows("select kpi from scorecard where is_stale")}
    assert marked == {row["kpi"] for row in reads if row["reads_costs"]}


def test_a_line_taken_out_of_a_file_no_longer_counts(company: WarehouseBuilder) -> None:
    company.land({**COSTS, **BUDGETS})
    company.build(LAYER)
    company.land({("files", "costs"): [("10", None)]})
    company.build(LAYER)
    assert company.value("select value from kpis where kpi = 'budget_variance' and segment_type = 'all' and period_start = '2026-10-01'") is None


def test_what_no_yaml_explains_stops_the_night(company: WarehouseBuilder) -> None:
    company.land({**COSTS, **BUDGETS})
    company.build(LAYER)
    with company.connection() as connection:
        assert connection.execute("select count(*) from marts.kpis as kpis anti join marts.kpi_catalogue as known using (kpi)").fetchone() == (0,)


def test_a_rebuild_gives_the_same_marts_as_the_nights_did(company: WarehouseBuilder) -> None:
    company.land({**COSTS, **BUDGETS})
    company.build(LAYER)
    company.land({("files", "costs"): [("4", {**COSTS[("files", "costs")][3], "amount": "150"}), ("9", None)]})
    company.build(LAYER)
    night_by_night = company.rows("select * from kpis order by all")
    company.build(LAYER, rebuild=True)
    assert company.rows("select * from kpis order by all") == night_by_night
