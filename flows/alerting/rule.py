"""What a rule may say. One YAML file a rule, `<rule>.yml`; `rules.py` reads them.

    title: {en: Supplier late rate above 10 %, zh: 供应商延迟率超过 10 %}
    kpi: supplier_late_rate        # judged by `grain` (day), in each segment of the types in `segments` (all)
    segments: [supplier]
    above: 0.10                    # one condition
    measure: value                 # or sample_size: how many things the value rests on
    window: 1                      # periods added up before judging, for KPIs with numerators
    for: 2                         # this many judged periods in a row, and it fires
    clear: {at: 0.08, for: 2}      # this many in a row no worse than `at`, and it is over (default: the limit itself, as many as `for`)
    min_sample: 8                  # a smaller sample judges nothing (default: the KPI's)
    tier: warn                     # inform, warn; act: only when the sample leaves no doubt (one-sided Wilson bound)
    severity: warning
    owner: supply_lead             # and raci: {responsible, accountable, consulted, informed}
    repeat_every: 7d               # remind while nobody has acknowledged it
    new_every: 7d                  # what is new is told no more often than this, together (default: every night)
    escalation: [{after: 8h, to: operations_lead}]
    inhibited_by: [supplier_late_rate_act]
    runbook: {en: [...], zh: [...]}   # two to four steps
    tests: [...]                   # see Case
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from flows.alerting.notice import Severity
from flows.alerting.options import Tier

CONDITIONS = ("above", "below", "worse_than_target_by", "changed_by", "out_of_control", "worklist_not_empty", "missing")
Missing = Literal["value", "source", "records", "sound_rows", "check", "version"]
Grain = Literal["day", "week", "month"]
_UNITS = {"min": "minutes", "h": "hours", "d": "days"}


def duration(value: Any) -> timedelta:
    """30min, 8h, 3d."""
    if isinstance(value, timedelta):
        return value
    found = re.fullmatch(r"(\d+) ?(min|h|d)", str(value))
    if not found or not int(found[1]):
        raise ValueError("a time is written 30min, 8h or 3d")
    return timedelta(**{_UNITS[found[2]]: int(found[1])})


def share(value: Any) -> float:
    """+80% or -30%: by how much of what it was before."""
    if isinstance(value, float):
        return value
    found = re.fullmatch(r"([+-]\d+(?:\.\d+)?) ?%", str(value))
    if not found or not float(found[1]):
        raise ValueError("a change is written '+80%' or '-30%'")
    return float(found[1]) / 100


class Margin(BaseModel):
    """How far off the target: in the KPI's unit, or as a share of the target."""

    model_config = ConfigDict(frozen=True)
    by: float = Field(ge=0)
    is_share: bool = False


def margin(value: Any) -> Any:
    """0.02, in the KPI's unit; or '5% of target'."""
    if isinstance(value, Margin):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return Margin(by=value)
    found = re.fullmatch(r"(\d+(?:\.\d+)?) ?% of target", str(value))
    if not found:
        raise ValueError("write how far in the KPI's unit (0.02), or '5% of target'")
    return Margin(by=float(found[1]) / 100, is_share=True)


def repeated(value: Any) -> Any:
    """A series in which '27 * 0/7' stands for 27 entries of 0/7."""
    found: list[Any] = []
    for entry in value if isinstance(value, list) else []:
        times = re.fullmatch(r"(\d+) \* (\S+)", entry) if isinstance(entry, str) else None
        found += [None if times[2] == "null" else times[2]] * int(times[1]) if times else [entry]
    return found if isinstance(value, list) else value


Duration = Annotated[timedelta, BeforeValidator(duration)]


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


class Words(_Part):
    """One thing in both languages."""

    en: str = Field(min_length=1)
    zh: str = Field(min_length=1)

    def in_(self, language: str) -> str:
        return self.zh if language == "zh-CN" else self.en


class Runbook(_Part):
    en: tuple[str, ...] = Field(min_length=2, max_length=4)
    zh: tuple[str, ...] = Field(min_length=2, max_length=4)

    def in_(self, language: str) -> tuple[str, ...]:
        return self.zh if language == "zh-CN" else self.en

    @model_validator(mode="after")
    def as_many(self) -> Runbook:
        if len(self.en) != len(self.zh):
            raise ValueError(f"{len(self.en)} steps in English, {len(self.zh)} in Chinese")
        return self


class Raci(_Part):
    responsible: str
    accountable: str
    consulted: str = ""
    informed: str = ""


class Clear(_Part):
    at: float | None = None
    for_: int | None = Field(default=None, alias="for", ge=1)


class Rung(_Part):
    """after: time in the shifts of whoever was told before; then `to` (a role) is told as well."""

    after: Duration
    to: str


class Case(_Part):
    """A test of the rule: what happened from first_day on, one entry a period, and everything that the rule says of it.

    values, or counts ("3/20": numerator/denominator, sample 20), null: no data, "27 * 0/7": so often; or there: whether there was something, for rules
    without a number. target: what held. says: by the day on which it is known, fires or resolves – all of it: a rule that says more fails.
    """

    holds: str
    first_day: date
    values: Annotated[tuple[float | None, ...], BeforeValidator(repeated)] = ()
    counts: Annotated[tuple[str | None, ...], BeforeValidator(repeated)] = ()
    there: tuple[bool, ...] = ()
    target: float | None = None
    direction: Literal["higher", "lower", "range"] = "lower"
    says: dict[date, Literal["fires", "resolves"]]

    @model_validator(mode="after")
    def one_series(self) -> Case:
        if sum(map(bool, (self.values, self.counts, self.there))) != 1:
            raise ValueError("a test has one of values, counts, there")
        if wrong := [count for count in self.counts if count is not None and not re.fullmatch(r"\d+(\.\d+)?/\d+(\.\d+)?", count)]:
            raise ValueError(f"{wrong[0]!r}: a count is written 3/20")
        return self


class Rule(_Part):
    rule: str
    title: Words
    kpi: str | None = None
    grain: Grain = "day"
    segments: tuple[str, ...] = ("all",)
    measure: Literal["value", "sample_size"] = "value"
    above: float | None = None
    below: float | None = None
    worse_than_target_by: Annotated[Margin, BeforeValidator(margin)] | None = None
    changed_by: Annotated[float, BeforeValidator(share)] | None = None
    out_of_control: Literal[True] | None = None
    worklist_not_empty: str | None = None
    missing: Missing | None = None
    compared_with: int = Field(default=4, ge=1)     # changed_by: the median of so many windows before
    window: int = Field(default=1, ge=1, le=366)
    for_: int = Field(default=1, alias="for", ge=1, le=60)
    clear: Clear = Clear()
    min_sample: int | None = Field(default=None, ge=0)
    tier: Tier
    severity: Severity
    owner: str
    raci: Raci
    channels: tuple[str, ...] = ()
    repeat_every: Duration | None = None
    new_every: Duration | None = None               # what is new is told no more often than this: lists that grow a little every day
    escalation: tuple[Rung, ...] = ()
    inhibited_by: tuple[str, ...] = ()
    runbook: Runbook
    playbook: str | None = None
    tests: tuple[Case, ...] = Field(min_length=1)

    @property
    def condition(self) -> str:
        return next(name for name in CONDITIONS if getattr(self, name) is not None)

    @property
    def has_history(self) -> bool:
        """Whether published tables tell of its past; of worklists, sources and nights they tell only how it is now."""
        return self.worklist_not_empty is None and self.missing in (None, "value")

    @property
    def clear_for(self) -> int:
        return self.clear.for_ or self.for_

    @model_validator(mode="after")
    def says_one_thing(self) -> Rule:
        given = [name for name in CONDITIONS if getattr(self, name) is not None]
        if len(given) != 1:
            raise ValueError(f"a rule has one condition of {', '.join(CONDITIONS)}; this has {' and '.join(given) or 'none'}")
        if self.has_history != (self.kpi is not None):
            raise ValueError(f"kpi is missing: {given[0]} judges one" if self.has_history else f"{given[0]} judges no KPI; take kpi out")
        if not self.has_history and (self.for_, self.clear_for) != (1, 1):
            raise ValueError(f"{given[0]} is known only as it is now: for and clear.for are 1")
        if self.tier == "act" and given[0] not in ("above", "below", "worse_than_target_by") and self.has_history:
            raise ValueError(f"tier act asks whether the sample leaves any doubt, and {given[0]} compares no share with a limit; tier warn does not ask")
        if self.measure == "sample_size" and (self.tier == "act" or given[0] not in ("above", "below", "changed_by")):
            raise ValueError("measure: sample_size goes with above, below and changed_by, and not with tier act")
        at = self.clear.at
        if at is not None and ((self.above is not None and at > self.above) or (self.below is not None and at < self.below)):
            raise ValueError("clear.at lies on the wrong side of the limit: it would be over while it fires")
        if at is not None and given[0] not in ("above", "below", "worse_than_target_by", "changed_by"):
            raise ValueError(f"clear.at goes with a limit, and {given[0]} has none")
        return self


def names_of(model: type[BaseModel]) -> list[str]:
    """The keys that a part of a rule may have, as they are written."""
    return sorted(field.alias or name for name, field in model.model_fields.items())


PARTS: Mapping[str, type[BaseModel]] = {
    "title": Words, "raci": Raci, "clear": Clear, "escalation": Rung, "runbook": Runbook, "tests": Case,
}
