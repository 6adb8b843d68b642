"""What rules would have said over the published history: the way to tune them, and to know what they cost in attention.

The same `step` as every night, day by day, with the numbers as they are published now, nobody acknowledging and nothing promised to any channel. Worklists,
sources and records tell only how they are: their past is that of the versions that are kept, a day each.
"""

from __future__ import annotations

import bisect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from flows.alerting.episodes import Alert, Day, Reading, step
from flows.alerting.rule import Rule

NIGHT = time(3, 0, tzinfo=UTC)
KEPT = 40                       # newest points that a step gets at least, so that it can say since when


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """What a rule would have done. days: how many were lived. notices: messages about it, reminders and resolutions among them.

    is_by_version: only the days of kept versions tell.
    """

    rule: str
    tier: str
    days: int
    episodes: tuple[Alert, ...]
    notices: int
    is_by_version: bool = False

    def per_year(self, count: int) -> float:
        return 365 * count / self.days if self.days else 0.0


def replay(
    rules: Mapping[str, Rule], readings: Mapping[str, Sequence[Reading]], *, first: date, last: date,
    kept: Mapping[date, Mapping[str, Sequence[Reading]]] | None = None,
) -> list[Replayed]:
    """Live the days first..last. readings: whole history of the rules that have one. kept: day -> what that day's version told of the others.

    A rule that neither tells of is left out.
    """
    kept = {day: told for day, told in (kept or {}).items() if first <= day <= last}
    with_history = {name: rule for name, rule in rules.items() if name in readings and rule.has_history}
    by_version = {name: [day for day, told in kept.items() if name in told] for name, rule in rules.items() if not rule.has_history}
    lived = with_history | {name: rules[name] for name, days in by_version.items() if days}
    known_on = {name: [[point.known_on for point in reading.points] for reading in readings[name]] for name in with_history}
    alerts: dict[str, Alert] = {}
    notices: dict[str, int] = dict.fromkeys(lived, 0)
    day, seen = first, frozenset[str]()
    while day <= last:
        upto: dict[str, Sequence[Reading]] = {name: [_until(reading, known, day, max(KEPT, rule.for_, rule.clear_for))
                       for reading, known in zip(readings[name], known_on[name], strict=True)] for name, rule in with_history.items()}
        upto |= {name: told for name, told in kept.get(day, {}).items() if name in lived and name not in upto}
        now = datetime.combine(day + timedelta(days=1), NIGHT)
        outcome = step(Day(rules=lived, readings=upto, seen=seen, silences=(), as_of=day, now=now, version=""), list(alerts.values()))
        alerts |= {alert.alert: alert for alert in outcome.changed}
        for message in outcome.messages:
            for name in {alert.rule for alert in message.alerts}:
                notices[name] += 1
        day, seen = day + timedelta(days=1), seen | outcome.seen
    return [
        Replayed(rule=name, tier=rule.tier, days=len(by_version[name]) if name in by_version else (last - first).days + 1, notices=notices[name],
                 episodes=tuple(alert for alert in alerts.values() if alert.rule == name), is_by_version=name in by_version)
        for name, rule in sorted(lived.items())
    ]


def _until(reading: Reading, known_on: Sequence[date], day: date, kept: int) -> Reading:
    end = bisect.bisect_right(known_on, day)
    return Reading(segment_type=reading.segment_type, segment=reading.segment, label=reading.label, points=reading.points[max(0, end - kept):end])
