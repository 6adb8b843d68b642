"""The files that people keep by hand, from the drop folder to the KPIs: the sandbox's folder, read by the real connector."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from connectors import files
from connectors.stream import Window, landed_key
from sandbox.company.plan import Plan
from sandbox.company.slips import quarantined, slips
from sandbox.company.story import write_plan
from sandbox.company.suggestions import followed
from sandbox.company.truth import over_budget
from sandbox.company.truth_people import people_kpis
from sandbox.drop import declaration, write_drop
from tests.dbt_project.test_kpi_layer import BUDGETS, COSTS, LAYER
from tests.dbt_project.warehouse_builder import Landed, WarehouseBuilder


@pytest.fixture(scope="module")
def plan() -> Plan:
    return write_plan(seed=7, size="small")


@pytest.fixture(scope="module")
def filed(
    plan: Plan, tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any, empty_warehouse: Path
) -> WarehouseBuilder:
    """A company of which only the drop folder is known."""
    folder = tmp_path_factory.mktemp("filed")
    company = WarehouseBuilder(folder=folder, target=dbt_target, manifest=dbt_manifest)
    shutil.copyfile(empty_warehouse, company.path)
    write_drop(plan, folder / "drop")
    connector = files.connect("drop", {"folder": str(folder / "drop"), "streams": declaration()}, home=folder)
    landed: dict[tuple[str, str], list[Landed]] = {}
    for stream in connector.streams():
        window = Window(start=None, end=datetime(2026, 11, 1, 2, 30, tzinfo=UTC))
        landed[("files", stream.name)] = [(landed_key(stream, record), record) for page in connector.read(stream, window) for record in page.records]
    company.land(landed, source="drop")
    # The USD rate that the ERP would bring; without it dollars are left out.
    company.build(" ".join(f"stg_files__{stream.name}+" for stream in connector.streams()))
    return company


def test_every_line_of_every_file_is_read_and_typed(filed: WarehouseBuilder, plan: Plan) -> None:
    for name, rows in plan.tables.items():
        stream = name.partition(".")[0]
        assert filed.value(f"select count(*) from stg_files__{stream}") == len(rows) + len(slips(plan).get(stream, ())), stream
    typed = {
        "targets": "effective_from, target",
        "budgets": "month, amount",
        "costs": "month, amount",
        "rosters": "starts_at, ends_at",
        "channel_days": "day, spend, visits",
        "sla_policies": "first_reply_minutes, resolution_minutes, pauses_on_pending",
        "training": "planned_on",
        "risks": "registered_on",
        "projects": "registered_on, starts_on, expected_effect",
        "procedures": "step",
        "suggestions": "submitted_on, submitter",
        "staff": "person, fte, is_core, starts_on",
        "sites": "square_metres, starts_on",
        "team_reviews": "reviewed_on, is_passed",
        "quality_reviews": "agent, reviewed_on, score",
        "surveys": "answered_on, score",
        "staffing": "handling_minutes, answer_share, answer_within_minutes",
        "stock_counts": "counted_on, on_hand",
    }
    for stream, columns in typed.items():
        for column in columns.split(", "):
            assert filed.value(f"select count(*) from stg_files__{stream} where {column} is null") == 0, f"{stream}.{column}"


def test_costs_from_a_german_spreadsheet_meet_their_budget_lines(filed: WarehouseBuilder) -> None:
    assert filed.value("select count(*) from int_costs where actual is not null and budget is null") == 0
    assert filed.value("select count(*) from int_costs where category like '%ß%' and actual is not null and budget is not null") > 0


def test_the_category_that_was_planted_over_budget_is_found_over_budget(filed: WarehouseBuilder, plan: Plan) -> None:
    truth = over_budget(plan)
    found = filed.rows(
        f"select segment, sum(numerator) / sum(denominator) as variance from kpis where kpi = 'budget_variance' and segment_type = 'category' "
        f"and period_start >= date '{truth['from']}' and value is not null group by segment"
    )
    assert {row["segment"]: row["variance"] for row in found} == pytest.approx(truth["variance_since_by_category"])
    assert max(found, key=lambda row: row["variance"])["segment"] == truth["category"]
    assert filed.value(f"select status from kpis where kpi = 'budget_variance' and segment = '{truth['category']}' and period_start = '2026-09-01'") == "off_target"


@pytest.mark.parametrize("kpi", ["team_review_pass_rate", "quality_score", "cross_team_satisfaction", "core_staff_retention"])
def test_what_the_registers_say_of_every_month_is_what_the_story_says(filed: WarehouseBuilder, plan: Plan, kpi: str) -> None:
    told = {
        (segment_type, segment, month): (figure["numerator"], figure["denominator"])
        for segment_type, segments in people_kpis(plan)[kpi].items() for segment, months in segments.items() for month, figure in months.items()
    }
    found = {
        (row["segment_type"], row["segment"], row["month"]): (row["numerator"], row["denominator"])
        for row in filed.rows(
            f"select *, strftime(period_start, '%Y-%m') as month from kpis where kpi = '{kpi}' and period_grain = 'month' and value is not null"
            f" and period_start >= date '{plan.starts_on}'")
    }
    assert len(told) > 60 and found == told


def test_each_line_of_the_target_file_holds_from_its_day_to_the_next(filed: WarehouseBuilder, plan: Plan) -> None:
    lines = plan.tables["targets.csv"]
    for line in lines:
        later = [other["effective_from"] for other in lines if _subject(other) == _subject(line) and str(other["effective_from"]) > str(line["effective_from"])]
        [row] = filed.rows(
            f"select target, warn_at, act_at, effective_until from int_targets where (kpi, segment_type, segment) = {_subject(line)!r} "
            f"and effective_from = date '{line['effective_from']}'"
        )
        assert (row["target"], row["warn_at"], row["act_at"]) == (line["target"], line["warn_at"], line["act_at"])
        assert str(row["effective_until"]) == str(min(later, default="9999-12-31"))


def _subject(line: dict[str, Any]) -> tuple[str, str, str]:
    return str(line["kpi"]), str(line["segment_type"]), str(line["segment"])


def test_spend_without_a_known_rate_is_left_out_and_its_visits_are_not(filed: WarehouseBuilder, plan: Plan) -> None:
    assert filed.value("select sum(visits) from int_channel_days") == sum(row.visits for row in plan.channel_days)
    assert filed.value("select count(*) from int_channel_days where channel = 'social' and spend is not null") == 0
    assert filed.value("select sum(spend) from int_channel_days where channel = 'email'") == pytest.approx(
        float(sum(row.spend for row in plan.channel_days if row.channel == "email"))
    )


def test_what_cannot_be_is_in_quarantine_and_nothing_else(filed: WarehouseBuilder, plan: Plan) -> None:
    found = filed.rows("select entity || '/' || reason as what, count(*) as rows from quarantine group by all")
    assert {row["what"]: row["rows"] for row in found} == quarantined(plan) != {}
    counted = filed.rows("select entity || '/' || reason as what, rows_quarantined, is_left_out, is_growing from quarantine_counts")
    assert {row["what"]: row["rows_quarantined"] for row in counted} == quarantined(plan)
    assert {(row["is_left_out"], row["is_growing"]) for row in counted} == {(True, False)}
    assert filed.value("select min(offending) from quarantine where entity = 'staff'") == "starts_on: 2025-09-01, ends_on: 2025-08-31"


def test_what_a_register_has_misspelled_is_in_quarantine_and_becomes_sound_again(running_company: WarehouseBuilder) -> None:
    """A month nobody can read and an amount in words; the row of before is corrected, so it goes from quarantine; the others were seen on the day they came."""
    select = f"{LAYER} stg_meridian__previous_quarantine+"
    good = {"unit": "Ops", "category": "rent", "currency": "EUR"}
    running_company.land({**BUDGETS, ("files", "costs"): [*COSTS["files", "costs"], ("bad1", {**good, "month": "2026-02-31", "amount": "100"})]}, source="drop")
    running_company.build(select, as_of="2026-10-29")
    asked = "select row_key, offending, is_left_out, first_seen_on::varchar as seen from quarantine order by 1"
    assert running_company.rows(asked) == [{"row_key": "bad1", "offending": "month: 2026-02-31", "is_left_out": False, "seen": None}]
    running_company.publish("kpis", "quarantine")
    running_company.land({("files", "costs"): [
        ("bad1", {**good, "month": "2026-02-28", "amount": "100"}), ("bad2", {**good, "month": "2026-03-01", "amount": "a hundred"})]}, source="drop")
    running_company.build(select, as_of="2026-10-30", data_version="v2")
    assert running_company.rows(asked) == [{"row_key": "bad2", "offending": "amount: a hundred", "is_left_out": False, "seen": "2026-10-30"}]
    running_company.publish("kpis", "quarantine")
    running_company.build(select, as_of="2026-10-31", data_version="v3")
    assert running_company.rows(asked) == [{"row_key": "bad2", "offending": "amount: a hundred", "is_left_out": False, "seen": "2026-10-30"}]
    assert running_company.value("select rows_new from quarantine_counts") == 1


def test_every_suggestion_is_as_far_as_the_register_says(filed: WarehouseBuilder, plan: Plan) -> None:
    told = followed(plan)
    found = filed.rows("select number, state, project, submitter from fct_suggestions")
    assert {row["number"]: row["state"] for row in found} == told["states"]
    assert {row["number"]: row["project"] for row in found if row["project"]} == told["projects"]
    assert {row["number"] for row in filed.rows("select split_part(work_key, ':', 2) as number from worklist_suggestions")} == set(told["waiting"]) != set()
    assert all(row["submitter"].endswith("@lantern-oak.example") for row in found), "our own people may be thanked"
