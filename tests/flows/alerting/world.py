"""A company of a few numbers under a simulated clock: what acceptance tests of alerts are made of, in the manner of Alertmanager's.

A collector gets each message with its instant; a test says which must arrive within which hours, and every other one is a failure.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from flows.alerting.episodes import Alert, Day, Message, Reading, Silence, step
from flows.alerting.judge import Kpi, Period, judge
from flows.alerting.ladder import Shift, Step, ladder
from flows.alerting.options import Person
from flows.alerting.rule import Rule

FIRST = date(2026, 3, 2)                # a Monday
NIGHT = time(3, tzinfo=UTC)


def rule(name: str = "late", **changes: Any) -> Rule:
    """A rule as a test needs it: above 10, from one day on, over at 10, warn; changed as given ('for_' is 'for')."""
    plain: dict[str, Any] = {
        "rule": name, "title": {"en": f"{name} happens", "zh": f"{name} 发生"}, "kpi": "late", "segments": ["supplier"], "above": 10.0, "tier": "warn",
        "severity": "warning", "owner": "lead", "raci": {"responsible": "team", "accountable": "lead"},
        "runbook": {"en": ["Look.", "Act."], "zh": ["查看。", "处理。"]},
        "tests": [{"holds": "it fires", "first_day": "2026-01-01", "values": [20.0], "says": {"2026-01-01": "fires"}}],
    }
    plain |= {key.rstrip("_"): value for key, value in changes.items()}
    return Rule.model_validate(plain)


@dataclass
class World:
    """rules; series: (rule, segment) -> a value a day from FIRST on (None: no data); frozen: rule -> days on which nobody can judge it.

    live: evaluates at every hour; the version of a day comes at three o'clock of the next. seen: whether rules have been judged before (no first start).
    """

    rules: dict[str, Rule]
    series: dict[tuple[str, str], Sequence[float | None]]
    seen: frozenset[str] = frozenset()
    silences: list[Silence] = field(default_factory=list)
    frozen: dict[str, set[date]] = field(default_factory=dict)
    people: dict[str, Person] = field(default_factory=dict)
    shifts: list[Shift] = field(default_factory=list)
    alerts: dict[str, Alert] = field(default_factory=dict)
    got: list[tuple[datetime, Message]] = field(default_factory=list)
    broken: frozenset[str] = frozenset()

    def readings(self, as_of: date) -> dict[str, list[Reading]]:
        found: dict[str, list[Reading]] = {name: [] for name in self.rules if as_of not in self.frozen.get(name, set())}
        for (name, segment), values in self.series.items():
            if name in found:
                periods = [Period(end=FIRST + timedelta(days=index), value=value, numerator=value, sample=0 if value is None else 100)
                           for index, value in enumerate(values)]
                points = tuple(point for point in judge(self.rules[name], Kpi(kpi="late"), periods) if point.known_on <= as_of)
                found[name].append(Reading(segment_type="all" if segment == "all" else "supplier", segment=segment, points=points))
        return found

    def evaluate(self, now: datetime, as_of: date) -> tuple[Message, ...]:
        def climb(one: Rule) -> tuple[Step, ...]:
            return ladder(one, at=now, people=self.people, shifts=self.shifts)

        outcome = step(Day(rules=self.rules, readings=self.readings(as_of), seen=self.seen, silences=self.silences, as_of=as_of, now=now,
                           version=f"{as_of}.001", ladder=climb, broken=self.broken), list(self.alerts.values()))
        self.alerts |= {alert.alert: alert for alert in outcome.changed}
        self.seen |= outcome.seen
        self.got += [(now, message) for message in outcome.messages]
        return outcome.messages

    def live(self, days: float, *, start: float = 0, but: Callable[[datetime], bool] = lambda now: False) -> None:
        """From day `start` on (0: FIRST, at midnight) so many days, hour by hour; but: hours at which nobody evaluates."""
        now = datetime.combine(FIRST, time(tzinfo=UTC)) + timedelta(days=start)
        end = now + timedelta(days=days)
        while now < end:
            as_of = now.date() - timedelta(days=1 if now.timetz() >= NIGHT else 2)
            if as_of >= FIRST and not but(now):
                self.evaluate(now, as_of)
            now += timedelta(hours=1)

    def expect(self, *expected: tuple[str, float, float, str]) -> None:
        """Each (kind, from hour, until hour, 'rule: segments'), hours since midnight of FIRST; exactly one message fits each, and there is no other."""
        left = list(self.got)
        for kind, first, last, about in expected:
            fitting = [one for one in left if one[1].kind == kind and first <= hours(one[0]) <= last and told(one[1]) == about]
            assert len(fitting) == 1, f"{kind} {about} between {first} and {last}: {len(fitting)} of {self.shown()}"
            left.remove(fitting[0])
        assert not left, f"nobody expected {[(one[1].kind, hours(one[0]), told(one[1])) for one in left]}"
        assert len({message.key for _, message in self.got}) == len(self.got), "two messages have one key: the second would never be sent"

    def shown(self) -> list[tuple[str, float, str]]:
        return [(message.kind, hours(at), told(message)) for at, message in self.got]


def hours(at: datetime) -> float:
    return (at - datetime.combine(FIRST, time(tzinfo=UTC))) / timedelta(hours=1)


def at(day: float, hour: float = 0) -> datetime:
    return datetime.combine(FIRST, time(tzinfo=UTC)) + timedelta(days=day, hours=hour)


def told(message: Message) -> str:
    return " + ".join(sorted({alert.rule for alert in message.alerts})) + ": " + ", ".join(sorted(alert.segment for alert in message.alerts))
