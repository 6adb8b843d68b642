"""Registers that people keep by hand beside the systems: staff, sites, reviews, surveys, staffing targets, stock counts.

Rows as dictionaries, one list a file; what had not happened by a day is taken out in `known.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random

from sandbox.company.hours import days_between
from sandbox.company.plan import Agent, Product, Team, Ticket, Warehouse
from sandbox.company.planted import COMPANY, SCARCE_WAREHOUSE, STARTS_ON, STRAINED_PAIR, WEAK_TEAM, WORLD_ENDS_ON

Row = dict[str, object]

_AREAS = {"BER": 2400.0, "RNO": 1500.0, "SGP": 1150.0}
_SGP_GREW_ON = date(2026, 4, 1)
_PICKERS = 8  # a warehouse


def staff(agents: tuple[Agent, ...], warehouses: tuple[Warehouse, ...], random: Random) -> list[Row]:
    """One row per person and time in a team; who goes to another team has a second row. Core staff: all of the desks, half of the warehouses."""
    rows: list[Row] = []

    def works(person: str, team: str, starts_on: date, ends_on: date | None, *, is_core: bool, fte: float) -> None:
        rows.append({"person": person, "team": team, "business_unit": COMPANY, "is_core": is_core, "fte": fte, "starts_on": starts_on, "ends_on": ends_on})

    for agent in agents:
        fte = random.choice((1.0, 1.0, 1.0, 0.8))
        left_on = agent.left_on - timedelta(days=1) if agent.left_on else None
        works(agent.email, agent.team, agent.hired_on, left_on, is_core=True, fte=fte)
    for warehouse in warehouses:
        crew = f"Warehouse {warehouse.code}"
        for number in range(_PICKERS):
            person = f"packer{number + 1}.{warehouse.code.lower()}@lantern-oak.example"
            hired_on = date(2023, 2, 1) + timedelta(days=random.randrange(700))
            gone_on = date(2025, 9, 1) + timedelta(days=random.randrange(400)) if number % 4 == 3 else None
            moved_on = date(2026, 2, 1) if number == 1 else None
            fte = random.choice((1.0, 1.0, 0.5))
            works(person, crew, hired_on, moved_on - timedelta(days=1) if moved_on else gone_on, is_core=number % 2 == 1, fte=fte)
            if moved_on:
                works(person, "Warehouse desk", moved_on, None, is_core=True, fte=fte)
            if gone_on:  # the place is filled again a month later, by somebody who is not core staff yet
                works(f"new.{person}", crew, gone_on + timedelta(days=30), None, is_core=False, fte=fte)
    return rows


def sites(warehouses: tuple[Warehouse, ...]) -> list[Row]:
    """One row per site and size: Singapore rented a second hall."""
    rows: list[Row] = []
    for warehouse in warehouses:
        area, until = _AREAS[warehouse.code], _SGP_GREW_ON - timedelta(days=1) if warehouse.code == "SGP" else None
        rows.append({"site": warehouse.code, "square_metres": area, "starts_on": date(2024, 1, 1), "ends_on": until})
        if until:
            rows.append({"site": warehouse.code, "square_metres": area * 1.4, "starts_on": _SGP_GREW_ON, "ends_on": None})
    return rows


def team_reviews(teams: tuple[Team, ...], random: Random) -> list[Row]:
    """Every team once a month, on the tenth; the weak one fails every third time."""
    rows: list[Row] = []
    for day in days_between(STARTS_ON, WORLD_ENDS_ON):
        if day.day == 10:
            for team in teams:
                passed = random.random() >= (0.33 if team.name == WEAK_TEAM else 0.04)
                score = random.randint(70, 98) if passed else random.randint(45, 69)
                rows.append({"team": team.name, "reviewed_on": day, "score": score, "is_passed": passed})
    return rows


def quality_reviews(tickets: tuple[Ticket, ...], random: Random) -> list[Row]:
    """One in eight answered tickets is read again by somebody three days after it was asked, and gets a score of 0 to 100."""
    rows: list[Row] = []
    for ticket in tickets:
        answers = [event.by for event in ticket.events if event.kind == "public_reply" and event.actor == "agent"]
        if answers and random.random() < 0.125:
            score = min(100, round(random.gauss(84 if ticket.team == WEAK_TEAM else 92, 5)))
            rows.append(
                {
                    "review": f"Q{len(rows) + 1:05d}",
                    "reviewed_on": ticket.created_at.date() + timedelta(days=3),
                    "ticket": ticket.number,
                    "agent": answers[0],
                    "team": ticket.team,
                    "score": score,
                }
            )
    return rows


def surveys(teams: tuple[Team, ...], random: Random) -> list[Row]:
    """Each department answers four times a quarter how it is to work with each other one, from 1 to 5; one pair is strained."""
    departments = sorted({team.department for team in teams})
    rows: list[Row] = []
    for day in days_between(STARTS_ON, WORLD_ENDS_ON):
        if day.day == 20 and day.month % 3 == 0:
            for department in departments:
                for about in departments:
                    strained = (department, about) == STRAINED_PAIR
                    for _ in range(0 if department == about else 4):
                        score = random.choices((1, 2, 3, 4, 5), (10, 25, 35, 20, 10) if strained else (1, 2, 7, 45, 45))[0]
                        rows.append({"answer": f"A{len(rows) + 1:04d}", "answered_on": day, "department": department, "about": about, "score": score})
    return rows


def staffing(teams: tuple[Team, ...]) -> list[Row]:
    """What each desk promises itself: nine in ten begun within the limit. Handling minutes hold all the work on a ticket."""
    return [
        {"team": team.name, "handling_minutes": 75, "answer_share": 0.9, "answer_within_minutes": 45}
        for team in teams
        if team.department == "service"
    ]


def stock_counts(products: tuple[Product, ...], warehouses: tuple[Warehouse, ...], random: Random) -> list[Row]:
    """One row per day on which the count of a product in a warehouse became nothing or something again. Reno runs out three times as often."""
    rows: list[Row] = []

    def outages(times: int) -> Iterator[tuple[date, date]]:
        day = STARTS_ON
        for _ in range(times):
            day += timedelta(days=random.randrange(40, 260))
            yield day, day + timedelta(days=random.randrange(2, 12))
            day += timedelta(days=20)

    for warehouse in warehouses:
        for product in products:
            counted = {STARTS_ON - timedelta(days=1): random.randrange(20, 300)}
            for first, again in outages(3 if warehouse.code == SCARCE_WAREHOUSE else 1):
                counted |= {first: 0, again: random.randrange(40, 300)}
            rows.extend(
                {"counted_on": day, "warehouse": warehouse.code, "product": product.code, "on_hand": pieces}
                for day, pieces in sorted(counted.items())
                if day <= WORLD_ENDS_ON
            )
    return rows
