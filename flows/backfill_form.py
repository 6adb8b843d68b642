"""What a backfill is asked by: one form, rendered by the Prefect UI and filled in by the options of `meridian backfill`.

What a field allows stands in the form's schema, so that the UI asks for it. What holds between fields, `problem` says in one sentence before anything runs:
a validator of the model would say it in a traceback.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from datetime import date
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import BaseModel, Field, create_model

from connectors import registry
from flows.settings import ConfigurationError, Settings, load, nearest
from flows.store import ledger as ledgers
from flows.store.grid import Known
from flows.store.refused import LedgerUnreachable

Mode = Literal["missing", "missing and failed", "everything", "rebuild marts only"]
MODES: tuple[Mode, ...] = get_args(Mode)
MOST_DAYS = 1100        # three years; a grid that nobody can look at is asked for in parts


class Form(BaseModel):
    """Read days of the past again. Nothing else waits for it: the nights go first, no alert is sent, the marts are published once, at the end."""

    start_day: date = Field(title="First day", description="By the day on which a record was last changed, in the reporting time zone.")
    end_day: date = Field(title="Last day", description="Included. The last day that is over, at the latest.")
    sources: list[str] = Field(default=[], title="Sources", description="None chosen: all.")
    streams: list[str] = Field(default=[], title="Streams", description="None chosen: all of the chosen sources.")
    mode: Mode = Field(
        default="missing", title="What to do",
        description="Only days that are missing; those that failed, too; every day again; or no reading at all, the marts built anew from what has landed.")
    order: Literal["newest first", "oldest first"] = Field(default="newest first", title="Order")
    days_at_once: int = Field(
        default=7, ge=1, le=31, title="Days at once",
        description="Neighbouring days that are read in one go. More costs fewer requests; what fails, fails together, and a kill repeats more.")
    budget: int | None = Field(
        default=None, ge=1, title="Budget", description="Requests that may be made of each source; what is left waits. Empty: no limit of its own.")
    dry_run: bool = Field(default=False, title="Dry run", description="Only say what would be done, with the estimated requests and time.")
    reason: str = Field(default="", title="Reason", description="Kept with every day that is read. Needed, but for a dry run.")
    asked_by: str = Field(default="", title="Asked by", description="Whose decision this is; kept with the reason.")


def known_streams(settings: Settings, ledger: ledgers.Ledger | None) -> list[Known]:
    """Every stream of the configured sources, as far as it can be told without asking them."""
    found: dict[tuple[str, str], Known] = {}
    for name, source in settings.configuration.sources.items():
        for stream in registry.streams(source.kind):
            found[name, stream.name] = Known(
                source=name, stream=stream.name, kind=source.kind, earliest=stream.earliest, is_by_time=stream.cursor is not None)
        declared = source.options.get("streams")
        for stream_name in declared if isinstance(declared, dict) else ():
            found.setdefault((name, stream_name), Known(source=name, stream=stream_name, kind=source.kind))
        for left_out in source.options.get("without", ()):
            found.pop((name, left_out), None)
    for state in ledgers.stream_states(ledger) if ledger is not None else ():
        if state.source in settings.configuration.sources:
            found.setdefault((state.source, state.stream), Known(source=state.source, stream=state.stream, kind=state.kind))
    return [found[key] for key in sorted(found)]


def chosen(form: Form, known: Iterable[Known]) -> list[Known]:
    return [one for one in known if (not form.sources or one.source in form.sources) and (not form.streams or f"{one.source}/{one.stream}" in form.streams)]


def problem(form: Form, known: Sequence[Known], last_complete: date) -> str | None:
    """What keeps this form from being run, in one sentence with the next move; None: nothing."""
    streams = [f"{one.source}/{one.stream}" for one in known]
    sources = sorted({one.source for one in known})
    if form.mode == "rebuild marts only" and (form.sources or form.streams or form.budget):
        return "rebuilding the marts reads no source: leave sources, streams and budget empty, or choose another mode"
    if form.start_day > form.end_day:
        return f"the first day {form.start_day} is after the last day {form.end_day}: exchange them"
    if form.end_day > last_complete:
        return f"the last day {form.end_day} is not over yet: the last complete day is {last_complete}"
    if (days := (form.end_day - form.start_day).days + 1) > MOST_DAYS:
        return f"{days} days are more than {MOST_DAYS}: ask for them in parts"
    for name in form.sources:
        if name not in sources:
            return f"there is no source {name!r}{nearest(name, sources)}"
    for name in form.streams:
        if name not in streams:
            return f"there is no stream {name!r}{nearest(name, streams)}"
        if form.sources and name.split("/")[0] not in form.sources:
            return f"{name} is no stream of {', '.join(form.sources)}: choose its source, too, or leave the sources empty"
    if not form.dry_run and not form.reason.strip():
        return "a reason is needed: it is kept with every day that is read"
    return None


def schema() -> type[Form]:
    """The form with the names of this deployment's sources and streams to choose from, for the UI; plain where there is no configuration."""
    try:
        settings = load(os.environ.get("MERIDIAN_CONFIG"))
    except ConfigurationError:
        return Form
    try:
        there_is_one = "://" in settings.ledger or Path(settings.ledger).exists()
        ledger = ledgers.open_ledger(settings.ledger) if there_is_one else None
    except (ConfigurationError, LedgerUnreachable):
        return Form
    known = known_streams(settings, ledger)

    def one_of(names: Sequence[str], field: str) -> Any:
        told = Form.model_fields[field]
        return list[str], Field(default=[], title=told.title, description=told.description,
                                json_schema_extra={"items": {"type": "string", "enum": list(names)}})

    return create_model(
        "Form", __base__=Form, __doc__=Form.__doc__, sources=one_of(sorted({one.source for one in known}), "sources"),
        streams=one_of([f"{one.source}/{one.stream}" for one in known], "streams")) if known else Form
