"""The sandbox company's tickets, kept as Salesforce's cases, beside the same tickets in Zendesk: what both systems know, they say alike."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sandbox.salesforce import load as loading
from tests.dbt_project.service.merged import beside_zendesk, tickets
from tests.dbt_project.service.test_service_marts import company_plan
from tests.dbt_project.warehouse_builder import WarehouseBuilder
from tests.sandbox.salesforce.crm import account

# A case ends in one status, where Zendesk closes ten days later what it solved; and what goes back to a queue has no assignee until somebody takes it.
TICKETS = """
    select
        cast(cast(replace(source_ticket_id, 'T', '') as bigint) as varchar) as number, subject, channel, priority, created_priority, team, created_team, created_at,
        first_human_reply_at, human_reply_count, first_resolved_at, resolved_at, ended_at, reopened_at, reopen_count,
        case when status = 'closed' then 'solved' else status end as status
    from int_tickets
    where source_name = '{}'
"""
HISTORY = """
    select distinct cast(cast(headers.source_ticket_id as bigint) as varchar) as number, events.event_at, events.event_kind, events.to_value
    from int_ticket_history as events
    inner join int_ticket_headers as headers using (ticket_id)
    where events.source_name = '{}' and events.event_kind in ('public_reply', 'private_note', 'status', 'team', 'priority') and events.to_value is distinct from 'closed'
    order by all
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    with account(tmp_path_factory.mktemp("account")) as crm:
        loading.load(company_plan(), crm.org)
        return beside_zendesk(tmp_path_factory.mktemp("both"), dbt_target, dbt_manifest, "salesforce", "crm", crm.connect())


def test_every_case_is_the_ticket_that_it_is_elsewhere(both: WarehouseBuilder) -> None:
    cases, others = tickets(both, TICKETS, "crm"), tickets(both, TICKETS, "helpdesk")
    assert len(cases) == len(company_plan().tickets)
    assert cases == others


def test_what_happened_to_a_case_is_what_happened_to_the_ticket(both: WarehouseBuilder) -> None:
    ours = both.rows(HISTORY.format("crm"))
    assert len(ours) > 5_000
    assert ours == both.rows(HISTORY.format("helpdesk"))
