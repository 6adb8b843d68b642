"""A small helpdesk for tests: a hand-made plan, the stand-in in this process, a clock that only tests move."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from connectors import zendesk
from sandbox.company.plan import Agent, Calendar, Customer, Plan, SlaPolicy, Team, Ticket, TicketEvent
from sandbox.stand_in.serving import served
from sandbox.stand_in.state import State
from sandbox.zendesk import load as loading
from sandbox.zendesk.rules import Account
from sandbox.zendesk.server import Api

TOKEN, WORKER_TOKEN = "reader-token", "worker-token"
NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
HOURS = {day: (("09:00", "17:00"),) for day in ("mon", "tue", "wed", "thu", "fri")}
AGENT, OTHER = "amal@company.example", "bo@company.example"
CUSTOMER = "eva@customer.example"


def ticket(number: int, created_at: datetime, *events: TicketEvent, **more: Any) -> Ticket:
    wanted: dict[str, Any] = {"requester": "C00001", "subject": f"Subject {number}", "body": "Where is it?", "channel": "email", "priority": "normal",
                              "team": "Support", "order": None, "sla_policy": "standard", **more}
    return Ticket(number=f"T{number:05d}", created_at=created_at, events=events, **wanted)


def event(at: datetime, kind: Any, actor: Any = "agent", value: str | None = None, by: str | None = None) -> TicketEvent:
    by = by or {"agent": AGENT, "requester": CUSTOMER}.get(actor)
    return TicketEvent(at=at, kind=kind, actor=actor, by=by, value=value)


def solved_life(at: datetime) -> tuple[TicketEvent, ...]:
    """Acknowledged by a bot, taken and answered after one hour, solved after two, rated the next day."""
    answered = at + timedelta(hours=1)
    return (
        event(at, "public_reply", "bot", "We have your message."),
        event(answered, "assignee", value=AGENT), event(answered, "status", value="open"), event(answered, "public_reply", value="It left yesterday."),
        event(at + timedelta(hours=2), "status", value="solved"),
        event(at + timedelta(days=1), "rating", "requester", "good"),
    )


def plan(*tickets: Ticket, ends_on: date = date(2026, 10, 31)) -> Plan:
    began = datetime(2026, 1, 5, 8, tzinfo=UTC)
    return Plan(
        seed=1, company="Small", time_zone="Europe/Berlin", currency="EUR", starts_on=date(2026, 1, 1), ends_on=ends_on,
        teams=(Team(name="Support", department="service", time_zone="Europe/Berlin", calendar="office"),
               Team(name="Billing", department="finance", time_zone="Europe/Berlin", calendar="office")),
        agents=(Agent(name="Amal", email=AGENT, team="Support", time_zone="Europe/Berlin", hired_on=date(2025, 1, 1)),
                Agent(name="Bo", email=OTHER, team="Billing", time_zone="Europe/Berlin", hired_on=date(2025, 1, 1))),
        customers=(Customer(number="C00001", name="Eva", email=CUSTOMER, country="DE", region="EMEA", is_company=False, created_at=began),
                   Customer(number="C00002", name="Firm", email="firm@customer.example", country="US", region="AMER", is_company=True, created_at=began)),
        products=(), suppliers=(), offers=(), warehouses=(), rates=(), orders=(), leads=(), complaints=(), purchases=(), tickets=tickets,
        sla_policies=(SlaPolicy(name="standard", first_reply_minutes={"normal": 120, "urgent": 30}, resolution_minutes={"normal": 480, "urgent": 240},
                                calendar="office", pauses_on_pending=True),),
        calendars=(Calendar(name="office", time_zone="Europe/Berlin", hours=HOURS),), channel_days=(),
    )


def many(count: int, *, same_second: int = 1) -> Plan:
    """`count` tickets with a whole life; each `same_second` of them share every instant (and seven minutes keep the groups from meeting)."""
    first = datetime(2026, 10, 1, 8, tzinfo=UTC)
    moments = [first + timedelta(minutes=7 * (number // same_second)) for number in range(count)]
    return plan(*[ticket(number, at, *solved_life(at)) for number, at in enumerate(moments, start=1)])


@dataclass
class Running:
    """The stand-in, its state and what is in it; a connector to it on request."""

    plan: Plan
    state: State
    api: Api
    url: str
    home: Path

    def connect(self, *, token: str = TOKEN, memory: dict[str, Any] | None = None, **options: Any) -> zendesk.Zendesk:
        settings = {"url": self.url, "email": loading.ADMIN_EMAIL, "exports_per_minute": 10_000, **options}
        return zendesk.connect("helpdesk", settings, secrets={"token": token}, memory=(memory or {}).get, sleep=lambda seconds: None)

    def live(self, after: Plan, deleted: tuple[str, ...] = ()) -> dict[str, int]:
        done = loading.live_day(self.plan, after, deleted, self.state, self.url)
        self.plan = after
        self.state.set_clock(datetime.combine(after.ends_on + timedelta(days=1), NOW.timetz()))
        return done

    def next_day(self, *tickets: Ticket, deleted: tuple[str, ...] = ()) -> dict[str, int]:
        """One day further, with these tickets new or in place of the old ones."""
        news = {one.number: one for one in tickets}
        kept = [news.pop(one.number, one) for one in self.plan.tickets if one.number not in deleted]
        return self.live(replace(self.plan, tickets=(*kept, *news.values()), ends_on=self.plan.ends_on + timedelta(days=1)), deleted)


@contextmanager
def helpdesk(home: Path, company: Plan, **limits: int) -> Iterator[Running]:
    state = State(home / "state.sqlite", ticking=False)
    state.set_clock(NOW)
    limits = {"exports_per_minute": 10_000, "requests_per_minute": 100_000, **limits}
    accounts = [Account(email=loading.ADMIN_EMAIL, token=TOKEN, user_id=loading.ADMIN, is_admin=True),
                Account(email=loading.WORKER_EMAIL, token=WORKER_TOKEN, user_id=loading.WORKER, is_admin=False)]
    loading.people(company, state, "")
    api = Api(loading.desk_of(company, state, ""), accounts, **limits)
    try:
        with served(api.answer) as url:
            loading.load(company, state, url)
            api.desk = loading.desk_of(company, state, url)
            yield Running(company, state, api, url, home)
    finally:
        state.close()
