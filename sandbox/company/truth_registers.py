"""The KPIs of complaints and of what people keep by hand: 9, 10, 11, 16, 21 and 45. Definitions: see truth.py."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.company.measures import BusinessHours, Figures, month_end, month_of, months, ratios, wall
from sandbox.company.plan import Plan
from sandbox.company.workforce import on_duty


def register_kpis(plan: Plan, now: datetime) -> dict[str, Figures]:
    return {
        "major_complaint_rate": ratios(_complaints_and_orders(plan), "region"),
        "complaint_on_time_rate": ratios(_judged(plan, now), "kind"),
        "dispute_resolution_rate": ratios(_closed(plan), "kind"),
        "coverage_rate": coverage_rate(plan),
        "training_completion": ratios(
            ((month_of(row["planned_on"]), int(bool(row["completed_on"])), 1, row["team"], row["course"]) for row in _planned(plan)), "team", "course"
        ),
        "risk_incidence_rate": ratios(_risks(plan), "category"),
    }


def _complaints_and_orders(plan: Plan) -> Iterator[tuple[str, int, int, str]]:
    zone = ZoneInfo(plan.time_zone)
    regions = {order.number: order.region for order in plan.orders}
    for complaint in plan.complaints:
        yield month_of(complaint.opened_at.astimezone(zone).date()), int(complaint.is_major), 0, regions[complaint.order]
    for order in plan.orders:
        yield month_of(order.placed_at.astimezone(zone).date()), 0, 1, order.region


def _judged(plan: Plan, now: datetime) -> Iterator[tuple[str, int, int, str]]:
    """Of those due by the end of the plan: handled by their limit or not."""
    zone = ZoneInfo(plan.time_zone)
    for complaint in plan.complaints:
        due_on = complaint.due_at.astimezone(zone).date()
        if due_on <= plan.ends_on:
            yield month_of(due_on), int(complaint.resolved_at is not None and complaint.resolved_at <= complaint.due_at), 1, complaint.kind


def _closed(plan: Plan) -> Iterator[tuple[str, int, int, str]]:
    for complaint in plan.complaints:
        if complaint.resolved_at:
            yield month_of(complaint.resolved_at.astimezone(ZoneInfo(plan.time_zone)).date()), int(complaint.is_agreed), 1, complaint.kind


def _planned(plan: Plan) -> list[dict[str, Any]]:
    return [row for row in plan.tables["training.csv"] if row["planned_on"] <= plan.ends_on]  # type: ignore[operator]


def _risks(plan: Plan) -> Iterator[tuple[str, int, int, str]]:
    rows: list[dict[str, Any]] = plan.tables["risks.xlsx"]
    for month in months(plan.starts_on, plan.ends_on):
        end: date = min(month_end(month), plan.ends_on)
        for row in rows:
            if row["registered_on"] <= end:
                yield month, int(row["materialised_on"] is not None and row["materialised_on"] <= end), 1, row["category"]


def coverage_rate(plan: Plan) -> Figures:
    """Hour by hour: every one of the company's, and those of a team that its calendar has open. Shifts and opening hours begin and end on the hour."""
    zone, rows = ZoneInfo(plan.time_zone), plan.tables["rosters.csv"]
    # a team's day may begin the day before, or end the day after
    days = [plan.starts_on + timedelta(days=number) for number in range(-1, (plan.ends_on - plan.starts_on).days + 2)]
    teams = {team.name: BusinessHours(next(one for one in plan.calendars if one.name == team.calendar)) for team in plan.teams}
    promised = {"all": [(wall(day, "00:00", zone), wall(day, "24:00", zone)) for day in days]}
    promised |= {name: [span for day in days for span in hours.spans(day)] for name, hours in teams.items()}
    counted: dict[str, list[tuple[str, float, float]]] = {}
    for scope, spans in promised.items():
        covered = on_duty(rows, set(teams) if scope == "all" else {scope})
        by_day: dict[date, list[int]] = {}
        for opens, closes in spans:
            for hour in range(int(opens.timestamp()) // 3600, int(closes.timestamp()) // 3600):
                day = datetime.fromtimestamp(hour * 3600, zone).date()
                by_day.setdefault(day, []).append(int(hour in covered))
        counted[scope] = [(month_of(day), float(sum(hours)), float(len(hours))) for day, hours in by_day.items()
                          if plan.starts_on <= day <= plan.ends_on]
    return {
        "all": ratios(counted.pop("all"))["all"],
        "team": {scope: ratios(found)["all"]["all"] for scope, found in counted.items()},
    }
