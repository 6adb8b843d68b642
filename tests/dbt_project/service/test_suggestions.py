"""A suggestion that somebody makes in the helpdesk is followed as one, and is no customer's ticket."""

from __future__ import annotations

import dataclasses
from typing import Any

from sandbox.company.story import write_plan
from tests.dbt_project.service import helpdesk_records
from tests.dbt_project.warehouse_builder import WarehouseBuilder


def test_a_ticket_of_an_agreed_queue_or_tag_is_a_suggestion(company: WarehouseBuilder) -> None:
    plan = write_plan(seed=7, size="small")
    plan = dataclasses.replace(plan, tickets=plan.tickets[:40])
    records: dict[tuple[str, str], list[Any]] = {stream: list(rows) for stream, rows in helpdesk_records.zendesk(plan).items()}
    tickets = records["zendesk", "tickets"]
    queue = next(group for group in records["zendesk", "groups"] if group["id"] == int(tickets[0]["group_id"]))["name"]
    tagged = next(ticket for ticket in tickets if ticket["group_id"] != tickets[0]["group_id"])
    tagged["tags"] = [*tagged["tags"], "Kaizen"]
    suggested = {f"helpdesk:{ticket['id']}" for ticket in tickets if ticket["group_id"] == tickets[0]["group_id"]} | {f"helpdesk:{tagged['id']}"}
    company.tables |= helpdesk_records.calendar_tables(plan)
    company.land(helpdesk_records.agreements(plan), source="drop")
    company.land(records, source="helpdesk")
    company.build("+marts.kpis.service +int_suggestions", as_of=str(plan.ends_on), data_tests=False, suggestions=f"{queue.upper()}\nkaizen")

    found = {row["suggestion_id"]: row for row in company.rows("select * from int_suggestions")}
    assert found.keys() == suggested and 1 < len(suggested) < len(tickets)
    assert {row["ticket_id"] for row in company.rows("select ticket_id from fct_tickets")} == {f"helpdesk:{ticket['id']}" for ticket in tickets} - suggested
    one = found[f"helpdesk:{tagged['id']}"]
    [told] = [ticket for ticket in plan.tickets if helpdesk_records.number(ticket) == tagged["id"]]
    looked_at = [event.at for event in told.events if (event.kind == "public_reply" and event.actor == "agent") or (event.kind == "status" and event.value != "new")]
    days = company.rows(f"select (timestamptz '{min(looked_at).isoformat()}' at time zone 'Europe/Berlin')::date as day")
    assert (one["submitted_through"], one["assessed_on"], one["number"]) == ("ticket", days[0]["day"], str(tagged["id"]))
