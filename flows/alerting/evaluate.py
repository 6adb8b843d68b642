"""One evaluation: read what is published, take one step, and write down what changed and what is promised – all of it, or nothing.

Killed anywhere, the next one finds the ledger as it was before or as it is after, and says what is left to say. Evaluated twice, it says nothing the second
time. Two at once: the second is refused, and one whose lease ran out while it slept writes nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from functools import partial
from typing import Any

import sqlalchemy as sql

from flows.alerting import episodes, facts, ladder, why
from flows.alerting.compose import Context, LinkOf, compose
from flows.alerting.episodes import Alert, Day, Message
from flows.alerting.notice import Language, to_json
from flows.alerting.options import Alerts
from flows.alerting.rule import Rule
from flows.store import alerts as store
from flows.store import leases, outbox
from flows.store.ledger import Ledger

LEASE = "alerts"


@dataclass(frozen=True, kw_only=True)
class Setup:
    """What a deployment says of alerting. languages: channel -> the language in which it is told; the channels that exist.

    broken: rules that cannot be read just now: their alerts stay as they are.
    """

    rules: Mapping[str, Rule]
    options: Alerts
    languages: Mapping[str, Language]
    broken: frozenset[str] = frozenset()
    currency: str = ""
    link_of: LinkOf | None = None


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What came of it. is_past: a later day has been told of already, so the
    version was not looked at, and only time went on. promised: messages that some channel will get now and did not before."""

    as_of: date
    version: str
    messages: tuple[Message, ...] = ()
    changed: tuple[Alert, ...] = ()
    promised: int = 0
    is_past: bool = False
    frozen: Mapping[str, str] = field(default_factory=dict)
    unjudged: Mapping[str, str] = field(default_factory=dict)
    held: Mapping[str, str] = field(default_factory=dict)


def evaluate(
    ledger: Ledger, marts: Any, setup: Setup, *, night: facts.Night, now: datetime, step: Callable[[str], None] = lambda name: None,
) -> Evaluation:
    """marts: a DuckDB connection to the current version. step: called by name between the steps, for tests that end the process there. Raises LeaseTaken."""
    with leases.lease(ledger, LEASE, purpose="an evaluation of the alerts", now=now, lasts=timedelta(minutes=10)) as owner:
        with ledger.begin() as connection:
            places = {(alert.rule, alert.segment_type, alert.segment) for alert in store.told(connection).alerts if alert.is_open}
        found = facts.read(marts, setup.rules, night=night, told=places)
        shifts = facts.shifts(marts, found.as_of - timedelta(days=1))
        step("read")
        with ledger.begin() as connection:
            _still_ours(connection, owner)
            told = store.told(connection)
            is_past = told.last_as_of is not None and found.as_of < told.last_as_of
            readings = {name: found.readings[name] for name in found.readings if not is_past or setup.rules[name].missing in ("check", "version")}
            step("locked")
            day = Day(
                rules=setup.rules, broken=setup.broken, readings=readings, seen=told.seen, silences=told.silences,
                as_of=max(found.as_of, told.last_as_of or date.min), now=now, version=found.version,
                ladder=partial(ladder.ladder, at=now, people=setup.options.people, shifts=shifts))
            outcome = episodes.step(day, told.alerts)
            store.save(connection, outcome.changed)
            store.mark_judged(connection, outcome.seen, day.as_of)
            step("saved")
            promised = _promise(connection, marts, setup, found, outcome.messages, now, step)
        step("promised")
    return Evaluation(as_of=found.as_of, version=found.version, is_past=is_past, messages=outcome.messages, changed=outcome.changed, promised=promised,
                      frozen=found.frozen, unjudged=found.unjudged, held=outcome.held)


def channels_of(message: Message, setup: Setup) -> tuple[str, ...]:
    """Where a message goes: a rule's own channels, or those of its tier and its owner; an escalation to those of the role that it climbs to, too.

    Where nobody said, the first channel that there is: an alert that no one hears is worse than one too many.
    """
    found: list[str] = []
    people = setup.options.people
    for alert in message.alerts:
        rule = setup.rules[alert.rule]
        owner = people[rule.owner].channels if rule.owner in people else ()
        found += rule.channels or (*setup.options.channels.get(rule.tier, ()), *owner)
    if message.to is not None:
        found += people[message.to].channels if message.to in people and people[message.to].channels else setup.options.channels.get("act", ())
    return tuple(channel for channel in dict.fromkeys(found) if channel in setup.languages) or tuple(setup.languages)[:1]


def _still_ours(connection: sql.Connection, owner: str) -> None:
    row = connection.execute(sql.select(leases.leases.c.owner).where(leases.leases.c.name == LEASE).with_for_update()).scalar()
    if row != owner:
        raise leases.LeaseTaken(f"this evaluation of the alerts took too long, {row or 'nobody'} has its place now; nothing was written")


def _promise(
    connection: sql.Connection, marts: Any, setup: Setup, found: facts.Facts, messages: tuple[Message, ...], now: datetime, step: Callable[[str], None],
) -> int:
    def drivers(alert: Alert) -> Any:
        rule = setup.rules[alert.rule]
        return why.drivers(marts, rule, found.kpis.get(rule.kpi or ""), (alert.segment_type, alert.segment), found.as_of)

    context = Context(
        facts=found, rules=setup.rules, people=setup.options.people, currency=setup.currency, link_of=setup.link_of, drivers=drivers)
    promised = 0
    for message in messages:
        channels = channels_of(message, setup)
        for channel in channels:
            notice = compose(message, setup.languages[channel], context, channel)
            promised += outbox.put(connection, key=message.key, channel=channel, notice=to_json(notice), at=now)
            step(f"put {message.kind}")
        for alert in message.alerts:
            store.log(connection, at=now, alert=alert.alert, what=message.kind, by="meridian", note=", ".join(channels) or "no channel")
    return promised
