"""The sandbox company's tickets through staging, canonical models and KPIs, against the story's own account of them."""

from __future__ import annotations

from datetime import date, datetime
from functools import cache
from typing import Any

import pytest

from sandbox.company.known import as_known, end_of
from sandbox.company.plan import Plan
from sandbox.company.story import whole_world, write_plan
from sandbox.company.truth_service import service_kpis
from sandbox.company.truth_workforce import workforce_kpis
from tests.dbt_project.second_routes import unnoticed
from tests.dbt_project.service import helpdesk_records
from tests.dbt_project.warehouse_builder import PROJECT, WarehouseBuilder

SECOND_ROUTES = PROJECT / "tests/two_routes/service"
SERVICE = "+marts.kpis.service"
KPIS = (
    "first_response_minutes", "resolution_hours", "first_contact_resolution", "resolution_rate", "sla_attainment", "reopen_rate", "ticket_backlog", "csat",
    "reassignment_rate", "cross_team_resolution_hours", "staffing_gap", "workload_balance", "incident_on_time_rate",
)


@cache
def company_plan() -> Plan:
    return write_plan(seed=7, size="small")


def answers(builder: WarehouseBuilder, kpi: str) -> dict[tuple[str, str, str], float]:
    """(segment type, segment, month) → value, without the periods that have no data."""
    rows = builder.rows(f"""
        select segment_type, segment, strftime(period_start, '%Y-%m') as month, value from kpi_{kpi.removesuffix('_p90')}
        where kpi = '{kpi}' and period_grain = 'month' and value is not null
    """)
    return {(row["segment_type"], row["segment"], row["month"]): row["value"] for row in rows}


def told(figures: Any, field: str = "value") -> dict[tuple[str, str, str], float]:
    return {
        (segment_type, segment, month): each[field]
        for segment_type, segments in figures.items() for segment, months in segments.items() for month, each in months.items()
    }


def differences(builder: WarehouseBuilder, plan: Plan, now: datetime) -> dict[str, list[Any]]:
    truth = {**service_kpis(plan, now), **workforce_kpis(plan)}
    found: dict[str, list[Any]] = {}
    for kpi in KPIS:
        expected = told(truth[kpi])
        if kpi == "ticket_backlog":    # the story counts zero where the marts had nothing to count yet
            expected = {cell: value for cell, value in expected.items() if value}
        answered = {cell: value for cell, value in answers(builder, kpi).items() if cell[0] in truth[kpi] and (value or kpi != "ticket_backlog")}
        assert len(expected) > 10, kpi
        found[kpi] = [
            (cell, expected.get(cell), answered.get(cell))
            for cell in sorted({*expected, *answered})
            if cell not in expected or cell not in answered or abs(expected[cell] - answered[cell]) > 1e-6
        ]
    return found


HELPDESKS = {"zendesk": helpdesk_records.zendesk, "request_tracker": helpdesk_records.request_tracker}


@pytest.mark.parametrize("kind", list(HELPDESKS))
def test_the_marts_say_of_every_month_and_team_what_the_story_says(company: WarehouseBuilder, kind: str) -> None:
    plan = company_plan()
    company.tables |= helpdesk_records.calendar_tables(plan)
    company.land(helpdesk_records.agreements(plan), source="drop")
    company.land(HELPDESKS[kind](plan), source="helpdesk")
    company.build(SERVICE, as_of=str(plan.ends_on))
    assert company.value("select count(*) from fct_tickets") == len(plan.tickets)
    assert differences(company, plan, end_of(plan.ends_on, plan.time_zone)) == {kpi: [] for kpi in KPIS}
    for kpi in ("first_response_minutes", "resolution_hours"):
        truth = told(service_kpis(plan, end_of(plan.ends_on, plan.time_zone))[kpi], "p90")
        answered = answers(company, f"{kpi}_p90")
        assert {cell: round(answered[cell], 6) for cell in truth} == {cell: round(value, 6) for cell, value in truth.items()}
    # that of the workforce asks the table of all KPIs, which is not built here
    queries = company.data_test(" ".join(route.stem for route in SECOND_ROUTES.glob("*.sql") if "workforce" not in route.stem))
    assert len(queries) >= 9
    assert unnoticed(company.path, queries) == []


@pytest.mark.parametrize("kind", list(HELPDESKS))
def test_an_old_day_is_built_again_from_what_is_known_today(company: WarehouseBuilder, kind: str) -> None:
    today, day = company_plan(), date(2026, 3, 29)    # a Sunday on which the reporting zone's clock goes forward
    then = as_known(whole_world(seed=7, size="small"), day, today.deleted)
    company.tables |= helpdesk_records.calendar_tables(today)
    company.land(helpdesk_records.agreements(today), source="drop")
    company.land(HELPDESKS[kind](today), source="helpdesk")
    company.build(SERVICE, as_of=str(day))
    assert 100 < len(then.tickets) < len(today.tickets)
    assert company.value("select count(*) from fct_tickets") == len(then.tickets)
    assert differences(company, then, end_of(day, today.time_zone)) == {kpi: [] for kpi in KPIS}
