"""From what is judged to what is said: one step of the alerts, pure. Early returns with a reason each; only what was told is remembered.

An alert is an episode of a rule on a segment: pending while fewer periods than `for` are beyond the limit, firing, resolved when `clear.for` of them
are no worse than `clear.at`. Whether one begins or ends depends on the newest periods alone, and on the alerts that are open. So a night lived again, a
day filled in later and a past restated begin and end nothing: they change what lies before.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from typing import Literal

from flows.alerting.judge import Judged, clears, fires, since
from flows.alerting.ladder import Step
from flows.alerting.notice import Severity
from flows.alerting.rule import Rule

# A segment that nothing was judged of for so long has no present: a campaign that ended, a supplier nobody orders from any more.
FRESH = {"day": timedelta(days=7), "week": timedelta(days=14), "month": timedelta(days=45)}
FORGOTTEN = {"day": timedelta(days=35), "week": timedelta(days=63), "month": timedelta(days=100)}
Kind = Literal["firing", "reminder", "escalation", "resolved", "summary"]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What is known of one segment of a rule: judged periods, oldest first, up to the day that is looked at. label: as people call it."""

    segment_type: str
    segment: str
    points: tuple[Judged, ...]
    label: str = ""


@dataclass(frozen=True, kw_only=True)
class Alert:
    """An episode that began, and what was told of it: a row of the ledger. since: first day beyond the limit. group: the message it was first told in."""

    alert: str
    rule: str
    segment_type: str
    segment: str
    label: str
    severity: Severity
    since: date
    fired_on: date
    fired_at: datetime
    version: str = ""
    group: str = ""
    told_at: datetime | None = None
    times_told: int = 0
    ladder: tuple[Step, ...] = ()
    climbed: int = 0
    acknowledged_by: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_until: datetime | None = None
    resolved_on: date | None = None
    resolved_at: datetime | None = None
    resolution: str | None = None

    @property
    def is_open(self) -> bool:
        return self.resolved_at is None

    def is_acknowledged(self, now: datetime) -> bool:
        return self.acknowledged_at is not None and (self.acknowledged_until is None or now < self.acknowledged_until)


@dataclass(frozen=True, kw_only=True)
class Silence:
    """rule, segment: None for every one."""

    silence: str
    rule: str | None
    segment: str | None
    reason: str
    by: str
    starts_at: datetime
    ends_at: datetime

    def covers(self, alert: Alert, now: datetime) -> bool:
        return self.starts_at <= now < self.ends_at and self.rule in (None, alert.rule) and self.segment in (None, alert.segment)


@dataclass(frozen=True, kw_only=True)
class Message:
    """Something to be told of alerts. thread: that of the message they were first told in. to: the role that is told as well (escalation)."""

    kind: Kind
    key: str
    thread: str
    alerts: tuple[Alert, ...]
    to: str | None = None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """changed: alerts as they now are. seen: rules that were judged, for the first time or again. held: open alert -> why nothing is told of it."""

    changed: tuple[Alert, ...]
    messages: tuple[Message, ...]
    seen: frozenset[str]
    held: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Day:
    """What a step looks at. readings: of every rule that could be judged; a rule that is frozen or cannot be judged is not among them.

    seen: rules that were judged before; what a rule finds when it first looks is old, and told in one summary. ladder: how an alert of a rule climbs.
    broken: rules that exist and cannot be read just now; nothing happens to their alerts.
    """

    rules: Mapping[str, Rule]
    readings: Mapping[str, Sequence[Reading]]
    seen: frozenset[str]
    silences: Sequence[Silence]
    as_of: date
    now: datetime
    version: str
    ladder: Callable[[Rule], tuple[Step, ...]] = lambda rule: ()
    broken: frozenset[str] = frozenset()


def step(day: Day, known: Sequence[Alert]) -> Outcome:
    """What begins, goes on and ends, and what is to be told of it. known: the open alerts, and those that ended lately."""
    still = [alert for alert in known if alert.is_open]
    taken = {alert.alert for alert in known}
    before = {alert.alert: alert for alert in still}
    alerts: dict[str, Alert] = {}
    for alert in still:
        alerts[alert.alert] = _ended(day, alert) or alert
    place = {(alert.rule, alert.segment_type, alert.segment) for alert in alerts.values() if alert.is_open}
    for name, readings in day.readings.items():
        for reading in readings:
            if (name, reading.segment_type, reading.segment) not in place and _begins(day, day.rules[name], reading):
                alert = _begun(day, day.rules[name], reading, taken)
                alerts[alert.alert] = alert
    quiet = {alert.alert: why for alert in alerts.values() if (why := held(day.rules, day.silences, alert, alerts.values(), day.now))}
    told: dict[str, Alert] = {}
    spoke: dict[str, datetime] = {}
    for alert in known:
        if alert.told_at is not None:
            spoke[alert.rule] = max(alert.told_at, spoke.get(alert.rule, alert.told_at))
    messages = _messages(day, alerts.values(), before, quiet, spoke, told)
    alerts |= told
    changed = tuple(alert for name, alert in alerts.items() if before.get(name) != alert)
    return Outcome(changed=changed, messages=messages, seen=frozenset(day.readings), held={name: why for name, why in quiet.items() if alerts[name].is_open})


def _begins(day: Day, rule: Rule, reading: Reading) -> bool:
    if not fires(reading.points, rule.for_):
        return False
    return reading.points[-1].known_on > day.as_of - FRESH[rule.grain]


def _begun(day: Day, rule: Rule, reading: Reading, taken: set[str]) -> Alert:
    newest = reading.points[-1]
    name = base = f"{rule.rule}/{reading.segment_type}/{reading.segment}/{newest.day}"
    number = 1
    while name in taken:                       # that one had ended by numbers which a later version took back
        number += 1
        name = f"{base}.{number}"
    taken.add(name)
    return Alert(
        alert=name, rule=rule.rule, segment_type=reading.segment_type, segment=reading.segment, label=reading.label or reading.segment,
        severity=rule.severity, since=since(reading.points) or newest.day, fired_on=newest.day, fired_at=day.now, version=day.version)


def _ended(day: Day, alert: Alert) -> Alert | None:
    """The alert as it ends; None while it goes on."""
    rule = day.rules.get(alert.rule)
    if rule is None:
        return None if alert.rule in day.broken else _resolved(day, alert, "rule off")
    readings = day.readings.get(alert.rule)
    if readings is None:
        return None                            # frozen: nobody knows
    mine = next((one for one in readings if (one.segment_type, one.segment) == (alert.segment_type, alert.segment)), None)
    if mine is None:
        return _resolved(day, alert, "no data" if rule.has_history else "cleared")
    if clears(mine.points, rule.clear_for):
        return _resolved(day, alert, "cleared")
    if not mine.points or mine.points[-1].known_on <= day.as_of - FORGOTTEN[rule.grain]:
        return _resolved(day, alert, "no data")
    return None


def _resolved(day: Day, alert: Alert, resolution: str) -> Alert:
    return replace(alert, resolved_on=day.as_of, resolved_at=day.now, resolution=resolution)


def held(rules: Mapping[str, Rule], silences: Iterable[Silence], alert: Alert, alerts: Iterable[Alert], now: datetime) -> str | None:
    """Why nothing is told of an alert; None when it is."""
    for silence in silences:
        if silence.covers(alert, now):
            return f"silenced until {silence.ends_at:%Y-%m-%d %H:%M} by {silence.by}: {silence.reason}"
    rule = rules.get(alert.rule)
    for other in alerts if rule is not None and alert.is_open else ():
        if other.is_open and rule is not None and other.rule in rule.inhibited_by and (other.segment_type == "all" or (other.segment_type, other.segment) == (
                alert.segment_type, alert.segment)):
            return f"inhibited by {other.rule}"
    return None


def _messages(
    day: Day, alerts: Iterable[Alert], before: Mapping[str, Alert], quiet: Mapping[str, str], spoke: Mapping[str, datetime], told: dict[str, Alert],
) -> tuple[Message, ...]:
    """What is to be told now, grouped; `told` gets the alerts as they are when it has been. spoke: rule -> when it last told anything."""
    groups: dict[tuple[Kind, str, str | None], list[Alert]] = {}
    for alert in sorted(alerts, key=lambda one: one.alert):
        found = _due(day, alert, before, spoke.get(alert.rule)) if alert.alert not in quiet else None
        if found is None:
            continue
        kind, to = found
        groups.setdefault((kind, {"firing": alert.rule, "summary": ""}.get(kind, alert.group), to), []).append(alert)
    messages = []
    for (kind, thread, to), members in groups.items():
        digest = hashlib.sha256("\n".join(alert.alert for alert in members).encode()).hexdigest()[:10]
        if kind in ("firing", "summary"):
            thread = f"{thread or 'start'}/{day.as_of}/{digest}"
        now = tuple(_told(day, alert, kind, thread) for alert in members)
        told |= {alert.alert: alert for alert in now}
        count = max(alert.climbed if kind == "escalation" else alert.times_told for alert in now)
        messages.append(Message(kind=kind, key=f"{thread}/{kind}/{count}" + (f"/{digest}" if kind not in ("firing", "summary") else ""),
                                thread=thread, alerts=now, to=to))
    return tuple(messages)


def _due(day: Day, alert: Alert, before: Mapping[str, Alert], spoke: datetime | None) -> tuple[Kind, str | None] | None:
    """(what is to be told of an alert that nothing holds, to whom besides); None: nothing now."""
    if alert.rule not in day.rules:
        return None
    if not alert.is_open:
        return ("resolved", None) if alert.told_at and alert.resolution == "cleared" else None
    rule = day.rules[alert.rule]
    if alert.told_at is None:
        if rule.new_every is not None and spoke is not None and day.now - spoke < rule.new_every:
            return None
        is_first_look = alert.rule not in day.seen and alert.alert not in before
        return ("summary" if is_first_look else "firing"), None
    if alert.is_acknowledged(day.now):
        return None
    if alert.climbed < len(alert.ladder) and alert.ladder[alert.climbed].due_at <= day.now:
        return "escalation", alert.ladder[alert.climbed].to
    if rule.repeat_every is not None and day.now - alert.told_at >= rule.repeat_every:
        return "reminder", None
    return None


def _told(day: Day, alert: Alert, kind: Kind, thread: str) -> Alert:
    if kind == "resolved":
        return alert
    alert = replace(alert, told_at=day.now, times_told=alert.times_told + 1)
    if kind == "escalation":
        return replace(alert, climbed=alert.climbed + 1)
    if kind == "firing":
        return replace(alert, group=thread, ladder=day.ladder(day.rules[alert.rule]))
    return replace(alert, group=thread) if kind == "summary" else alert
