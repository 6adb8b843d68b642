"""The sandbox company's leads, read from HubSpot or from Salesforce, are the leads read from Tryton: row by row, and KPI by KPI."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.company.truth import truth
from sandbox.hubspot import load as hubspot_loading
from sandbox.salesforce import load as salesforce_loading
from tests.dbt_project.commerce.conftest import CANCELLED_ON, Making, told
from tests.dbt_project.commerce.test_truth import TOLERANCE, figures
from tests.dbt_project.warehouse_builder import WarehouseBuilder
from tests.sandbox.hubspot import crm as hubspot_crm
from tests.sandbox.salesforce import crm as salesforce_crm

KPIS = ("lead_conversion_rate", "win_rate")
SELECT = " ".join(f"+kpi_{kpi}" for kpi in KPIS) + " +fct_leads +int_lead_events +dim_customers"      # a CRM knows nothing of the rest
INSTANTS = ("converted_at", "offered_at", "won_at", "lost_at")


def from_hubspot(making: Making) -> WarehouseBuilder:
    with hubspot_crm.account(making[1].mktemp("account")) as crm:
        hubspot_loading.load(making[0].plan, crm.portal)
        return told(making, "hubspot", crm.connect(), SELECT)


def from_salesforce(making: Making) -> WarehouseBuilder:
    with salesforce_crm.account(making[1].mktemp("account")) as crm:
        salesforce_loading.load(making[0].plan, crm.org)
        return told(making, "salesforce", crm.connect(), SELECT)


@pytest.fixture(scope="module", params=[from_hubspot, from_salesforce])
def from_crm(request: pytest.FixtureRequest, making: Making) -> WarehouseBuilder:
    builder: WarehouseBuilder = request.param(making)
    return builder


def leads(builder: WarehouseBuilder) -> dict[str, dict[str, Any]]:
    """By number; without the ids, which are each system's own. Tryton keeps the names of campaigns in lower case."""
    rows = builder.rows(f"""
        select
            int_leads.lead_number, leads.created_at, {", ".join(f"leads.{instant}" for instant in INSTANTS)}, leads.stage, leads.owner, leads.channel,
            {CANCELLED_ON.format("leads.cancelled_at")} as cancelled_on,
            lower(leads.campaign) as campaign, leads.region, leads.lost_reason, leads.won_after_days, leads.amount, dim_customers.country
        from fct_leads as leads
        inner join int_leads using (lead_id)
        left join dim_customers on leads.customer_id = dim_customers.customer_id
    """)
    return {row["lead_number"]: row for row in rows}


def test_every_lead_is_the_same_lead(from_crm: WarehouseBuilder, from_tryton: WarehouseBuilder) -> None:
    ours, theirs = leads(from_crm), leads(from_tryton)
    assert len(theirs) > 300
    assert ours == theirs


def test_every_change_of_stage_is_the_same_change(from_crm: WarehouseBuilder, from_tryton: WarehouseBuilder) -> None:
    query = f"""
        select
            int_leads.lead_number, events.from_stage, events.to_stage,
            case when events.to_stage <> 'cancelled' then events.event_at else {CANCELLED_ON.format("events.event_at")} end as event_at
        from int_lead_events as events
        inner join int_leads using (lead_id)
        order by all
    """
    assert from_crm.rows(query) == from_tryton.rows(query)


@pytest.mark.parametrize("kpi", KPIS)
def test_a_kpi_of_leads_is_the_same_in_every_period_and_segment(from_crm: WarehouseBuilder, from_tryton: WarehouseBuilder, kpi: str) -> None:
    query = f"select * from kpi_{kpi} order by period_grain, period_start, segment_type, segment"
    rows = from_crm.rows(query)
    assert len(rows) > 100
    assert rows == from_tryton.rows(query)


@pytest.mark.parametrize("kpi", KPIS)
def test_a_kpi_of_leads_has_the_value_that_the_plan_gives(from_crm: WarehouseBuilder, making: Making, kpi: str) -> None:
    expected = dict(figures(truth(making[0].plan), kpi))
    rows = from_crm.rows(
        f"select segment_type, segment, strftime(period_start, '%Y-%m') as month, value from kpi_{kpi} where period_grain = 'month' and value is not null"
    )
    measured = {(row["segment_type"], row["segment"], row["month"]): row["value"] for row in rows}
    assert len(expected) >= 18
    assert {place: measured.get(place) for place in expected} == pytest.approx(expected, rel=TOLERANCE)
