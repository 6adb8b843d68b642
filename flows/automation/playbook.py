"""What a playbook may say. One YAML file a playbook, `<playbook>.yml`; `playbooks.py` reads them. SQL decides who, code acts, this says what is done with whom.

    title: {en: Late supplier: order from the backup, zh: 供应商延迟：改向备选采购}
    when:
        worklist: late_suppliers         # after each published version
        severity: act                    # only rows of this severity
        alert: supplier_late_rate_act    # only while this rule fires for all, for the row's work_key, or for what stands in its column `segment`
        segment: supplier
        schedule: mon 08:00              # or daily 08:00: planned no earlier, in the company's time zone (default: as soon as published)
    mode: approve                        # off; shadow: written down only; propose: people do it by hand and say so; approve: done once somebody agreed;
                                         # auto: done within the caps; over one nothing runs and everything asks
    caps: {per_run: 10, per_day: 20, amount: {column: value, limit: 5000}, share: 0.5}
    canary: 1                            # so many must be verified before the rest go
    approvers: [supply_lead]
    four_eyes: true                      # two people, of whom whoever asked for it may be one but not agree
    expires_after: 48h                   # unanswered it is closed, not done; at half time it is told to escalate_to
    escalate_to: operations_lead
    reads: [tryton]                      # kinds of sources that must be fresh, or nothing runs by itself (default: all)
    steps:
        - do: tryton.switch_supplier
          target: erp                    # as in [automations.targets.erp]
          with: {purchase: "{purchase_number}", supplier: "{backup_supplier_number}"}
          only_if_present: [backup_supplier_number]     # left out for rows where one of these is null
    when_gone:                           # once the row has left its list, once an episode; asked or allowed as the steps are, see `gone.py`
        listed_until: listed_until       # column with the day from which on it is off the list anyway: leaving then says nothing, nothing is done
        take_back: [set_autoreply]       # steps that are undone
        steps:                           # as above; {task} and {task_status} are the ticket that a step opened, and as what
            - {do: close_task, target: tasks, with: {ticket: "{task}", was: "{task_status}"}}
    risk: {en: ..., zh: ...}
    kpi: supplier_late_rate              # its effect is measured on
    runbook: {en: [...], zh: [...]}
    tests: [...]                         # see Case

`{column}` is replaced by the row's text and nothing else is: no expressions. A row that lacks a column that is needed is handed over with the reason; a
parameter that is written with "?" (`"unit_price?": "{price}"`) is left out instead.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime, time, timedelta
from typing import Annotated, Any, Literal
from zoneinfo import ZoneInfo

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from flows.alerting.options import Tier
from flows.alerting.rule import Duration, Runbook, Words

Mode = Literal["off", "shadow", "propose", "approve", "auto"]
Verdict = Literal["runs", "asks", "is listed", "is noted", "is handed over", "nothing"]
TASK = ("task", "task_status")          # columns that a row has besides once a step has opened a ticket for it
GONE = " (gone)"                        # behind the key of work: what is done once it has gone
COLUMNS = ("worklist", "work_key", "subject", "evidence_en", "evidence_zh", "owner", "due_at", "severity", "value", "threshold", "as_of")
_PLACE = re.compile(r"\{([a-z][a-z0-9_]*)\}")
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


class _Part(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)


def is_closing(work_key: str) -> bool:
    return work_key.endswith(GONE)


def yaml_on(value: Any) -> Any:
    """YAML 1.1 reads `off` as false."""
    return "off" if value is False else value


class Schedule(_Part):
    weekday: int | None = None
    at: time

    def last(self, now: datetime, zone: ZoneInfo) -> datetime:
        """The newest instant at which it was due."""
        local = now.astimezone(zone)
        due = datetime.combine(local.date(), self.at, zone)
        days = 0 if self.weekday is None else (local.weekday() - self.weekday) % 7
        due -= timedelta(days=days)
        return due if due <= local else due - timedelta(days=1 if self.weekday is None else 7)


def written_schedule(value: Any) -> Any:
    """mon 08:00, daily 08:00."""
    if not isinstance(value, str):
        return value
    found = re.fullmatch(r"(daily|mon|tue|wed|thu|fri|sat|sun) (([01]\d|2[0-3]):[0-5]\d)", value)
    if not found:
        raise ValueError("a schedule is written 'daily 08:00' or 'mon 08:00'")
    return {"weekday": None if found[1] == "daily" else _WEEKDAYS.index(found[1]), "at": found[2]}


class When(_Part):
    worklist: str
    severity: Tier | None = None
    alert: str | None = None
    segment: str | None = None
    schedule: Annotated[Schedule, BeforeValidator(written_schedule)] | None = None


class Amount(_Part):
    column: str
    limit: float = Field(gt=0)


class Caps(_Part):
    per_run: int | None = Field(default=None, ge=1)
    per_day: int | None = Field(default=None, ge=1)
    amount: Amount | None = None
    share: float | None = Field(default=None, gt=0, le=1)


class Step(_Part):
    do: str
    target: str
    with_: dict[str, str | Words] = Field(alias="with")
    only_if_present: tuple[str, ...] = ()

    @field_validator("with_")
    @classmethod
    def plain(cls, value: dict[str, str | Words]) -> dict[str, str | Words]:
        for text in (text for given in value.values() for text in ((given.en, given.zh) if isinstance(given, Words) else (given,))):
            if set(_PLACE.sub("", text)) & set("{}"):
                raise ValueError(f"{text!r}: between braces stands the name of a column and nothing else")
        return value

    def in_(self, language: str) -> Step:
        """With texts in one language; {evidence} is the evidence in it."""
        evidence = "{evidence_zh}" if language == "zh-CN" else "{evidence_en}"
        texts = {name: given.in_(language) if isinstance(given, Words) else given for name, given in self.with_.items()}
        return self.model_copy(update={"with_": {name: text.replace("{evidence}", evidence) for name, text in texts.items()}})

    @property
    def texts(self) -> dict[str, str]:
        """Its parameters as they are written, in English where nobody said in which language."""
        return {name: given.en if isinstance(given, Words) else given for name, given in self.with_.items()}

    def columns(self, *, needed: bool = False) -> list[str]:
        """needed: those without which nothing can be done."""
        return [column for name, text in self.texts.items() if not (needed and name.endswith("?")) for column in _PLACE.findall(text)]

    def filled(self, row: Mapping[str, Any]) -> dict[str, str]:
        """Its parameters for a row that has all columns that are needed."""
        return {name.rstrip("?"): _PLACE.sub(lambda found: str(row[found[1]]), text) for name, text in self.texts.items()
                if all(row.get(column) is not None for column in _PLACE.findall(text))}


class WhenGone(_Part):
    """What is done once the work has left its list: steps of the playbook taken back, and steps of its own."""

    listed_until: str | None = None
    take_back: tuple[str, ...] = ()
    steps: tuple[Step, ...] = Field(default=(), max_length=9)

    @model_validator(mode="after")
    def is_something(self) -> WhenGone:
        if not self.take_back and not self.steps:
            raise ValueError("when_gone needs steps or take_back: what is done?")
        return self


class Case(_Part):
    """A test of the playbook: rows in, and what becomes of each. rows: as in the worklist; what is not given of `work_key`, `severity` and the like is
    filled in. all_rows: how long the whole list is. today: how many it has done today. mode: other than its own.

    says: work_key -> what becomes of it, all of it; writes: work_key -> the parameters of each step; gone: work_key -> the parameters of each step of
    `when_gone`, once it is gone; over: the cap that is exceeded; asks: who is asked.
    """

    holds: str
    rows: tuple[dict[str, Any], ...] = Field(min_length=1)
    all_rows: int | None = None
    today: int = 0
    mode: Annotated[Mode, BeforeValidator(yaml_on)] | None = None
    says: dict[str, Verdict]
    writes: dict[str, tuple[dict[str, str], ...]] = {}
    gone: dict[str, tuple[dict[str, str], ...]] = {}
    over: str = ""
    asks: tuple[str, ...] = ()


class Playbook(_Part):
    playbook: str
    title: Words
    when: When
    mode: Annotated[Mode, BeforeValidator(yaml_on)]
    caps: Caps = Caps()
    canary: int = Field(default=0, ge=0)
    approvers: tuple[str, ...] = ()
    four_eyes: bool = False
    expires_after: Duration = timedelta(hours=48)
    escalate_to: str | None = None
    reads: tuple[str, ...] = ()
    steps: tuple[Step, ...] = Field(min_length=1, max_length=9)
    when_gone: WhenGone | None = None
    risk: Words
    kpi: str
    runbook: Runbook
    tests: tuple[Case, ...] = Field(min_length=1)

    @property
    def version(self) -> str:
        """Changes when it would do something else."""
        does = {"worklist": self.when.worklist, "steps": [step.model_dump(mode="json") for step in self.steps]}
        return hashlib.sha256(json.dumps(does, sort_keys=True).encode()).hexdigest()[:16]

    def columns(self) -> Iterator[tuple[tuple[str, ...], str]]:
        """(where it stands, column) of every column that it names."""
        if self.when.segment:
            yield ("when", "segment"), self.when.segment
        if self.caps.amount:
            yield ("caps", "amount", "column"), self.caps.amount.column
        for number, step in enumerate(self.steps):
            yield from ((("steps", str(number), "with"), column) for column in step.columns())
            yield from ((("steps", str(number), "only_if_present"), column) for column in step.only_if_present)
        if self.when_gone:
            if self.when_gone.listed_until:
                yield ("when_gone", "listed_until"), self.when_gone.listed_until
            for number, step in enumerate(self.when_gone.steps):
                yield from ((("when_gone", "steps", str(number), "with"), column) for column in step.columns() if column not in TASK)
                yield from ((("when_gone", "steps", str(number), "only_if_present"), column) for column in step.only_if_present if column not in TASK)

    @model_validator(mode="after")
    def is_bounded(self) -> Playbook:
        if self.mode == "auto" and self.caps.per_run is None:
            raise ValueError("mode auto needs caps.per_run: without it a wrong list is acted on whole")
        if self.mode in ("approve", "auto") and not self.approvers:
            raise ValueError(f"mode {self.mode} needs approvers: somebody must be asked")
        if self.when.segment and not self.when.alert:
            raise ValueError("when.segment goes with when.alert")
        names = [step.do.rpartition(".")[2] for step in self.steps]
        if wrong := [name for name in (self.when_gone.take_back if self.when_gone else ()) if name.rpartition(".")[2] not in names]:
            raise ValueError(f"when_gone.take_back names {wrong[0]!r}, which is no step; steps are {', '.join(names)}")
        return self


PARTS: Mapping[str, type[BaseModel]] = {
    "title": Words, "when": When, "caps": Caps, "steps": Step, "when_gone": WhenGone, "risk": Words, "runbook": Runbook, "tests": Case, "amount": Amount,
}
