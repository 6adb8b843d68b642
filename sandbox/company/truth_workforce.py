"""The KPIs of who was there for how much: 17 and 18. Definitions: see truth.py. Erlang C by the sum that defines it, Gini by the mean difference."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from datetime import date, datetime, timedelta
from functools import cache
from math import exp, factorial
from typing import Any
from zoneinfo import ZoneInfo

from sandbox.company.measures import BusinessHours, Figures, month_of, ratios
from sandbox.company.plan import Plan
from sandbox.company.truth_service import told
from sandbox.company.workforce import on_duty

WEEKS = 8


def workforce_kpis(plan: Plan) -> dict[str, Figures]:
    return {"staffing_gap": staffing_gap(plan), "workload_balance": ratios(_balances(plan), "team")}


@cache
def needed(contacts: float, handling: float, share: float, within: float) -> int:
    """People for whom at least `share` of so many contacts an hour, `handling` minutes each, waits no longer than `within` minutes."""
    load, agents = contacts * handling / 60, 0
    while True:
        if load == 0:
            return 0
        agents += 1
        if agents > load:
            all_busy = load**agents / factorial(agents) * agents / (agents - load)
            waits = all_busy / (sum(load**number / factorial(number) for number in range(agents)) + all_busy)
            if 1 - waits * exp(-(agents - load) * within / handling) >= share:
                return agents


def staffing_gap(plan: Plan) -> Figures:
    """Hour by hour of each staffed desk's calendar; hours open on the hour, and shifts begin on it."""
    zone = ZoneInfo(plan.time_zone)
    rows: list[tuple[Any, ...]] = []
    desks = {team.name: team for team in plan.teams}
    staffed = {str(promise["team"]) for promise in plan.tables["staffing.csv"]}
    first = min(ticket.created_at.astimezone(ZoneInfo(desks[ticket.team].time_zone)).date() for ticket in plan.tickets if ticket.team in staffed)
    for promise in plan.tables["staffing.csv"]:
        team = desks[str(promise["team"])]
        own = ZoneInfo(team.time_zone)
        hours = BusinessHours(next(calendar for calendar in plan.calendars if calendar.name == team.calendar))
        came: Counter[tuple[date, int]] = Counter()
        for ticket in plan.tickets:
            if ticket.team == team.name:
                at = ticket.created_at.astimezone(own)
                came[at.date(), at.hour] += 1
        there = on_duty(plan.tables["rosters.csv"], {team.name})
        day = first + timedelta(weeks=WEEKS)
        while day <= plan.ends_on + timedelta(days=1):
            for opens, closes in hours.spans(day):
                for hour in range(int(opens.timestamp()) // 3600, int(closes.timestamp()) // 3600):
                    at = datetime.fromtimestamp(hour * 3600, own)
                    counts_on = at.astimezone(zone).date()
                    if plan.starts_on <= counts_on <= plan.ends_on:
                        contacts = sum(came[day - timedelta(weeks=week + 1), at.hour] for week in range(WEEKS)) / WEEKS
                        people = needed(contacts, promise["handling_minutes"], promise["answer_share"], promise["answer_within_minutes"])
                        missing = max(0, people - len(there.get(hour, [])))
                        rows.append((month_of(counts_on), missing, 1, team.name, f"{at:%a %H}".lower()))
            day += timedelta(days=1)
    return ratios(rows, "team", "hour_of_week")


def _balances(plan: Plan) -> Iterator[tuple[str, float, int, str]]:
    zone = ZoneInfo(plan.time_zone)
    hours: dict[tuple[str, str, str], float] = defaultdict(float)
    for row in plan.tables["rosters.csv"]:
        starts_at, ends_at = row["starts_at"], row["ends_at"]
        day = starts_at.astimezone(zone).date()  # type: ignore[attr-defined]
        if day <= plan.ends_on:
            hours[month_of(day), str(row["team"]), str(row["agent"])] += (ends_at - starts_at).total_seconds() / 3600  # type: ignore[operator]
    solved: Counter[tuple[str, str]] = Counter()
    for ticket in plan.tickets:
        story, assigned = told(ticket), [event.value for event in ticket.events if event.kind == "assignee"]
        if story.resolved_at and assigned and assigned[-1]:
            solved[month_of(story.resolved_at.astimezone(zone).date()), assigned[-1]] += 1
    rates: dict[tuple[str, str], list[float]] = defaultdict(list)
    for (month, team, agent), worked in hours.items():
        rates[month, team].append(solved[month, agent] / worked)
    for (month, team), each in sorted(rates.items()):
        if len(each) > 1 and max(each) > 0:
            gini = sum(abs(one - other) for one in each for other in each) / (2 * len(each) * sum(each))
            yield month, (1 - gini) * len(each), len(each), team
