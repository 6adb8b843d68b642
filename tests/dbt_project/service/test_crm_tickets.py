"""The sandbox company's tickets, kept in HubSpot and in Odoo's helpdesk, beside the same tickets in Zendesk: what both systems know, they say alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.hubspot import load as hubspot_loading
from sandbox.hubspot import tickets as hubspot_tickets
from sandbox.odoo import helpdesk as odoo_tickets
from sandbox.odoo import load as odoo_loading
from tests.dbt_project.service.merged import beside_zendesk, tickets
from tests.dbt_project.service.test_service_marts import company_plan
from tests.dbt_project.warehouse_builder import WarehouseBuilder
from tests.sandbox.hubspot import crm as hubspot_crm
from tests.sandbox.odoo import erp as odoo_erp

# Zendesk closes some days later what it solved; a stage that ends a ticket is one.
SHARED = """subject, priority, created_at, first_human_reply_at, first_resolved_at, resolved_at, ended_at, reopened_at, reopen_count,
    case when status = 'closed' then 'solved' else status end as status"""
TICKETS = """
    select cast({number} as varchar) as number, {shared}
    from int_tickets
    where source_name = '{{}}'
"""
HISTORY = """
    select cast(cast({number} as bigint) as varchar) as number, events.event_at, events.event_kind, events.to_value
    from int_ticket_history as events
    inner join int_ticket_headers as headers using (ticket_id)
    where events.source_name = '{source}' and events.event_kind in ({kinds}) and events.to_value is distinct from 'closed'
    order by all
"""
NUMBER = "cast(source_ticket_id as bigint)"


@pytest.fixture(scope="module")
def hubspot(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    with hubspot_crm.account(tmp_path_factory.mktemp("account")) as crm:
        hubspot_loading.load(company_plan(), crm.portal)
        hubspot_tickets.bring(company_plan(), crm.portal)
        return beside_zendesk(tmp_path_factory.mktemp("hubspot"), dbt_target, dbt_manifest, "hubspot", "crm", crm.connect())


@pytest.fixture(scope="module")
def odoo(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    with odoo_erp.company(tmp_path_factory.mktemp("odoo"), empty=True) as erp:
        odoo_loading.load(company_plan(), erp.database)
        odoo_tickets.bring(company_plan(), erp.database)
        return beside_zendesk(tmp_path_factory.mktemp("helpdesk"), dbt_target, dbt_manifest, "odoo", "erp", erp.connect())


def test_every_ticket_of_hubspot_is_the_ticket_that_it_is_elsewhere(hubspot: WarehouseBuilder) -> None:
    shared = SHARED + ", channel, created_priority"
    ours = tickets(hubspot, TICKETS.format(number=f"{NUMBER} - {hubspot_tickets.TICKETS}", shared=shared), "crm")
    theirs = tickets(hubspot, TICKETS.format(number=NUMBER, shared=shared), "helpdesk")
    assert len(ours) == len(company_plan().tickets)
    assert ours == theirs
    # whose it is says which team it is with
    teams = hubspot.rows("select assignee, any_value(team) as team, count(distinct team) as teams from int_tickets where source_name = 'crm' and assignee is not null group by 1")
    assert {row["assignee"]: row["team"] for row in teams} == {agent.email: agent.team for agent in company_plan().agents if agent.email in {row["assignee"] for row in teams}}
    assert {row["teams"] for row in teams} == {1}


def test_what_happened_to_a_ticket_of_hubspot_is_what_happened_elsewhere(hubspot: WarehouseBuilder) -> None:
    kinds = "'status', 'priority'"
    ours = hubspot.rows(HISTORY.format(number=f"headers.source_ticket_id::bigint - {hubspot_tickets.TICKETS}", source="crm", kinds=kinds))
    assert len(ours) > 3_000
    assert ours == hubspot.rows(HISTORY.format(number="headers.source_ticket_id", source="helpdesk", kinds=kinds))


def test_every_ticket_of_odoo_is_the_ticket_that_it_is_elsewhere(odoo: WarehouseBuilder) -> None:
    shared = SHARED + ", team, created_team, human_reply_count, case when channel = 'email' then channel end as channel"
    ours = tickets(odoo, TICKETS.format(number=NUMBER, shared=shared), "erp")
    assert len(ours) == len(company_plan().tickets)
    assert ours == tickets(odoo, TICKETS.format(number=NUMBER, shared=shared), "helpdesk")


def test_what_happened_to_a_ticket_of_odoo_is_what_happened_elsewhere(odoo: WarehouseBuilder) -> None:
    kinds, number = "'status', 'team', 'public_reply', 'private_note'", "headers.source_ticket_id"
    ours = odoo.rows(HISTORY.format(number=number, source="erp", kinds=kinds))
    assert len(ours) > 5_000
    assert ours == odoo.rows(HISTORY.format(number=number, source="helpdesk", kinds=kinds))
