"""Run the tests that stand in a rule's file: what happened, and every day on which the rule says something."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from flows.alerting.episodes import Reading
from flows.alerting.judge import Judged, Kpi, Period, judge
from flows.alerting.replay import replay
from flows.alerting.rule import Case, Grain, Rule


def failures(rule: Rule) -> list[str]:
    """One line for each test of the rule that does not hold: what it says, and what the rule said."""
    found = []
    for case in rule.tests:
        said = run(rule, case)
        if said != dict(case.says):
            found.append(f"{rule.rule}: {case.holds!r} does not hold: expected {_shown(dict(case.says))}, the rule says {_shown(said)}")
    return found


def run(rule: Rule, case: Case) -> dict[date, str]:
    """Day -> fires or resolves. A rule that has no history is asked as a night asks it: whether there is something now."""
    days = list(_ends(case.first_day, rule.grain, len(case.values or case.counts or case.there)))
    kpi = Kpi(kpi=rule.kpi or "", direction=case.direction, unit="ratio")
    if case.there:
        points = tuple(Judged(day=day, known_on=day, verdict="breach" if there else "clear") for day, there in zip(days, case.there, strict=True))
    else:
        points = judge(rule, kpi, [_period(case, index, day) for index, day in enumerate(days)])
    asked = rule if rule.has_history else rule.model_copy(update={"worklist_not_empty": None, "missing": None, "out_of_control": True})
    reading = Reading(segment_type="all", segment="all", points=points)
    replayed = replay({rule.rule: asked}, {rule.rule: [reading]}, first=days[0], last=days[-1])
    said = {}
    for alert in replayed[0].episodes:
        said[alert.fired_at.date() - timedelta(days=1)] = "fires"
        if alert.resolved_on is not None:
            said[alert.resolved_on] = "resolves"
    return dict(sorted(said.items()))


def _period(case: Case, index: int, day: date) -> Period:
    if case.values:
        value = case.values[index]
        return Period(end=day, value=value, numerator=value, sample=0 if value is None else max(int(value), 1), target=case.target)
    count = case.counts[index]
    if count is None:
        return Period(end=day, value=None, target=case.target)
    above, below = (float(part) for part in count.split("/"))
    return Period(end=day, value=above / below if below else None, numerator=above, denominator=below, sample=int(below), target=case.target)


def _ends(first: date, grain: Grain, count: int) -> Iterator[date]:
    """The last days of so many periods, the first of which begins on `first`."""
    start = first
    for _ in range(count):
        next_month = (start.replace(day=1) + timedelta(days=32)).replace(day=1)
        following = {"day": start + timedelta(days=1), "week": start + timedelta(days=7), "month": next_month}[grain]
        yield following - timedelta(days=1)
        start = following


def _shown(said: dict[date, str]) -> str:
    return ", ".join(f"{day} {what}" for day, what in sorted(said.items())) or "nothing"
