"""A company just large enough to put Request Tracker through everything the story can ask of it."""

from __future__ import annotations

import dataclasses
import random
from datetime import UTC, date, datetime, timedelta

from sandbox.company.plan import Agent, Calendar, Customer, Plan, SlaPolicy, Team, Ticket, TicketEvent

STARTS_ON, ENDS_ON = date(2025, 5, 1), date(2026, 10, 31)
WEEK: dict[str, tuple[tuple[str, str], ...]] = {day: (("09:00", "17:00"),) for day in ("mon", "tue", "wed", "thu", "fri")}
TEAMS = (
    Team(name="Support EMEA", department="service", time_zone="Europe/Berlin", calendar="support-emea"),
    Team(name="Support APAC", department="service", time_zone="Asia/Singapore", calendar="support-apac"),
    Team(name="Billing", department="finance", time_zone="Europe/Berlin", calendar="support-emea"),
)
AGENTS = tuple(
    Agent(name=f"Agent {number}", email=f"agent{number}@meridian.example", team=TEAMS[number % 3].name, time_zone=TEAMS[number % 3].time_zone,
          hired_on=date(2024, 1, 1))
    for number in range(6)
)
CUSTOMERS = tuple(
    Customer(number=f"C{number:05d}", name=f"Zoë Müller {number}", email=f"customer{number}@example.com", country="DE", region="EMEA", is_company=False,
             created_at=datetime(2025, 5, 1, tzinfo=UTC))
    for number in range(1, 301)
)


def company(tickets: tuple[Ticket, ...]) -> Plan:
    """A plan with these tickets and nothing else to sell."""
    return Plan(
        seed=7, company="Test & Söhne", time_zone="Europe/Berlin", currency="EUR", starts_on=STARTS_ON, ends_on=ENDS_ON, teams=TEAMS, agents=AGENTS,
        customers=CUSTOMERS, products=(), suppliers=(), offers=(), warehouses=(), rates=(), orders=(), leads=(), complaints=(), purchases=(),
        tickets=tickets,
        sla_policies=(
            SlaPolicy(name="standard", first_reply_minutes={"low": 480, "normal": 240, "high": 120, "urgent": 60},
                      resolution_minutes={"low": 2400, "normal": 1440, "high": 960, "urgent": 480}, calendar="support-emea", pauses_on_pending=True),
            SlaPolicy(name="premium", first_reply_minutes={"low": 240, "normal": 120, "high": 60, "urgent": 30},
                      resolution_minutes={"low": 1440, "normal": 960, "high": 480, "urgent": 240}, calendar="always", pauses_on_pending=False),
        ),
        calendars=(
            Calendar(name="support-emea", time_zone="Europe/Berlin", hours=WEEK, holidays=(date(2025, 12, 25),)),
            Calendar(name="support-apac", time_zone="Asia/Singapore", hours=WEEK),
            Calendar(name="always", time_zone="UTC", hours={day: (("00:00", "24:00"),) for day in ("mon", "tue", "wed", "thu", "fri", "sat", "sun")}),
        ),
        channel_days=(),
    )


def event(at: datetime, kind: str, actor: str, by: str | None = None, value: str | None = None) -> TicketEvent:
    return TicketEvent(at=at, kind=kind, actor=actor, by=by, value=value)  # type: ignore[arg-type]


def full_life(number: int, created_at: datetime, *, customer: int = 1) -> Ticket:
    """A ticket that meets every kind of event: automatic reply, team and owner changes, pending, solved, reopened, solved again, rated."""
    requester, first, second = CUSTOMERS[customer - 1].email, AGENTS[0].email, AGENTS[2].email

    def after(minutes: int) -> datetime:
        return created_at + timedelta(minutes=minutes)

    return Ticket(
        number=f"T{number:05d}", requester=CUSTOMERS[customer - 1].number, subject=f"Where is my parcel? №{number}",
        body="It should be here — ist es aber nicht.",
        channel="email", priority="normal", team="Support EMEA", order=f"SO{number:06d}", created_at=created_at, sla_policy="standard", topic="delivery",
        events=(
            event(after(1), "public_reply", "bot", None, "We have got your message."),
            event(after(5), "assignee", "agent", first, first),
            event(after(6), "status", "agent", first, "open"),
            event(after(30), "private_note", "agent", first, "Carrier says it is in Leipzig."),
            event(after(31), "priority", "agent", first, "high"),
            event(after(40), "public_reply", "agent", first, "It is in Leipzig."),
            event(after(41), "status", "agent", first, "pending"),
            event(after(600), "public_reply", "requester", requester, "Still not here."),
            event(after(600), "status", "system", None, "open"),
            event(after(610), "team", "agent", first, "Billing"),
            event(after(611), "assignee", "agent", first, second),
            event(after(700), "public_reply", "agent", second, "You get your money back."),
            event(after(701), "status", "agent", second, "solved"),
            event(after(2000), "status", "requester", requester, "open"),
            event(after(2100), "status", "agent", second, "solved"),
            event(after(2200), "rating", "requester", requester, "good"),
            event(after(7000), "status", "system", None, "closed"),
        ),
    )


def busy(count: int, *, seed: int = 1) -> tuple[Ticket, ...]:
    """`count` tickets of some seven events each, spread over the history, for measuring."""
    chance = random.Random(seed)
    tickets = []
    for number in range(1, count + 1):
        at = datetime(2025, 5, 1, 8, tzinfo=UTC) + timedelta(minutes=chance.randrange(540 * 24 * 60))
        ticket = full_life(number, at, customer=chance.randrange(1, 301))
        kept = tuple(ticket.events[place] for place in (0, 1, 2, 5, 7, 12, 15) if chance.random() < 0.95)
        tickets.append(dataclasses.replace(ticket, events=kept))
    return tuple(sorted(tickets, key=lambda ticket: ticket.created_at))
