"""The sandbox company's tickets, kept as ERPNext's issues, beside the same tickets in Zendesk: what both systems know, they say alike."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from connectors.stream import Window, landed_key
from sandbox.erpnext import load_issues
from sandbox.erpnext import site as sites
from tests.dbt_project.commerce.conftest import land
from tests.dbt_project.service import helpdesk_records
from tests.dbt_project.service.merged import beside_zendesk, tickets
from tests.dbt_project.service.test_service_marts import company_plan
from tests.dbt_project.test_night_after_night import compare
from tests.dbt_project.warehouse_builder import WarehouseBuilder
from tests.sandbox.erpnext.erp import Running, site

# An issue is Open from the start, where Zendesk's ticket is new until somebody takes it, and what is closed behind its resolution is nothing new.
TICKETS = """
    select
        cast(cast(replace(source_ticket_id, 'ISS-T', '') as bigint) as varchar) as number, subject, channel, priority, created_priority, team, created_team,
        assignee, sla_policy, created_at, first_human_reply_at, human_reply_count, first_resolved_at, resolved_at, ended_at, reopened_at, reopen_count,
        case status when 'closed' then 'solved' when 'new' then 'open' else status end as status
    from int_tickets
    where source_name = '{}'
"""
HISTORY = """
    select distinct
        cast(cast(replace(headers.source_ticket_id, 'ISS-T', '') as bigint) as varchar) as number, events.event_at, events.event_kind, events.to_value,
        case when events.event_kind = 'public_reply' then events.actor_kind end as who
    from int_ticket_history as events
    inner join int_ticket_headers as headers using (ticket_id)
    where events.source_name = '{}' and events.event_kind in ('public_reply', 'status', 'team', 'priority')
        and events.to_value is distinct from 'closed' and (events.event_kind <> 'status' or events.from_value <> 'new')
    order by all
"""
PROMISES = """
    select cast(cast(replace(tickets.source_ticket_id, 'ISS-T', '') as bigint) as varchar) as number, slas.* exclude (ticket_id, ticket_sla_id)
    from fct_ticket_slas as slas
    inner join fct_tickets as tickets using (ticket_id)
    where tickets.source_name = '{}'
    order by all
"""


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    with site(tmp_path_factory.mktemp("site"), zone="Asia/Kolkata") as erp:
        load_issues.load(company_plan(), erp.site)
        return beside_zendesk(tmp_path_factory.mktemp("both"), dbt_target, dbt_manifest, "erpnext", "erp", erp.connect())


def test_every_issue_is_the_ticket_that_it_is_elsewhere(both: WarehouseBuilder) -> None:
    issues, others = tickets(both, TICKETS, "erp"), tickets(both, TICKETS, "helpdesk")
    assert len(issues) == len(company_plan().tickets)
    assert issues == others


def test_what_happened_to_an_issue_is_what_happened_to_the_ticket(both: WarehouseBuilder) -> None:
    ours = both.rows(HISTORY.format("erp"))
    assert len(ours) > 5_000
    assert ours == both.rows(HISTORY.format("helpdesk"))


def test_promises_are_kept_and_broken_alike(both: WarehouseBuilder) -> None:
    ours = both.rows(PROMISES.format("erp"))
    assert len(ours) > 1_000
    assert ours == both.rows(PROMISES.format("helpdesk"))


# ---- nights

NIGHTS = "+fct_tickets +fct_ticket_slas"
ASKED = ("issues", "communications", "versions")


def read_since(erp: Running, since: Any) -> dict[tuple[str, str], Sequence[tuple[str, Any]]]:
    """What a night lands of what changed since then, deletions as None."""
    connector = erp.connect()
    window = Window(start=since, end=erp.now())
    streams = [stream for stream in connector.streams() if stream.name in ASKED]
    pages = {stream: list(connector.read(stream, window)) for stream in streams}
    return {("erpnext", stream.name): [*((landed_key(stream, record), record) for page in found for record in page.records),
                                       *((key, None) for page in found for key in page.deleted)] for stream, found in pages.items()}


def test_nights_work_out_again_what_a_build_from_nothing_gives(tmp_path: Path, dbt_target: Path, dbt_manifest: Any) -> None:
    plan = company_plan()
    plan = replace(plan, tickets=plan.tickets[:120])
    nights = WarehouseBuilder(folder=tmp_path / "nights", target=dbt_target, manifest=dbt_manifest, tables=helpdesk_records.calendar_tables(plan))
    nights.folder.mkdir()
    nights.land(helpdesk_records.agreements(plan), source="drop")
    with site(tmp_path / "site") as erp:
        load_issues.load(plan, erp.site)
        land(nights, "erpnext", "erp", erp.connect())
        nights.build(NIGHTS, as_of=str(plan.ends_on), data_tests=False)
        done = [ticket.number for ticket in plan.tickets if ticket.events[-1].value == "closed"]
        assert len(done) > 50
        for number, night in enumerate((1, 2)):
            since = erp.now()
            erp.pass_time(hours=2)
            reopened, refused, gone = (f"ISS-{name}" for name in done[number * 3: number * 3 + 3])
            sites.communicate(erp.site, reopened, {"sent_or_received": "Received", "communication_medium": "Email", "sender": "c@example.org"}, at=erp.now())
            called = erp.create("Issue", status="Open", priority="High", subject="By telephone", custom_team="Support APAC", via_customer_portal=0)[0]
            erp.pass_time(minutes=30)
            erp.save("Issue", called, status="Replied", first_responded_on=erp.site.wall(erp.now()), custom_team="Billing", priority="Low")
            erp.save("Issue", refused, status="Open")
            erp.delete("Issue", gone)
            erp.pass_time(hours=21, minutes=30)
            nights.land(read_since(erp, since - timedelta(hours=1)), source="erp")
            nights.build(NIGHTS, as_of=str(plan.ends_on + timedelta(days=night)), data_tests=False)
    assert nights.rows(f"select status, team, created_team, created_priority, human_reply_count from fct_tickets where source_ticket_id = '{called}'") == [
        {"status": "pending", "team": "Billing", "created_team": "Support APAC", "created_priority": "high", "human_reply_count": 1}]
    assert nights.rows(f"select status, reopen_count > 0 as is_reopened from fct_tickets where source_ticket_id = '{reopened}'") == [{"status": "open", "is_reopened": True}]
    assert not nights.rows(f"select 1 from fct_tickets where source_ticket_id = '{gone}'")
    fresh = WarehouseBuilder(folder=tmp_path / "fresh", target=dbt_target, manifest=dbt_manifest, tables=nights.tables, batches=nights.batches)
    fresh.folder.mkdir()
    (fresh.folder / "landing").symlink_to(nights.folder / "landing")
    fresh.build(NIGHTS, as_of=str(plan.ends_on + timedelta(days=2)), data_tests=False)
    assert compare(nights, fresh, tmp_path) == []
