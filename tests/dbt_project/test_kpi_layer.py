"""The KPI layer on a small company: targets, status, catalogue, scorecard and restatements as a reader meets them."""

from pathlib import Path

import pytest

from flows.reporting.completeness import line
from tests.dbt_project.warehouse_builder import WarehouseBuilder

COSTS = {
    ("files", "costs"): [
        {"id": month, "month": f"2026-{month:02d}-01", "unit": "shop", "category": "rent", "amount": "101" if month < 6 else "108", "currency": "EUR"}
        for month in range(1, 11)
    ]
}
BUDGETS = {
    ("files", "budgets"): [
        {"id": month, "month": f"2026-{month:02d}-01", "unit": "shop", "category": "rent", "amount": "100", "currency": "EUR"} for month in range(1, 13)
    ]
}
# What these files reach; everything else stays as it is, as in a night.
LAYER = "stg_files__costs+ stg_files__budgets+ stg_files__targets+ stg_meridian__stream_states+ stg_meridian__previous_kpis+"


def test_a_company_without_any_data_still_has_its_catalogue_and_a_scorecard_that_says_so(running_company: WarehouseBuilder) -> None:
    assert running_company.value("select count(*) from kpis") == 0
    assert running_company.rows("select distinct status, value from scorecard") == [{"status": "no_data", "value": None}]
    assert running_company.value("select count(*) from kpi_catalogue where title_en is null or title_zh is null or owner is null or unit is null") == 0
    assert running_company.value("select count(distinct kpi) from scorecard") == running_company.value("select count(*) from kpi_catalogue")


def test_a_past_period_is_judged_by_the_target_that_held_then(running_company: WarehouseBuilder) -> None:
    target = {
        "id": 1,
        "kpi": "budget_variance",
        "segment_type": "",
        "segment": "",
        "effective_from": "2026-08-01",
        "target": "0",
        "warn_at": "0.09",
        "act_at": "0.2",
    }
    running_company.land({**COSTS, **BUDGETS, ("files", "targets"): [target]})
    running_company.build(LAYER)
    statuses = running_company.rows(
        "select month(period_start) as month, status from kpis "
        "where kpi = 'budget_variance' and segment_type = 'all' and period_start >= '2026-05-01' order by 1"
    )
    assert [(row["month"], row["status"]) for row in statuses] == [
        (5, "on_target"),
        (6, "warning"),
        (7, "warning"),
        (8, "on_target"),
        (9, "on_target"),
        (10, "on_target"),
    ]
    assert running_company.value("select target_origin from kpi_catalogue where kpi = 'budget_variance'") == "file"


def test_a_late_cost_is_restated_once_and_the_same_build_again_says_the_same(running_company: WarehouseBuilder) -> None:
    running_company.land({**COSTS, **BUDGETS})
    running_company.build(LAYER)
    running_company.publish("kpis", "restatements")
    running_company.land({("files", "costs"): [("4", {**COSTS[("files", "costs")][3], "amount": "150"})]})
    seen = []
    for _ in range(2):
        running_company.build(LAYER, as_of="2026-11-01", data_version="v2")
        seen.append(running_company.rows("select * from restatements order by all"))
    assert seen[0] == seen[1]
    assert running_company.rows(
        "select period_start::varchar as month, old_value, new_value, reason from restatements where kpi = 'budget_variance' and segment_type = 'all'"
    ) == [{"month": "2026-04-01", "old_value": pytest.approx(0.01), "new_value": 0.5, "reason": "late or changed source data"}]

    running_company.publish("kpis", "restatements")
    running_company.build(LAYER, as_of="2026-11-02", data_version="v3")
    assert running_company.value("select count(*) from restatements where new_version = 'v3'") == 0
    assert running_company.rows("select * from restatements order by all") == seen[0], "what was restated once stays on record"


def test_a_version_published_before_a_column_existed_can_still_be_compared_with(running_company: WarehouseBuilder) -> None:
    running_company.land({**COSTS, **BUDGETS})
    running_company.build(LAYER)
    running_company.publish("kpis")
    old = running_company.folder / "old.parquet"
    with running_company.connection() as connection:
        connection.execute(
            f"copy (select * exclude (is_provisional, definition_revision) from '{running_company.previous}/kpis.parquet') to '{old}' (format parquet)"
        )
    old.rename(Path(str(running_company.previous)) / "kpis.parquet")
    running_company.build(LAYER, data_version="v2")
    assert running_company.value("select count(*) from restatements") == 0


def test_building_as_of_an_old_day_gives_what_was_known_of_that_day(running_company: WarehouseBuilder) -> None:
    running_company.land({**COSTS, **BUDGETS})
    running_company.build(LAYER, as_of="2026-06-15")
    assert running_company.value("select max(period_start)::varchar from kpis where kpi = 'budget_variance'") == "2026-06-01"
    assert running_company.value("select period_start::varchar from scorecard where kpi = 'budget_variance'") == "2026-05-01"
    early = running_company.rows("select * from kpis where not is_provisional order by all")
    running_company.build(LAYER, as_of="2026-10-31")
    later = running_company.rows("select kpis.* from kpis where period_end <= '2026-06-15' order by all")
    assert early == later


def test_a_stale_stream_marks_every_kpi_that_reads_it_and_no_other(running_company: WarehouseBuilder) -> None:
    running_company.tables = {
        "stream_states": [
            ("drop", "files", "costs", "2026-10-30 02:00:00", "2026-11-01 02:00:00", True, "the file was not delivered"),
            ("drop", "files", "rosters", "2026-11-01 02:00:00", "2026-11-01 02:00:00", False, None),
        ]
    }
    running_company.land({**COSTS, **BUDGETS})
    running_company.build(LAYER)
    assert running_company.value("select stale_reason from scorecard where kpi = 'budget_variance'") == "drop.costs: the file was not delivered"
    assert running_company.value("select kpi_count > 0 from source_freshness where stream = 'costs'") is True
    reads = running_company.rows("select kpi, bool_or(kind = 'files' and stream = 'costs') as reads_costs from int_kpi_sources group by kpi")
    marked = {row["kpi"] for row in running_company.rows("select kpi from scorecard where is_stale")}
    assert marked == {row["kpi"] for row in reads if row["reads_costs"]}


def test_every_comparison_with_a_source_is_published_and_the_last_of_each_stream_is_marked(running_company: WarehouseBuilder) -> None:
    def compared(day: str, part: str, missing: int | None, reason: str | None = None) -> tuple[object, ...]:
        held = None if missing is None else 10
        landed = None if missing is None else 10 - missing
        return ("desk", "zendesk", "tickets", day, part, "2026-10-23 02:00:00", "2026-10-30 02:00:00", None if reason else "keys", held, landed, missing, 0, 0,
                None if landed is None else landed / 10, reason, ["7", "9"][:missing or 0], 3, "2026-10-31 02:30:00")

    running_company.tables = {"stream_completeness": [
        compared("2026-10-29", "recent", None, "not read tonight"), compared("2026-10-30", "recent", 2), compared("2026-10-30", "older", 0)]}
    running_company.build("stg_meridian__stream_completeness+")
    assert running_company.rows(
        "select day::varchar as day, part, missing, figure, missing_keys, not_compared_because as why, is_latest from stream_completeness order by 1, 2"
    ) == [
        {"day": "2026-10-29", "part": "recent", "missing": None, "figure": None, "missing_keys": "", "why": "not read tonight", "is_latest": False},
        {"day": "2026-10-30", "part": "older", "missing": 0, "figure": 1.0, "missing_keys": "", "why": None, "is_latest": True},
        {"day": "2026-10-30", "part": "recent", "missing": 2, "figure": 0.8, "missing_keys": "7, 9", "why": None, "is_latest": True},
    ]
    with running_company.connection() as connection:
        connection.execute("use marts")
        assert line(connection) == "Completeness of what was read: 18 of 20 records compared with the sources (90.00 %); 2 of desk/tickets missing"
        assert line(connection, "zh-CN") == "读取完整度：与数据源比对 20 条，已落地 18 条（90.00 %）；desk/tickets 缺 2 条"


def test_a_line_taken_out_of_a_file_no_longer_counts(running_company: WarehouseBuilder) -> None:
    running_company.land({**COSTS, **BUDGETS})
    running_company.build(LAYER)
    running_company.land({("files", "costs"): [("10", None)]})
    running_company.build(LAYER)
    assert running_company.value("select value from kpis where kpi = 'budget_variance' and segment_type = 'all' and period_start = '2026-10-01'") is None
