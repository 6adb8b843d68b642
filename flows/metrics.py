"""Metrics: what a deployment looks like from outside, in the text format of Prometheus: nights, streams, queues, slots, disk. Read from the ledger alone, but
for `meridian_prefect_*`; nothing here is counted in memory, so that restarts change nothing and any process may answer."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from datetime import datetime
from typing import Any

import requests
import sqlalchemy as sql
from prometheus_client import CollectorRegistry
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.exposition import generate_latest

from flows import disk_use, healing, lateness
from flows.settings import Settings
from flows.store import alerts, completeness, grid, intents, leases, outbox, proposals, published
from flows.store import ledger as ledgers

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
GOOD = ("published", "unchanged", "published with stale sources")
LEASES = ("night", grid.LEASE, "reading the past", "publishing the past")
NIGHTS = 60                         # looked back for the last good one

Values = Iterable[tuple[tuple[str, ...], float | None]]


def text(settings: Settings, ledger: ledgers.Ledger) -> bytes:
    """All metrics of this instant. Raises SQLAlchemyError where the ledger cannot be reached."""
    return of([*_nights(settings, ledger), *_streams(settings, ledger), *_queues(ledger), *_slots(settings, ledger), *_disk(ledger)])


def of(families: Iterable[GaugeMetricFamily]) -> bytes:
    class Collected:
        def collect(self) -> Iterable[GaugeMetricFamily]:
            return families

    registry = CollectorRegistry(auto_describe=False)
    registry.register(Collected())
    return bytes(generate_latest(registry))


def gauge(name: str, says: str, values: Values, *labels: str) -> GaugeMetricFamily:
    """What is not known (None) is left out: absent is not zero."""
    family = GaugeMetricFamily(f"meridian_{name}", says, labels=labels)
    for given, value in values:
        if value is not None:
            family.add_metric(given, float(value))
    return family


def _one(value: float | None) -> Values:
    return [((), value)]


def _nights(settings: Settings, ledger: ledgers.Ledger) -> Iterator[GaugeMetricFamily]:
    now, nights = settings.clock(), ledgers.list_nights(ledger, limit=NIGHTS)
    ended = [night for night in nights if night["ended_at"]]
    good = next((night for night in ended if night["state"] in GOOD), None)
    last = ended[0] if ended else None
    report: Mapping[str, Any] = (last or {}).get("report") or {}
    yield gauge("last_good_night_timestamp_seconds", "When the last night ended that left readers with everything there is.",
                _one(_seconds(good["ended_at"]) if good else None))
    yield gauge("last_night_timestamp_seconds", "When the last night ended, however it did.", _one(_seconds(last["ended_at"]) if last else None))
    yield gauge("last_night_state", "How the last night ended; 1 for the state that it has.", [((last["state"],), 1)] if last else [], "state")
    yield gauge("last_night_seconds", "How long the last night took.", _one(_length(last) if last else None))
    yield gauge("last_night_step_seconds", "How long each step of the last night took.",
                [((step,), taken) for step, taken in report.get("seconds", {}).items()], "step")
    yield gauge("last_night_failed_checks", "Checks that failed in the last night.", _one(len(report["failed_checks"]) if "failed_checks" in report else None))
    failed = 0
    for night in ended:
        if night["state"] in GOOD:
            break
        failed += 1
    yield gauge("failed_nights", "Nights since the last good one that were none.", _one(failed))
    current = published.current(settings.published)
    yield gauge("marts_as_of_timestamp_seconds", "Last day that readers have, as the instant of its beginning.",
                _one(datetime.combine(current.as_of, datetime.min.time(), settings.zone).timestamp() if current else None))
    yield gauge("marts_late", "1 when marts are later than published_by.", _one(float(lateness.late(settings, now) is not None)))
    yield gauge("ready", "1 when readers may rely on what is published; what /healthz says.", _one(float(not lateness.unready(settings, ledger))))


def _streams(settings: Settings, ledger: ledgers.Ledger) -> Iterator[GaugeMetricFamily]:
    now, nights = settings.clock(), ledgers.list_nights(ledger, limit=7)
    read: list[Mapping[str, Any]] = next((night["report"]["streams"] for night in nights if (night["report"] or {}).get("streams")), [])
    states = [state for state in ledgers.stream_states(ledger) if state.source in settings.configuration.sources]
    names = ("source", "stream")
    rows = [((one["source"], one["stream"]), one) for one in read]
    yield gauge("stream_rows", "Records that the last night landed, deletes included.", [(key, one["records"] + one["deletes"]) for key, one in rows], *names)
    yield gauge("stream_requests", "Requests that the last night made.", [(key, one["requests"]) for key, one in rows], *names)
    yield gauge("stream_lag_seconds", "Since when a stream was not read to its end.",
                [((one.source, one.stream), (now - one.last_success_at).total_seconds() if one.last_success_at else None) for one in states], *names)
    yield gauge("stream_failed", "1 when the last attempt to read it failed.",
                [((one.source, one.stream), float(one.failure is not None)) for one in states], *names)
    last = {(one.source, one.stream): one for one in completeness.compared(ledger, since=settings.as_of(now).replace(day=1)) if one.part != "older"}
    yield gauge("stream_completeness_ratio", "Landed of what the source holds, when last compared.", [(key, one.figure) for key, one in last.items()], *names)
    yield gauge("stream_missing_rows", "Records that the source holds and that have not landed, when last compared.",
                [(key, one.missing) for key, one in last.items()], *names)


def _queues(ledger: ledgers.Ledger) -> Iterator[GaugeMetricFamily]:
    with ledger.begin() as connection:
        messages = {(channel, state): number for channel, states in outbox.counts(connection).items() for state, number in states.items()}
        proposed = _counted(connection, proposals.proposals.c.state)
        meant = {**dict.fromkeys(intents.OPEN, 0), **_counted(connection, intents.intents.c.state)}
        is_open = alerts.alerts.c.resolved_at.is_(None)
        firing = dict(connection.execute(
            sql.select(alerts.alerts.c.severity, sql.func.count()).where(is_open).group_by(alerts.alerts.c.severity)).tuples().all())
        held = connection.execute(sql.select(sql.func.count()).where(ledgers.batches.c.verdict == "held")).scalar()
    yield gauge("outbox_messages", "Messages by channel and state; waiting, sending and unknown are not finished.", messages.items(), "channel", "state")
    yield gauge("proposals", "What playbooks proposed, by state.", [((state,), number) for state, number in proposed.items()], "state")
    yield gauge("intents", "What is to be done in other systems, by state; unknown: sent, and the answer never came.",
                [((state,), number) for state, number in meant.items()], "state")
    yield gauge("alerts_open", "Alerts that are open, by severity.", [((name,), number) for name, number in firing.items()], "severity")
    yield gauge("held_batches", "Batches that checks hold back.", _one(held))


def _counted(connection: sql.Connection, column: sql.Column[Any]) -> dict[str, int]:
    return dict(connection.execute(sql.select(column, sql.func.count()).group_by(column)).tuples().all())


def _slots(settings: Settings, ledger: ledgers.Ledger) -> Iterator[GaugeMetricFamily]:
    now = settings.clock()
    yield gauge("lease_held", "1 while somebody does what only one may do.",
                [((name,), float(leases.holder(ledger, name, now=now) is not None)) for name in LEASES], "lease")
    prefect = healing.reached(settings)
    yield gauge("prefect_up", "1 when the Prefect server answers.", _one(float(prefect is not None)))
    if prefect is None:
        return
    runs: Values = []
    slots: list[tuple[tuple[str, ...], float | None]] = []
    with suppress(requests.RequestException, KeyError, TypeError):
        runs = [((state,), prefect.ask("flow_runs/count", {"flow_runs": {"state": {"name": {"any_": [state]}}}})) for state in ("Running", "Pending", "Late")]
        for limit in prefect.ask("v2/concurrency_limits/filter", {}):
            slots += [((limit["name"], "taken"), limit["active_slots"]), ((limit["name"], "limit"), limit["limit"])]
    yield gauge("prefect_runs", "Runs of the Prefect server by state.", runs, "state")
    yield gauge("prefect_slots", "Slots of the Prefect server's concurrency limits.", slots, "limit", "what")


def _disk(ledger: ledgers.Ledger) -> Iterator[GaugeMetricFamily]:
    uses = disk_use.earlier(ledger)
    if not uses:
        return
    found = disk_use.forecast(uses)
    yield gauge("disk_bytes", "What each room held at the end of the last night.", [((room,), size) for room, size in found.use.rooms.items()], "room")
    yield gauge("disk_free_bytes", "What the disk had left then.", _one(found.use.free))
    yield gauge("disk_growth_bytes", "What a night adds.", [((room,), size) for room, size in (found.growth or {}).items()], "room")
    yield gauge("disk_nights_left", "Nights until the disk is full; absent when it does not grow.", _one(found.nights_left))


def _seconds(at: str | None) -> float | None:
    found = ledgers.instant(at)
    return found.timestamp() if found else None


def _length(night: Mapping[str, Any]) -> float | None:
    began, ended = ledgers.instant(night["started_at"]), ledgers.instant(night["ended_at"])
    return (ended - began).total_seconds() if began and ended else None
