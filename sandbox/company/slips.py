"""Slips of the pen in the files that people keep: rows that cannot be as they are written, and that no number may follow."""

from __future__ import annotations

from datetime import date
from typing import Any

from sandbox.company.plan import Plan
from sandbox.company.planted import COMPANY


def slips(plan: Plan) -> dict[str, list[dict[str, object]]]:
    """File -> the rows with a slip that lie in it by the plan's last day, beside those of the plan."""
    left_before_they_came = ((date(2025, 9, 1), date(2025, 8, 31)), (date(2026, 3, 1), date(2025, 3, 31)))
    people: list[dict[str, Any]] = [
        {
            "person": f"typing.error{number}@lantern-oak.example", "team": plan.teams[number].name, "business_unit": COMPANY, "is_core": True, "fte": 1.0,
            "starts_on": starts_on, "ends_on": ends_on,
        }
        for number, (starts_on, ends_on) in enumerate(left_before_they_came)
    ]
    return {"staff": [row for row in people if row["starts_on"] <= plan.ends_on]}


def quarantined(plan: Plan) -> dict[str, int]:
    """"<entity>/<reason>" -> how many rows are to be found in quarantine."""
    return {f"{file}/ended_before_begun": len(rows) for file, rows in slips(plan).items() if rows}
