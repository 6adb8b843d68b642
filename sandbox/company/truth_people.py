"""The KPIs of staff, space, reviews, surveys and stock: 15, 19, 20, 36, 41, 42, 47 and 49. Definitions: see truth.py."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.company.measures import Figures, figure, month_end, month_of, months, ratios
from sandbox.company.plan import Plan
from sandbox.company.truth_commerce import Books

Rows = list[dict[str, Any]]


def people_kpis(plan: Plan) -> dict[str, Figures]:
    books = Books(plan)
    tables: dict[str, Rows] = plan.tables
    return {
        "team_review_pass_rate": ratios(
            ((month_of(row["reviewed_on"]), int(row["is_passed"]), 1, row["team"]) for row in tables["team_reviews.csv"]), "team"
        ),
        "quality_score": ratios(((month_of(row["reviewed_on"]), row["score"], 1, row["team"]) for row in tables["quality_reviews.csv"]), "team"),
        "cross_team_satisfaction": ratios(
            ((month_of(row["answered_on"]), int(row["score"] > 3), 1, f"{row['department']} → {row['about']}") for row in tables["surveys.csv"]), "pair"
        ),
        "core_staff_retention": core_staff_retention(plan),
        "stockout_rate": ratios(_item_days(plan), "warehouse"),
        "revenue_per_head": _per(_revenue(books, lambda order: plan.company), _means(plan, "staff.csv", "fte", "business_unit"), "business_unit"),
        "revenue_per_sqm": _per(_revenue(books, lambda order: order.warehouse), _means(plan, "sites.csv", "square_metres", "site"), "site"),
    }


def _is_there(row: dict[str, Any], day: date) -> bool:
    return row["starts_on"] <= day and (row["ends_on"] is None or day <= row["ends_on"])


def core_staff_retention(plan: Plan) -> Figures:
    """Looked at on the last day of each month and 365 days before it."""
    rows: Rows = plan.tables["staff.csv"]

    def counted() -> Iterator[tuple[str, int, int, str]]:
        for month in months(plan.starts_on, plan.ends_on):
            end = min(month_end(month), plan.ends_on)
            still = {row["person"] for row in rows if _is_there(row, end)}
            for row in rows:
                if row["is_core"] and _is_there(row, end - timedelta(days=365)):
                    yield month, int(row["person"] in still), 1, row["team"]

    return ratios(counted(), "team")


def _item_days(plan: Plan) -> Iterator[tuple[str, int, int, str]]:
    """Day by day: what somebody ordered on it and a warehouse was to send, and whether its last count was nothing."""
    zone = ZoneInfo(plan.time_zone)
    wanted = {(order.placed_at.astimezone(zone).date(), order.warehouse, line.product) for order in plan.orders for line in order.lines}
    counts: dict[tuple[str, str], list[tuple[date, int]]] = defaultdict(list)
    for row in plan.tables["stock_counts.csv"]:
        counts[str(row["warehouse"]), str(row["product"])].append((row["counted_on"], row["on_hand"]))  # type: ignore[arg-type]
    for day, warehouse, product in sorted(wanted):
        past = [(counted_on, pieces) for counted_on, pieces in counts[warehouse, product] if counted_on <= day]
        if past:
            yield month_of(day), int(max(past)[1] == 0), 1, warehouse


def _revenue(books: Books, place: Any) -> dict[str, dict[str, float]]:
    """Place → month → net revenue."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for order in books.plan.orders:
        entries = [(order.placed_at, books.net(order))]
        entries += [(order.cancelled_at, -books.net(order))] if order.cancelled_at else []
        entries += [(correction.at, -books.amount(order, correction.quantities, correction.at)) for correction in order.corrections]
        for at, amount in entries:
            found[place(order)][books.month(at)] += amount
    return found


def _means(plan: Plan, table: str, amount: str, place: str) -> dict[str, dict[str, float]]:
    """Place → month → what a register says was there on the mean of the month's days."""
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    day = plan.starts_on
    while day <= plan.ends_on:
        days = (min(month_end(month_of(day)), plan.ends_on) - day.replace(day=1)).days + 1
        for row in plan.tables[table]:
            if _is_there(row, day):
                found[str(row[place])][month_of(day)] += float(str(row[amount])) / days
        day += timedelta(days=1)
    return found


def _per(revenue: dict[str, dict[str, float]], there: dict[str, dict[str, float]], segment_type: str) -> Figures:
    every = sorted({month for by_month in there.values() for month in by_month})

    def of(places: list[str]) -> dict[str, Any]:
        return {
            month: figure(sum(revenue[place][month] for place in places), sum(there[place][month] for place in places), len(places)) for month in every
        }

    return {"all": {"all": of(sorted(there))}, segment_type: {place: of([place]) for place in sorted(there)}}


def efficiency_gain(kpis: dict[str, Figures], plan: Plan) -> Figures:
    """Of the months that are over, against the same ones of the year before."""
    lower = {"first_response_minutes", "order_cycle_hours", "resolution_hours"}

    def gains() -> Iterator[tuple[str, float, int, str]]:
        for kpi in (*lower, "order_throughput", "revenue_per_head"):
            values = {month: figure["value"] for month, figure in kpis[kpi]["all"]["all"].items() if month_end(month) <= plan.ends_on}
            for month, value in values.items():
                earlier = values.get(f"{int(month[:4]) - 1}{month[4:]}")
                if value is not None and earlier:
                    yield month, (earlier - value if kpi in lower else value - earlier) / earlier, 1, kpi

    return ratios(sorted(gains()), "kpi")
