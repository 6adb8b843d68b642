"""Freshness: what the ledger knows and the published version must say, too: how old and how complete every stream is, what playbooks did,
what was alerted."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

from flows.alerting.rule import Rule
from flows.backfill_form import known_streams
from flows.settings import Settings
from flows.store import alerts, completeness, grid, intents
from flows.store import ledger as ledgers
from flows.store.warehouse import ABSORBABLE

PUBLISHED_DAYS = 90


def stale_streams(
    settings: Settings, ledger: ledgers.Ledger, now: datetime,
) -> list[tuple[str, str, str, datetime | None, datetime | None, bool, str | None]]:
    """(source, kind, stream, last success, last attempt, stale?, why) for the published freshness table."""
    waiting = ledgers.unchecked_streams(ledger)
    rows = []
    for state in ledgers.stream_states(ledger):
        source = settings.configuration.sources.get(state.source)
        if source is None:
            continue
        reason = state.failure
        if reason is None and (state.last_success_at is None or now - state.last_success_at > timedelta(hours=source.stale_after_hours)):
            reason = f"not read for {source.stale_after_hours:g} hours"
        if reason is None and (state.source, state.stream) in waiting:
            reason = "what was read last is not checked yet, and not shown"
        rows.append((state.source, state.kind, state.stream, _naive(state.last_success_at), _naive(state.last_attempt_at), reason is not None, reason))
    return rows


def compared_streams(settings: Settings, ledger: ledgers.Ledger, as_of: date) -> list[tuple[Any, ...]]:
    """Rows for the published completeness table: the last 90 days up to `as_of` of the sources that are configured."""
    return [
        (one.source, one.kind, one.stream, one.day, one.part, _naive(one.window_start), _naive(one.window_end), one.method, one.rows_in_source, one.rows_landed,
         one.missing, one.superfluous, one.stale, one.figure, one.reason, list(one.examples), one.requests, _naive(one.compared_at))
        for one in completeness.compared(ledger, since=as_of - timedelta(days=PUBLISHED_DAYS))
        if one.day <= as_of and one.source in settings.configuration.sources
    ]


def read_back_to(ledger: ledgers.Ledger, shown: Mapping[str, Any]) -> date | None:
    """The first day of what backfills, and nights that made gaps good, have read of the past and a version does not show yet; None where there is nothing.

    shown: the manifest of that version.
    """
    last = {(row["source"], row["stream"]): row.get("batch") for row in shown.get("sources", ())}
    reached: dict[tuple[str, str], str] = {}
    days = []
    for row in ledgers.list_batches(ledger):
        stream, start, end = (row["source"], row["stream"]), ledgers.instant(row["window_start"]), row["window_end"]
        is_new = row["verdict"] in ABSORBABLE and (before := last.get(stream)) is not None and row["batch"] > before
        if is_new and end <= reached.get(stream, "") and row["records"] and start is not None:
            days.append(start.date())
        reached[stream] = max(end, reached.get(stream, ""))
    return min(days, default=None)


def days_of_streams(settings: Settings, ledger: ledgers.Ledger, as_of: date, now: datetime) -> list[tuple[Any, ...]]:
    """Rows for the published grid: what became of each of the last 90 days of every stream. What waits or runs is what it was before."""
    feeds = {(row["source"], row["stream"]): row["feeds"] for row in ledgers.list_batches(ledger)}
    cells = grid.read(ledger, known_streams(settings, ledger), as_of - timedelta(days=PUBLISHED_DAYS - 1), as_of, zone=settings.zone, now=now, at_rest=True)
    return [
        (cell.source, cell.kind, cell.stream, feeds.get((cell.source, cell.stream)), cell.day, "done" if cell.state == "restated" else cell.state, cell.why,
         cell.who, cell.met, cell.job, _naive(cell.at))
        for cell in cells
    ]


def actions_done(ledger: ledgers.Ledger, kpis: Mapping[str, str]) -> list[tuple[Any, ...]]:
    """Rows for the published automations: every intent that there ever was, without what it wrote. kpis: playbook -> the KPI it is measured on."""
    return [(*row[:12], *(_naive(ledgers.instant(at)) for at in row[12:]), kpis.get(row[2])) for row in intents.done(ledger)]


def alerts_told(ledger: ledgers.Ledger, rules: Mapping[str, Rule]) -> list[tuple[Any, ...]]:
    """Rows for the published alerts: every episode that there ever was; who acknowledged it stays in the ledger. rules: by name, those there are now."""
    with ledger.begin() as connection:
        known = alerts.episodes(connection)
    rows = []
    for one in known:
        rule = rules.get(one.rule)
        said = (rule.title.en, rule.title.zh, rule.kpi, rule.tier, rule.owner) if rule else (None,) * 5
        rows.append((one.alert, one.rule, *said, one.severity, one.segment_type, one.segment, one.since, one.fired_on, _naive(one.fired_at), one.times_told,
                     _naive(one.acknowledged_at), _naive(one.resolved_at), one.resolution))
    return rows


def missing_of(ledger: ledgers.Ledger, as_of: date) -> dict[tuple[str, str], int]:
    """How many records of each stream the last comparison of this day found missing; streams that lack none are left out."""
    found: dict[tuple[str, str], int] = {}
    for one in completeness.compared(ledger, since=as_of):
        if one.day == as_of and one.missing:
            found[one.source, one.stream] = found.get((one.source, one.stream), 0) + one.missing
    return found


def last_batches(ledger: ledgers.Ledger) -> dict[tuple[str, str], str]:
    """The last batch of each stream that a build takes in; one that is held keeps back those behind it."""
    found: dict[tuple[str, str], str] = {}
    blocked = set()
    for row in ledgers.list_batches(ledger):
        stream = (row["source"], row["stream"])
        if row["verdict"] in ABSORBABLE and stream not in blocked:
            found[stream] = row["batch"]
        elif row["verdict"] != "rejected":
            blocked.add(stream)
    return found


def _naive(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(tzinfo=None)

