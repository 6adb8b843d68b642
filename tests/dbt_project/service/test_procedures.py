"""Procedures that say "at most once" and "by another person", on the tickets of the sandbox: every deviation against the story."""

from __future__ import annotations

import dataclasses
from collections import Counter
from typing import Any

from sandbox.company.plan import Ticket
from sandbox.company.story import write_plan
from tests.dbt_project.service import helpdesk_records
from tests.dbt_project.warehouse_builder import WarehouseBuilder

STEPS: list[dict[str, Any]] = [
    {"process": "ticket", "step": 1, "activity": "created"},
    {"process": "ticket", "step": 2, "activity": "answered"},
    {"process": "ticket", "step": 3, "activity": "solved", "must_follow": "created", "within_hours": "100000", "at_most_once": "Yes", "different_person": "answered"},
]
DONE = ("solved", "closed")


def solvers(ticket: Ticket) -> list[str | None]:
    """Who solved it, each time; None where it was no agent of ours."""
    found, was_done = [], False
    for event in ticket.events:
        if event.kind == "status":
            if event.value in DONE and not was_done:
                found.append(event.by if event.actor == "agent" else None)
            was_done = event.value in DONE
    return found


def first_answer(ticket: Ticket) -> str | None:
    return next((event.by for event in ticket.events if event.kind == "public_reply" and event.actor == "agent"), None)


def test_what_was_done_twice_or_by_one_where_two_must_is_found_and_nothing_else(company: WarehouseBuilder) -> None:
    plan = write_plan(seed=7, size="small")
    plan = dataclasses.replace(plan, tickets=plan.tickets[:400])
    company.tables |= helpdesk_records.calendar_tables(plan)
    company.land({**helpdesk_records.agreements(plan), ("files", "procedures"): [(str(step["step"]), step) for step in STEPS]}, source="drop")
    company.land(helpdesk_records.zendesk(plan), source="helpdesk")
    company.build("+process_deviations +kpi_process_compliance_rate", as_of=str(plan.ends_on), data_tests=False)

    found: dict[str, set[str]] = {"repeated": set(), "same_person": set(), "skipped": set()}
    for row in company.rows("select * from process_deviations where process = 'ticket'"):
        found[row["deviation"]].add(row["case_id"])
        assert (row["times"] is not None, row["person"] is not None) == (row["deviation"] == "repeated", row["deviation"] == "same_person")
    expected: dict[str, set[str]] = {"repeated": set(), "same_person": set(), "skipped": set()}
    for ticket in plan.tickets:
        case, solved = f"helpdesk:{helpdesk_records.number(ticket)}", solvers(ticket)
        if not solved:
            continue
        if len(solved) > 1:
            expected["repeated"].add(case)
        if first_answer(ticket) is None:
            expected["skipped"].add(case)
        elif first_answer(ticket) in solved:
            expected["same_person"].add(case)
    assert found == expected
    assert all(len(cases) > 3 for name, cases in expected.items() if name != "skipped"), Counter({name: len(cases) for name, cases in expected.items()})

    deviating = set().union(*expected.values())
    ended = sum(bool(solvers(ticket)) for ticket in plan.tickets)
    whole = "select sum(numerator) as kept, sum(denominator) as ended from kpi_process_compliance_rate where period_grain = 'month' and segment_type = "
    assert company.rows(whole + "'all'") == [{"kept": ended - len(deviating), "ended": ended}]
    # a step that deviates twice is one step
    assert company.rows(whole + "'node' and segment = 'ticket: solved'") == [
        {"kept": ended - len(expected["repeated"] | expected["same_person"]), "ended": ended}]
