"""Who is told next, and when: the ladder of a rule, in the shifts of the people on it, worked out when the alert is first told and kept from then on.

`after` is time to act, so it runs only while whoever has the alert is on duty. Somebody whose roster has no shift within a day is a gap: the next
one is told at once. Somebody without a roster is reckoned by the clock.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from flows.alerting.options import Person
from flows.alerting.rule import Rule

GAP = timedelta(hours=24)


@dataclass(frozen=True, kw_only=True)
class Shift:
    """One shift of one of our people, as the roster has it; both ends aware."""

    agent: str
    team: str
    starts_at: datetime
    ends_at: datetime


@dataclass(frozen=True, kw_only=True)
class Step:
    """At due_at the role `to` is told, unless somebody has acknowledged by then. why: how the instant came about."""

    to: str
    due_at: datetime
    why: str


def ladder(rule: Rule, *, at: datetime, people: Mapping[str, Person], shifts: Sequence[Shift]) -> tuple[Step, ...]:
    """The steps of a rule whose owner is told at `at`. shifts: those that may still matter; empty where no roster is published."""
    steps: list[Step] = []
    holder, told = rule.owner, at
    for rung in rule.escalation:
        mine = _shifts_of(people.get(holder), shifts)
        due, why = told + rung.after, "by the clock: no roster knows them"
        if mine is not None:
            due, why = _due(told, rung.after, mine)
        steps.append(Step(to=rung.to, due_at=due, why=f"{holder}: {why}"))
        holder, told = rung.to, due
    return tuple(steps)


def _shifts_of(person: Person | None, shifts: Sequence[Shift]) -> list[Shift] | None:
    """None: no roster would know. An empty list: the roster has them, and no shift."""
    if person is None or not shifts or (person.agent is None and person.team is None):
        return None
    mine = [shift for shift in shifts if person.agent == shift.agent or (person.agent is None and person.team == shift.team)]
    return sorted(mine, key=lambda shift: shift.starts_at)


def _due(told: datetime, after: timedelta, shifts: Sequence[Shift]) -> tuple[datetime, str]:
    """When so much time on duty has passed; `told` itself when nobody is on duty within GAP."""
    left, clock = after, told
    for shift in shifts:
        if shift.ends_at <= clock:
            continue
        if shift.starts_at > clock + GAP:
            break
        clock = max(clock, shift.starts_at)
        if clock + left <= shift.ends_at:
            return clock + left, "in their shift"
        left -= shift.ends_at - clock
        clock = shift.ends_at
    return (told, "nobody on duty within a day") if clock == told else (clock, "their shifts end here")
