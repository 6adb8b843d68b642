"""What people of the company suggest, in the register of suggestions, and how far each has come."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

from sandbox.company.plan import Plan
from sandbox.company.planted import REAL_PROJECT_FROM, SHAM_PROJECT_FROM

ANSWERED_WITHIN = 10     # days


def suggestions(projects: list[dict[str, object]]) -> list[dict[str, object]]:
    """One made each of the registered projects; of the others one was declined, one accepted and left lying, one waits too long and one has just come in."""
    waves, macros, photos = (str(row["project"]) for row in projects[:3])
    rows = (
        ("S-001", REAL_PROJECT_FROM - timedelta(days=75), 8, "yes", "Warehouse BER", "Pick the orders of a day in two waves", waves),
        ("S-002", SHAM_PROJECT_FROM - timedelta(days=50), 12, "yes", "Support EMEA", "Keep the answers that we write every day", macros),
        ("S-003", date(2026, 9, 2), 7, "yes", "Warehouse RNO", "Take a picture before the box is closed", photos),
        ("S-004", date(2026, 3, 16), 3, "no", "Support APAC", "Answer complaints by telephone only", None),
        ("S-005", date(2026, 8, 10), 9, "yes", "Billing", "Send invoices on the day of delivery", None),
        ("S-006", date(2026, 10, 12), None, None, "Warehouse SGP", "Put what is sold together on one shelf", None),
        ("S-007", date(2026, 10, 26), None, None, "Support AMER", "Tell customers before they ask where the parcel is", None),
    )
    return [
        {
            "suggestion": number, "submitted_on": submitted_on, "submitter": f"{number.lower()}@lantern-oak.example", "unit": unit, "subject": subject,
            "assessed_on": submitted_on + timedelta(days=days) if days else None, "decision": decision, "project": project,
        }
        for number, submitted_on, days, decision, unit, subject, project in rows
    ]


def as_of(rows: list[dict[str, Any]], day: date) -> list[dict[str, object]]:
    """The register at the end of the day: what was not decided yet has neither day nor decision."""
    known = []
    for row in rows:
        if row["submitted_on"] <= day:
            is_assessed = row["assessed_on"] is not None and row["assessed_on"] <= day
            known.append(row if is_assessed else {**row, "assessed_on": None, "decision": None, "project": None})
    return known


def followed(plan: Plan) -> dict[str, Any]:
    """How far each suggestion has come, as far as the registers say it; "registered" ones have a verdict where their project has.

    waiting: those that nobody answered in time.
    """
    registered_on: dict[Any, Any] = {row["project"]: row["registered_on"] for row in plan.tables["projects.csv"]}
    rows: list[dict[str, Any]] = plan.tables["suggestions.csv"]

    def state(row: dict[str, Any]) -> str:
        if row["project"] in registered_on and registered_on[row["project"]] <= plan.ends_on:
            return "registered"
        return "submitted" if row["assessed_on"] is None else "declined" if row["decision"] == "no" else "assessed"

    return {
        "states": {str(row["suggestion"]): state(row) for row in rows},
        "projects": {str(row["suggestion"]): row["project"] for row in rows if state(row) == "registered"},
        "waiting": [str(row["suggestion"]) for row in rows if row["assessed_on"] is None and (plan.ends_on - row["submitted_on"]).days > ANSWERED_WITHIN],
    }
