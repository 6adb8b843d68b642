"""The life of one ticket: acknowledged, handed on, answered, asked back, solved, perhaps reopened, rated, closed."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from random import Random
from typing import Literal

from sandbox.company.hours import OpenTime, seconds_of
from sandbox.company.plan import Agent, Customer, Team, Ticket, TicketEvent
from sandbox.company.wording import NOTES, QUESTIONS_BACK, REPLIES

# Typical business minutes to a first answer against the ordinary, and the share of happy raters.
_PACE = {
    "Support EMEA": 1.0,
    "Support APAC": 0.9,
    "Support AMER": 1.1,
    "Support Pacific": 1.7,
    "Billing": 1.2,
    "Warehouse desk": 1.2,
    "Quality": 1.4,
    "Sales": 1.3,
}
_HAPPY = {
    "Support EMEA": 0.95,
    "Support APAC": 0.94,
    "Support AMER": 0.93,
    "Support Pacific": 0.72,
    "Billing": 0.90,
    "Warehouse desk": 0.91,
    "Quality": 0.89,
    "Sales": 0.92,
}
_URGENCY = {"urgent": 0.22, "high": 0.5, "normal": 1.0, "low": 1.8}
_HIGHER = {"low": "normal", "normal": "high", "high": "urgent", "urgent": "urgent"}
_HAND_ON = {
    "delivery": ("Warehouse desk", 0.30),
    "defect": ("Quality", 0.22),
    "return": ("Warehouse desk", 0.16),
    "billing": ("Billing", 0.5),
    "question": ("Sales", 0.08),
}
FIRST_REPLY_MINUTES = 105.0

Kind = Literal["public_reply", "private_note", "status", "team", "assignee", "priority", "rating"]
Actor = Literal["agent", "requester", "bot", "system"]


@dataclass(frozen=True, kw_only=True)
class Desk:
    team: Team
    open_time: OpenTime
    agents: list[Agent]


class _Story:
    """Events of one ticket while they are being written."""

    def __init__(self, ticket: Ticket, requester: str) -> None:
        self.events: list[TicketEvent] = []
        self.requester = requester
        self.team = ticket.team
        self.priority = ticket.priority
        self.assignee: str | None = None

    def add(self, at: datetime, kind: Kind, actor: Actor, by: str | None = None, value: str | None = None) -> None:
        self.events.append(TicketEvent(at=at, kind=kind, actor=actor, by=by, value=value))


@dataclass(frozen=True, kw_only=True)
class Life:
    """What every ticket's life needs: the desks, who is on duty, how busy it is."""

    desks: dict[str, Desk]
    duty: dict[int, list[tuple[str, str]]]
    duty_time: OpenTime
    random: Random
    load_factor: Callable[[datetime], float]
    employed: Callable[[Agent, date], bool]

    def lived(self, ticket: Ticket, customer: Customer) -> Ticket:
        random, story = self.random, _Story(ticket, customer.email)
        # Chats and premium customers are served by whoever is on duty around the globe, the rest in the hours of the team's calendar.
        around_the_clock = ticket.channel == "chat" or ticket.sla_policy == "premium"
        if ticket.channel in ("chat", "web"):
            story.add(ticket.created_at + timedelta(seconds=random.randint(2, 30)), "public_reply", "bot", None, "We have received your message.")
        ready_at = self._handed_on(ticket, story)
        at = self._answer_at(ticket, story, ready_at, FIRST_REPLY_MINUTES, around_the_clock)
        if random.random() < 0.05:
            story.priority = _HIGHER[story.priority]
            if story.priority != ticket.priority:
                story.add(ready_at + (at - ready_at) * 0.5, "priority", "agent", self._agent(story.team, at, around_the_clock), story.priority)
        at = self._conversation(ticket, story, at, around_the_clock)
        ordered = sorted((dataclasses.replace(event, at=event.at.replace(microsecond=0)) for event in story.events), key=lambda event: event.at)
        return dataclasses.replace(ticket, events=tuple(ordered))

    def _agent(self, team: str, at: datetime, around_the_clock: bool) -> str:
        on_duty = self.duty.get(seconds_of(at) // 3600) if around_the_clock else None
        if on_duty:
            same_team = [email for email, its_team in on_duty if its_team == team]
            return self.random.choice(same_team or [email for email, _ in on_duty])
        crew = [agent.email for agent in self.desks[team].agents if self.employed(agent, at.date())]
        return self.random.choice(crew)

    def _answer_at(self, ticket: Ticket, story: _Story, ready_at: datetime, minutes: float, around_the_clock: bool) -> datetime:
        pace = 0.1 if ticket.channel == "chat" else 1.0
        wait = minutes * pace * _PACE[story.team] * _URGENCY[story.priority] * self.load_factor(ready_at) * self.random.lognormvariate(0, 0.75)
        hours = self.duty_time if around_the_clock and story.team.startswith("Support") else self.desks[story.team].open_time
        return hours.after(ready_at, wait)

    def _handed_on(self, ticket: Ticket, story: _Story) -> datetime:
        """Some tickets come to the wrong desk first; a few wander."""
        random, at = self.random, ticket.created_at
        target, share = _HAND_ON[ticket.topic]
        hops = 0
        if target != story.team and random.random() < share:
            hops = random.choices((1, 2, 3, 5), (84, 10, 4, 2))[0]
        for hop in range(hops):
            at = self.desks[story.team].open_time.after(at, random.uniform(15, 160))
            by = self._agent(story.team, at, False)
            story.team = target if hop == hops - 1 else random.choice([name for name in self.desks if name not in (story.team, target)])
            story.add(at, "team", "agent", by, story.team)
        return at

    def _conversation(self, ticket: Ticket, story: _Story, at: datetime, around_the_clock: bool) -> datetime:
        """From the first answer to the end, or to where it got stuck."""
        random = self.random
        agent = story.assignee = self._agent(story.team, at, around_the_clock)
        taken_at = max(at - timedelta(minutes=random.uniform(1, 12)), story.events[-1].at if story.events else ticket.created_at + timedelta(seconds=1))
        taken_at = min(taken_at, at)
        story.add(taken_at, "assignee", "agent", agent, agent)
        story.add(taken_at, "status", "agent", agent, "open")
        for turn in range(6):
            if (turn and random.random() < 0.12) or (not turn and random.random() < 0.18):
                story.add(at, "private_note", "agent", agent, random.choice(NOTES))
            answered = random.random() < (0.68 if turn == 0 else 0.7)
            story.add(at, "public_reply", "agent", agent, random.choice(REPLIES[ticket.topic] if answered else QUESTIONS_BACK))
            if answered:
                break
            story.add(at, "status", "agent", agent, "pending")
            if random.random() < 0.06:
                at += timedelta(days=5, minutes=random.uniform(0, 50))  # the customer never came back
                story.add(at, "status", "system", None, "solved")
                return self._close(ticket, story, at, reopen=False)
            at += timedelta(hours=min(120.0, random.lognormvariate(1.9, 1.0)))
            story.add(at, "public_reply", "requester", story.requester)
            story.add(at, "status", "system", None, "open")
            at = self._answer_at(ticket, story, at, 150, around_the_clock)
        if random.random() < 0.012:
            return at  # stuck: nobody ever finishes it
        if random.random() < 0.25:
            at = self.desks[story.team].open_time.after(at, random.uniform(20, 500))
        story.add(at, "status", "agent", agent, "solved")
        return self._close(ticket, story, at, reopen=True)

    def _close(self, ticket: Ticket, story: _Story, at: datetime, reopen: bool) -> datetime:
        random, reopened = self.random, 0
        while reopen and reopened < 2 and random.random() < (0.09 if ticket.topic == "defect" else 0.04):
            reopened += 1
            at += timedelta(days=random.uniform(7.3, 9.5) if random.random() < 0.08 else random.uniform(0.1, 5.5))
            story.add(at, "public_reply", "requester", story.requester)
            story.add(at, "status", "system", None, "open")
            at = self._answer_at(ticket, story, at, 200, False)
            story.add(at, "public_reply", "agent", story.assignee, random.choice(REPLIES[ticket.topic]))
            story.add(at, "status", "agent", story.assignee, "solved")
        if random.random() < 0.42:
            happy = _HAPPY[story.team] - 0.25 * reopened - (0.15 if ticket.topic == "defect" else 0) - (0.1 if self.load_factor(ticket.created_at) > 2 else 0)
            rated_at = at + timedelta(hours=random.lognormvariate(2.0, 1.0))
            verdict = "good" if random.random() < happy else "bad"
            story.add(rated_at, "rating", "requester", story.requester, verdict)
            if verdict == "bad" and random.random() < 0.06:
                story.add(rated_at + timedelta(hours=20), "rating", "requester", story.requester, "good")
        story.add(at + timedelta(days=10), "status", "system", None, "closed")
        return at
