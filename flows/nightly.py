"""The night: ingest → compare with the sources → check what landed → build → check what would be published → publish → alert → automate.

Start reading here. `nightly` is the story; each step is a plain function in the module that is named after it, wrapped here as
a Prefect task. The ledger, not Prefect's database, is the truth about what happened.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from connectors.stream import Connector, Stream
from flows import build as builds
from flows import check as checking
from flows import disk_use, freshness, healing, hosts, lineage, night_end, night_report, past, postgres, reconcile, spread
from flows import ingest as ingesting
from flows import publish as publishing
from flows import read as reads
from flows.settings import Settings, load
from flows.stopping import Stop, Stopped, answering
from flows.store import completeness, engines, leases, published
from flows.store import ledger as ledgers
from flows.store.refused import DiskFull, LedgerUnreachable, StoreError, full, says_disk_full


@dataclass
class Night:
    """What happened so far; becomes the night's report in the ledger and its artifacts in the UI."""

    run: str
    as_of: date
    streams: list[ingesting.StreamResult] = field(default_factory=list)
    checks: list[dict[str, Any]] = field(default_factory=list)
    drift: list[dict[str, Any]] = field(default_factory=list)
    compared: list[completeness.Comparison] = field(default_factory=list)
    seconds: dict[str, float] = field(default_factory=dict)
    version: str | None = None
    stop: Stop = field(default_factory=Stop)
    disk: disk_use.Use | None = None

    @contextmanager
    def timed(self, step: str) -> Iterator[None]:
        """Seconds of a step within another are its own alone: a night's steps add up to the night. Raises Stopped instead of beginning one."""
        self.stop.check()
        started, counted = time.monotonic(), sum(self.seconds.values())
        try:
            yield
        finally:
            self.seconds[step] = round(time.monotonic() - started - (sum(self.seconds.values()) - counted), 2)

    def report(self, **more: Any) -> dict[str, Any]:
        streams = list(map(ingesting.to_json, self.streams))
        missing = [completeness.sentence(one) for one in self.compared if one.missing or one.stale]
        return {"streams": streams, "failed_checks": [row for row in self.checks if not row["passed"]], "checks": len(self.checks),
                "drift": self.drift, "missing": missing, "seconds": self.seconds, "disk": self.disk and self.disk.to_json(), **more}


@task(name="compare with sources", persist_result=False, cache_policy=NO_CACHE)
def compare(
    connectors: Sequence[Connector], declared: dict[tuple[str, str], Stream], read: Sequence[ingesting.StreamResult], store: ingesting.Store, day: date,
    bounds: reconcile.Bounds,
) -> list[completeness.Comparison]:
    """One thread a source: what a source answers at once is its own affair, and a slow one keeps no other waiting."""
    def of(connector: Connector) -> list[completeness.Comparison]:
        mine = [result for result in read if result.source == connector.name and (result.source, result.stream) in declared]
        return [one for result in mine
                if not store.stop()
                for one in reconcile.reconcile_stream(connector, declared[result.source, result.stream], store, day=day, read=result, bounds=bounds)]

    with ThreadPoolExecutor(max_workers=8) as pool:
        return [one for found in pool.map(of, connectors) for one in found]


@task(name="check what landed", persist_result=False, cache_policy=NO_CACHE)
def check_batches(settings: Settings, ledger: ledgers.Ledger, declared: dict[tuple[str, str], Stream]) -> checking.BatchChecks:
    return checking.check_batches(settings, ledger, declared, now=settings.clock())


@task(name="build marts", persist_result=False, cache_policy=NO_CACHE)
def build_marts(settings: Settings, ledger: ledgers.Ledger, as_of: date, version: str, rebuild: bool, stop: Stop) -> builds.Built | State[Any]:
    logger = get_run_logger()
    try:
        return builds.build(settings, ledger, as_of=as_of, version=version, now=settings.clock(), rebuild=rebuild, say=logger.debug, stop=stop)
    except (builds.BuildFailed, Stopped) as error:
        # A returned state fails the task without a traceback: what dbt said is all that helps.
        return Failed(message=str(error), data=error)


@task(name="check and publish", persist_result=False, cache_policy=NO_CACHE)
def publish_marts(
    settings: Settings, ledger: ledgers.Ledger, as_of: date, version: str, checks_before: Sequence[dict[str, Any]], accepted: frozenset[str],
) -> publishing.Publication:
    return publishing.audit_and_publish(
        settings, ledger, version=version, as_of=as_of, now=settings.clock(), checks_before=checks_before, accepted=accepted)


@flow(name="nightly", flow_run_name="night", task_runner=ThreadPoolTaskRunner(max_workers=8), persist_result=False)  # type: ignore[arg-type]
def nightly(
    as_of: date | None = None, sources: list[str] | None = None, rebuild: bool = False, believe: list[str] | None = None,
    accept: list[str] | None = None, config: str | None = None,
) -> State[Any]:
    """Pull every source, build and check the marts, publish them.

    as_of: last day that counts, inclusive (default: yesterday in the reporting time zone). sources: only these (default: all).
    rebuild: build the warehouse anew from the landing. believe: '<source>/<stream>' whose sweep may delete more than half.
    accept: '<table>/<check>' of the marts that somebody has looked at and lets fail this once. config: path of meridian.toml (default: as `meridian` finds it).
    """
    settings = load(config)
    started = settings.clock()
    night = Night(run=flow_run.get_id() or f"night-{started:%Y%m%dT%H%M%S}", as_of=date.fromisoformat(str(as_of)) if as_of else settings.as_of(started))
    try:
        with answering(night.stop):
            ledger = ledgers.open_ledger(settings.ledger)
            past.wait_for_a_backfill(ledger, past.PUBLISHING, clock=settings.clock, sleep=night.stop.sleep, say=get_run_logger().info)
            with engines.told(ledger), leases.lease(
                    ledger, "night", purpose=f"a nightly run as of {night.as_of}", now=started, lost=lambda: night.stop.tell("the loss of its lease")):
                state, message = _under_the_lease(settings, ledger, night, sources, rebuild, frozenset(believe or ()), frozenset(accept or ()))
            if state not in night_end.STOPPED:
                night_end.tell_all(settings, ledger, night.stop)
                if told := lineage.deliver(settings):
                    get_run_logger().log(logging.ERROR if told.problem or told.refused else logging.INFO, told.sentence)
    except leases.LeaseTaken as error:
        return Failed(name="Refused", message=str(error))
    except DiskFull as error:
        return Failed(name="Disk full", message=str(error))
    except LedgerUnreachable as error:
        return Failed(name="Ledger unreachable", message=f"{error}. What was sealed counts; the next night goes on behind it")
    except Stopped as error:
        return Cancelled(message=f"{error} before it began: nothing was changed")
    except Exception as error:
        if not says_disk_full(error, settings.home):
            raise
        return Failed(name="Disk full", message=full(settings.home))
    if state in night_end.STOPPED:
        return Cancelled(message=message)
    if state in ("failed", "stopped by checks"):
        return Failed(name=state.capitalize(), message=message)
    return Completed(name=state.capitalize(), message=message)


def _under_the_lease(
    settings: Settings, ledger: ledgers.Ledger, night: Night, sources: list[str] | None, rebuild: bool, believe: frozenset[str], accepted: frozenset[str],
) -> tuple[str, str]:
    """The night from its first row in the ledger to its last: state and message."""
    past.wait_for_a_backfill(ledger, past.READING, clock=settings.clock, sleep=night.stop.sleep, say=get_run_logger().info)
    ledgers.start_night(ledger, run=night.run, as_of=night.as_of.isoformat(), at=settings.clock())
    lineage.begun(settings, night.run, settings.clock())
    state, message = "failed", ""
    try:
        state, message = _live_through(settings, ledger, night, sources, rebuild, believe, accepted)
        with night.timed("keep house"):
            night.disk = night_end.keep_house(settings, ledger)
    except Stopped as error:
        if night.version is None:               # told to end behind publication, a night has done what it is for
            state, message = night_end.stopped(healing.reached(settings), night.run, str(error))
    except (builds.BuildFailed, published.PublishError, StoreError) as error:
        message = str(error)
        if says_disk_full(error, settings.home):
            raise
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"
        raise
    finally:
        try:
            ledgers.end_night(ledger, run=night.run, at=settings.clock(), state=state, version=night.version, report=night.report(message=message))
        finally:
            lineage.ended(settings, night.run, state, message, settings.clock())
            try:
                night_report.leave_artifacts(settings, night, state, message)
            except Exception as error:              # the server has gone, perhaps: the ledger has it, and what is to be told is told
                get_run_logger().error(f"no artifacts in Prefect: {type(error).__name__}: {error}")
    return state, message


def _live_through(
    settings: Settings, ledger: ledgers.Ledger, night: Night, only: list[str] | None, rebuild: bool, believe: frozenset[str],
    accepted: frozenset[str],
) -> tuple[str, str]:
    hosts.begin(settings, ledger)
    with night.timed("ingest"):
        declared = _ingest(settings, ledger, night, only, believe)
    lineage.read(settings, night.run, night.streams, settings.clock())
    return make_version(settings, ledger, night, declared, rebuild, accepted)


def make_version(
    settings: Settings, ledger: ledgers.Ledger, night: Night, declared: dict[tuple[str, str], Stream], rebuild: bool, accepted: frozenset[str],
) -> tuple[str, str]:
    """What landed is checked, built, checked again and published: how a night ends, and a backfill. Returns state and message."""
    state, message = _publish_files(settings, ledger, night, declared, rebuild, accepted)
    if postgres.is_wanted(settings) and published.current(settings.published):
        with night.timed("publish to PostgreSQL"):      # behind a night that published nothing, too: what an earlier one could not do is made good
            night.checks.append(row := postgres.as_check(settings))
        get_run_logger().log(logging.INFO if row["passed"] else logging.ERROR, row["observed"])
        message += "" if row["passed"] else f"; {row['observed']}"
    return state, message


def _publish_files(
    settings: Settings, ledger: ledgers.Ledger, night: Night, declared: dict[tuple[str, str], Stream], rebuild: bool, accepted: frozenset[str],
) -> tuple[str, str]:
    logger = get_run_logger()
    with night.timed("check what landed"):
        landed = check_batches(settings, ledger, declared)
        night.checks += map(dict, landed.rows)
        night.drift += map(dict, landed.drift)
    for change in landed.drift:
        logger.warning(f"{change['subject']}: {change['check']}: {change['observed']}")

    for source in landed.waiting:
        logger.warning(f"{source}: an earlier run has read what is not checked yet; this version shows nothing of it, the next night that reads {source} does")

    if landed.held:
        names = ", ".join("/".join(held) for held in landed.held)
        return "stopped by checks", (
            f"held: {names}. Nothing was published; {_current(settings)} stays current. See `meridian checks`, then `meridian batch accept` or `reject`")
    version = published.next_version(settings.published, night.as_of)
    if not rebuild and _nothing_to_do(settings, ledger, night.as_of):
        night.version = published.current(settings.published).name  # type: ignore[union-attr]
        return "unchanged", f"nothing new since {night.version}, which stays current"
    with night.timed("build"):
        built: builds.Built = build_marts(settings, ledger, night.as_of, version, rebuild, night.stop, return_state=True).result()  # type: ignore[assignment]
        whole = ", from the whole landing" if built.is_rebuild else ""
        logger.info(f"built {len(built.nodes)} nodes from {built.new_batches} new batches{whole}")
        lineage.built(settings, ledger, night.run, built.nodes, settings.clock())
        night.checks += [
            {"border": "build", "subject": node.name, "check": "dbt test", "severity": "warning", "passed": False, "observed": node.message,
             "expected": "", "detail": node.message}
            for node in built.warnings
        ]
    with night.timed("check and publish"):
        publication = publish_marts(settings, ledger, night.as_of, version, list(night.checks), accepted)
        night.checks = list(map(dict, publication.checks))
    if publication.version is None:
        failed = "; ".join(f"{row['subject']}: {row['check']}: {row['observed']}, expected {row['expected']}" for row in publication.critical)
        accept = " ".join(f"--accept '{row['subject']}/{row['check']}'" for row in publication.critical)
        return "stopped by checks", (
            f"{failed}. Nothing was published; {_current(settings)} stays current. If this is how it should be: meridian nightly {accept}")
    night.version = publication.version
    lineage.told_readers(settings, night.run, settings.clock(), night.seconds["check and publish"])
    failed_sources = sorted({result.source for result in night.streams if result.state == "failed"})
    if failed_sources:
        return "published with stale sources", f"{publication.version}; not fresh: {', '.join(failed_sources)}. Their marts keep the last data and say so"
    return "published", publication.version


def _ingest(
    settings: Settings, ledger: ledgers.Ledger, night: Night, only: list[str] | None, believe: frozenset[str],
) -> dict[tuple[str, str], Stream]:
    """Read all streams of all sources, here or on every host; then ask the sources what they hold."""
    store = replace(reads.store_of(settings, ledger, believe), stop=night.stop)
    bounds = reconcile.Bounds(recent=timedelta(days=settings.configuration.night.compare_days), requests=settings.configuration.night.compare_requests)
    logger = get_run_logger()
    names = [name for name in settings.configuration.sources if not only or name in only]
    elsewhere = spread.read(settings, ledger, night.run, names, believe, night.stop)
    hosts.bring_batches(settings, ledger)
    with ExitStack() as open_until_compared:
        here = reads.read_here(settings, store, [name for name in names if name not in elsewhere], open_until_compared)
        others = reads.connect(settings, ledger, list(elsewhere), open_until_compared)
        connectors, declared = [*here.connectors, *others.connectors], {**here.declared, **others.declared}
        night.streams += [*here.results, *(result for results in elsewhere.values() for result in results)]
        with night.timed("compare with sources"):
            night.compared = compare(connectors, declared, night.streams, store, night.as_of, bounds)
        asked = Counter[tuple[str, str]]()
        for one in night.compared:
            asked[one.source, one.stream] += one.requests
        night.streams = [replace(result, requests=result.requests + asked[result.source, result.stream]) for result in night.streams]
        for one in night.compared:
            if one.missing or one.stale:
                logger.warning(completeness.sentence(one))
    return declared


def _nothing_to_do(settings: Settings, ledger: ledgers.Ledger, as_of: date) -> bool:
    """The current version was built of exactly what has landed, by the same definitions, for the same day, with sources as stale and as complete as now."""
    current = published.current(settings.published)
    if current is None or current.as_of != as_of or current.withdrawn is not None:
        return False
    # What the warehouse has taken in, readers need not have: a run may have died between the two.
    told = {(row["source"], row["stream"]): (row["is_stale"], row.get("missing", 0), row.get("batch")) for row in current.manifest.get("sources", [])}
    missing, last = freshness.missing_of(ledger, as_of), freshness.last_batches(ledger)
    true = {(row[0], row[2]): (row[5], missing.get((row[0], row[2]), 0), last.get((row[0], row[2])))
            for row in freshness.stale_streams(settings, ledger, settings.clock())}
    return told == true and builds.is_up_to_date(settings, ledger, code_revision=current.code_revision)


def _current(settings: Settings) -> str:
    current = published.current(settings.published)
    return current.name if current else "no version"
