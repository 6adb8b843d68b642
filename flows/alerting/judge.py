"""Judge a series: each published period of a KPI against the condition of a rule. Pure; what nobody can judge is left out, and counts neither way."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal, NamedTuple

from flows.alerting.rule import Rule

# One-sided 95 %. The bound holds for small samples and shares near 0 and 1, where the normal approximation does not (Wilson, "Probable inference", 1927).
Z = 1.645
Verdict = Literal["breach", "between", "clear"]


class CannotJudge(Exception):
    """A rule asks for what the published numbers do not tell; the text says what."""


@dataclass(frozen=True, kw_only=True)
class Kpi:
    """What the catalogue says of a KPI. reads: (kind, stream) of the sources behind it."""

    kpi: str
    title_en: str = ""
    title_zh: str = ""
    unit: str = "ratio"
    direction: str = "lower"
    min_sample: int = 0
    settles_after_days: int = 0
    reads: frozenset[tuple[str, str]] = frozenset()

    def title(self, language: str) -> str:
        return self.title_zh if language == "zh-CN" else self.title_en


class Period(NamedTuple):
    """A row of `kpis`; end is inclusive. (A tuple, as millions are made of a night's thousand segments: a frozen dataclass takes three times as long.)"""

    end: date
    value: float | None
    numerator: float | None = None
    denominator: float | None = None
    sample: int = 0
    target: float | None = None


class Judged(NamedTuple):
    """A period (or window that ends with it) and what the rule says of it. known_on: the first day whose version can know."""

    day: date
    known_on: date
    verdict: Verdict
    value: float | None = None
    numerator: float | None = None
    denominator: float | None = None
    sample: int = 0
    target: float | None = None


def judge(rule: Rule, kpi: Kpi, periods: Sequence[Period]) -> tuple[Judged, ...]:
    """The periods that can be judged, oldest first. Raises CannotJudge."""
    settles = timedelta(days=kpi.settles_after_days)
    if rule.missing == "value":
        return tuple(
            Judged(day=one.end, known_on=one.end + settles, verdict="clear" if one.value is not None else "breach", sample=one.sample, value=one.value)
            for one in periods)
    windows = _windows(rule, periods if rule.measure == "value" else [_counted(one) for one in periods])
    limit, clear_at, excess = _measure(rule, kpi, windows)
    smallest = kpi.min_sample if rule.min_sample is None else rule.min_sample
    found = []
    for index, one in enumerate(windows):
        beyond = None if one.value is None or one.sample < smallest else excess(index, one.value)
        if beyond is None:
            continue
        certain = excess(index, _bound(rule, kpi, one)) if rule.tier == "act" else beyond
        verdict: Verdict = "breach" if certain is not None and certain > limit + 1e-12 else "clear" if beyond <= clear_at + 1e-12 else "between"
        found.append(Judged(
            day=one.end, known_on=one.end + settles, verdict=verdict, value=one.value, numerator=one.numerator, denominator=one.denominator,
            sample=one.sample, target=one.target))
    return tuple(found)


def _counted(one: Period) -> Period:
    """A period whose value is its sample."""
    return Period(end=one.end, value=float(one.sample), numerator=float(one.sample), sample=one.sample)


def _windows(rule: Rule, periods: Sequence[Period]) -> list[Period]:
    """Each period together with those before it that its window holds. A share is added up by its parts, a sum by its values; nothing else can be."""
    if rule.window == 1:
        return list(periods)
    known = [one for one in periods if one.value is not None]
    if any(one.numerator is None for one in known):
        raise CannotJudge(f"{rule.kpi} cannot be added up over {rule.window} periods: its numerators are not published; take window out")
    is_share = any(one.denominator is not None for one in known)
    found = []
    for index in range(rule.window - 1, len(periods)):
        part = [one for one in periods[index - rule.window + 1:index + 1] if one.value is not None or one.denominator is not None]
        above = sum(one.numerator or 0.0 for one in part)
        below = sum(one.denominator or 0.0 for one in part)
        value = (above / below if below else None) if is_share else (above if part else None)
        found.append(Period(
            end=periods[index].end, value=value, numerator=above if part else None, denominator=below if is_share else None,
            sample=sum(one.sample for one in part), target=periods[index].target))
    return found


def _measure(rule: Rule, kpi: Kpi, windows: Sequence[Period]) -> tuple[float, float, Callable[[int, float], float | None]]:
    """(limit, where it is over, how far a window's value goes – in the direction that the rule calls bad). None: nothing to compare it with."""
    at = rule.clear.at
    if rule.above is not None:
        return rule.above, rule.above if at is None else at, lambda _, value: value
    if rule.below is not None:
        return -rule.below, -(rule.below if at is None else at), lambda _, value: -value
    if rule.worse_than_target_by is not None:
        wanted = rule.worse_than_target_by
        if windows and all(one.target is None for one in windows):
            raise CannotJudge(f"no target is stated for {rule.kpi}")

        def off_target(index: int, value: float) -> float | None:
            target = windows[index].target
            if target is None:
                return None
            worse = {"higher": target - value, "range": abs(value - target)}.get(kpi.direction, value - target)
            if not wanted.is_share:
                return worse
            return worse / abs(target) if target else None

        return wanted.by, wanted.by if at is None else at, off_target
    if rule.changed_by is not None:
        sign = math.copysign(1, rule.changed_by)

        def changed(index: int, value: float) -> float | None:
            before = [windows[index - rule.window * back].value for back in range(1, rule.compared_with + 1) if index >= rule.window * back]
            usual = [one for one in before if one is not None]
            if len(usual) < rule.compared_with or not statistics.median(usual):
                return None
            return sign * (value / statistics.median(usual) - 1)

        return abs(rule.changed_by), abs(rule.changed_by if at is None else at), changed
    raise CannotJudge(f"{rule.condition} compares no value")


def _bound(rule: Rule, kpi: Kpi, one: Period) -> float:
    """The value that the true share certainly goes beyond, towards what the rule calls good."""
    if one.numerator is None or one.denominator is None or not 0 <= one.numerator <= one.denominator:
        raise CannotJudge(f"tier act needs a share of things counted, and {rule.kpi} is none; tier warn judges it")
    is_low_bad = rule.below is not None or (rule.worse_than_target_by is not None and kpi.direction == "higher")
    low, high = wilson(one.numerator, one.denominator)
    return high if is_low_bad else low


def wilson(count: float, of: float) -> tuple[float, float]:
    """One-sided 95 % bounds of a share, lower and upper."""
    if of <= 0:
        return 0.0, 1.0
    share = count / of
    middle = (share + Z * Z / (2 * of)) / (1 + Z * Z / of)
    half = Z * math.sqrt(share * (1 - share) / of + Z * Z / (4 * of * of)) / (1 + Z * Z / of)
    return max(0.0, middle - half), min(1.0, middle + half)


def fires(points: Sequence[Judged], count: int) -> bool:
    """The newest `count` judged periods are all beyond the limit. What was before them – restated or not – has no part in it."""
    return len(points) >= count and all(point.verdict == "breach" for point in points[-count:])


def clears(points: Sequence[Judged], count: int) -> bool:
    return len(points) >= count and all(point.verdict == "clear" for point in points[-count:])


def pending(points: Sequence[Judged], count: int) -> int:
    """How many of the newest judged periods are beyond the limit, where those are too few to fire; 0 otherwise."""
    run = next((index for index, point in enumerate(reversed(points)) if point.verdict != "breach"), len(points))
    return run if run < count else 0


def since(points: Sequence[Judged]) -> date | None:
    """The first day of the stretch of breaches that reaches to now, whatever lies between limit and clearance being part of it."""
    first = None
    for point in reversed(points):
        if point.verdict == "clear":
            break
        if point.verdict == "breach":
            first = point.day
    return first
