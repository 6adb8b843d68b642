"""What a playbook does with a list: which rows it is about, what it would write for each, and whether that runs, asks, or is only said. Pure."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from flows.automation.contract import Parameters
from flows.automation.playbook import Mode, Playbook, Step, Verdict

Row = Mapping[str, Any]
OF_MODE: Mapping[Mode, Verdict] = {"off": "nothing", "shadow": "is noted", "propose": "is listed", "approve": "asks", "auto": "runs"}


@dataclass(frozen=True, kw_only=True)
class Write:
    """One step for one row. number: of the step in its playbook."""

    number: int
    do: str
    target: str
    parameters: Parameters


@dataclass(frozen=True, kw_only=True)
class Work:
    """A row and what would be written for it. lacking: why nothing can be."""

    row: Row
    writes: tuple[Write, ...] = ()
    lacking: str = ""

    @property
    def key(self) -> str:
        return str(self.row["work_key"])


@dataclass(frozen=True, kw_only=True)
class Firing:
    """An open alert of the rule that a playbook waits for."""

    segment_type: str
    segment: str


def chosen(playbook: Playbook, rows: Sequence[Row], firing: Collection[Firing]) -> list[Row]:
    """The rows that the playbook is about."""
    when = playbook.when
    found = [row for row in rows if when.severity is None or row["severity"] == when.severity]
    if when.alert is None:
        return found
    segments = {alert.segment for alert in firing}
    if any(alert.segment_type == "all" for alert in firing):
        return found
    return [row for row in found if row["work_key"] in segments or (when.segment is not None and row.get(when.segment) in segments)]


def work_of(playbook: Playbook, row: Row) -> Work:
    """What is written for a row."""
    writes = []
    for number, step in enumerate(playbook.steps):
        if any(row.get(column) is None for column in step.only_if_present):
            continue
        if lacking := _lacking(step, row):
            return Work(row=row, lacking=f"{lacking} is not known, and {step.do} needs it")
        writes.append(Write(number=number, do=step.do, target=step.target, parameters=step.filled(row)))
    return Work(row=row, writes=tuple(writes), lacking="" if writes else "no step is left for this row")


def _lacking(step: Step, row: Row) -> str | None:
    return next((column for column in step.columns(needed=True) if row.get(column) is None), None)


def over_cap(playbook: Playbook, new: Sequence[Row], *, all_rows: int, planned: int = 0, today: int = 0) -> str:
    """The cap that acting on `new` rows would exceed, as a sentence; '' when none. planned: rows that this version has led to already; today: done since
    the day began. What cannot be added up is over."""
    caps, many = playbook.caps, len(new) + planned
    if caps.per_run is not None and many > caps.per_run:
        return f"per_run: {many} rows, {caps.per_run} may run"
    if caps.per_day is not None and today + len(new) > caps.per_day:
        return f"per_day: {today} done today and {len(new)} to do, {caps.per_day} may run"
    if caps.share is not None and many > caps.share * all_rows:
        return f"share: {many} of {all_rows} rows, {caps.share:.0%} may run"
    if caps.amount is not None:
        amounts = [row.get(caps.amount.column) for row in new]
        if any(amount is None for amount in amounts):
            return f"amount: {caps.amount.column} of a row is not known"
        if (total := sum(abs(float(amount)) for amount in amounts if amount is not None)) > caps.amount.limit:
            return f"amount: {caps.amount.column} adds up to {total:g}, {caps.amount.limit:g} may run"
    return ""


def plain(value: Any) -> Any:
    """A value of a row as JSON, and as it is written into parameters."""
    if isinstance(value, date | datetime):
        return value.isoformat()
    return str(value) if isinstance(value, Decimal) else value
