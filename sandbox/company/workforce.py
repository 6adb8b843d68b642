"""Who is on duty when: support around the clock but for one weekly shift, the other teams on working days; and training."""

from __future__ import annotations

from datetime import date, timedelta
from random import Random

from sandbox.company.hours import WEEKDAYS, days_between, instant_of, local_instant, merged, seconds_of
from sandbox.company.plan import Agent, Team
from sandbox.company.planted import STARTS_ON, UNCOVERED_TEAM, UNCOVERED_WEEKDAY, WORLD_ENDS_ON

# Local hours of a team's one shift. The four support teams hand over around the globe and overlap by at least an hour under every
# combination of summer times; without Singapore's Sunday nobody is there between Auckland's evening and Berlin's morning.
SHIFTS = {
    "Support EMEA": ("09:00", "18:00"),
    "Support APAC": ("09:00", "18:00"),
    "Support AMER": ("08:00", "17:00"),
    "Support Pacific": ("08:00", "16:00"),
    "Billing": ("09:00", "17:00"),
    "Warehouse desk": ("08:00", "16:00"),
    "Quality": ("09:00", "17:00"),
    "Sales": ("09:00", "18:00"),
}
_COURSES = ("Returns and refunds", "Product safety", "Writing to customers", "Data protection")


def employed(agent: Agent, day: date) -> bool:
    return agent.hired_on <= day and (agent.left_on is None or day < agent.left_on)


def _off(index: int, heads: int, day: date) -> bool:
    """Two days off a week in a row; they wander by one day a week so that weekends are shared fairly."""
    week = (day - date(2025, 4, 28)).days // 7
    start = (index * 2 + week) % 7
    return (day.weekday() - start) % 7 in (0, 1)


def rosters(teams: tuple[Team, ...], agents: tuple[Agent, ...], random: Random) -> list[dict[str, object]]:
    """One row per shift of one agent: agent, team, time_zone, starts_at, ends_at (ISO with the local offset), from the first Monday to the world's end."""
    rows: list[dict[str, object]] = []
    for day in days_between(STARTS_ON - timedelta(days=STARTS_ON.weekday()), WORLD_ENDS_ON):
        weekday = WEEKDAYS[day.weekday()]
        for team in teams:
            crew = [agent for agent in agents if agent.team == team.name]
            if team.name == UNCOVERED_TEAM and weekday == UNCOVERED_WEEKDAY:
                continue
            if team.department == "service":
                present = [agent for index, agent in enumerate(crew) if employed(agent, day) and not _off(index, len(crew), day)]
                away = [agent for agent in present if random.random() < 0.05]  # holidays and sick days, as long as somebody is there
                present = [agent for agent in present if agent not in away] or present[:1]
            else:
                present = [agent for agent in crew if employed(agent, day) and day.weekday() < 5 and random.random() >= 0.06]
            opens_at, closes_at = SHIFTS[team.name]
            starts_at, ends_at = (local_instant(day, hhmm, team.time_zone) for hhmm in (opens_at, closes_at))
            rows.extend({"agent": agent.email, "team": team.name, "time_zone": team.time_zone, "starts_at": starts_at, "ends_at": ends_at} for agent in present)
    return rows


def on_duty(rows: list[dict[str, object]], teams: set[str]) -> dict[int, list[tuple[str, str]]]:
    """Hour since 1970 -> the agents (e-mail, team) on duty in it; every shift begins and ends on the hour."""
    found: dict[int, list[tuple[str, str]]] = {}
    for row in rows:
        if row["team"] in teams:
            for hour in range(seconds_of(row["starts_at"]) // 3600, seconds_of(row["ends_at"]) // 3600):  # type: ignore[arg-type]
                found.setdefault(hour, []).append((str(row["agent"]), str(row["team"])))
    return found


def uncovered(rows: list[dict[str, object]], first: date, last: date, time_zone: str) -> list[dict[str, str]]:
    """The spans between the local days first..last (inclusive) in which nobody at all is rostered."""
    covered = merged((seconds_of(row["starts_at"]), seconds_of(row["ends_at"])) for row in rows)  # type: ignore[arg-type]
    begin, end = seconds_of(local_instant(first, "00:00", time_zone)), seconds_of(local_instant(last, "24:00", time_zone))
    gaps: list[dict[str, str]] = []
    edge = begin
    for start, stop in [*zip(covered.starts, covered.ends, strict=True), (end, end)]:
        if start > edge and edge < end:
            gaps.append({"starts_at": instant_of(edge).isoformat(), "ends_at": instant_of(min(start, end)).isoformat()})
        edge = max(edge, stop)
    return gaps


def training(agents: tuple[Agent, ...], random: Random) -> list[dict[str, object]]:
    """Every agent takes every course once in the history; most on time, a few never."""
    rows: list[dict[str, object]] = []
    for agent in agents:
        for index, course in enumerate(_COURSES):
            planned_on = max(date(2025, 6, 2) + timedelta(days=120 * index + random.randrange(60)), agent.hired_on + timedelta(days=14))
            if not employed(agent, planned_on):
                continue
            completed_on = (
                planned_on + timedelta(days=random.choice((-3, 0, 0, 0, 2, 9))) if random.random() < (0.8 if agent.team == "Warehouse desk" else 0.96) else None
            )
            rows.append({"agent": agent.email, "team": agent.team, "course": course, "planned_on": planned_on, "completed_on": completed_on})
    return rows
