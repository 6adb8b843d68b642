"""Backfill: days of the past, read again on request, and their marts published once.

Asked for by a form in the Prefect UI or by `meridian backfill`. The grid (flows/store/grid.py) remembers what became of every day of every stream, so
that the same backfill asked again does only what is not done. Nights go first: a backfill lets go of its sources within a page when one begins. It
reads what has not landed, moves nothing of what the nights have read up to, alerts nobody, and what it changes stands in `restatements`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from prefect import flow, get_run_logger, task
from prefect.artifacts import create_markdown_artifact
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.runtime import flow_run
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from connectors.stream import Connector, SourceError, Stream
from flows import backfill_form, backfill_plan, build, hosts, past, privacy
from flows import ingest as ingesting
from flows.nightly import Night, make_version
from flows.reporting import grid as pictures
from flows.settings import Settings, load
from flows.stopping import Stop, Stopped, answering
from flows.store import grid, jobs, leases, published
from flows.store import ledger as ledgers
from flows.store.grid import Key, Known
from flows.store.refused import StoreError

if TYPE_CHECKING:
    Form = backfill_form.Form
else:
    Form = backfill_form.schema()       # with the names of this deployment's sources and streams, which the UI offers


@dataclass
class Run:
    """A backfill under way. ended: what became of the days in this run, done before or not."""

    settings: Settings
    ledger: ledgers.Ledger
    form: backfill_form.Form
    known: Sequence[Known]
    job: str
    owner: str
    who: str
    told: Stop = field(default_factory=Stop)
    ended: dict[Key, str] = field(default_factory=dict)
    left: dict[str, str] = field(default_factory=dict)
    records: int = 0
    requests: Counter[str] = field(default_factory=Counter)
    declared: dict[tuple[str, str], Stream] = field(default_factory=dict)

    def stop(self) -> str | None:
        if self.told():
            return "told to end"
        return "a night has begun" if leases.holder(self.ledger, "night", now=self.settings.clock()) else None


@task(task_run_name="read {connector.name}/{stream.name}", persist_result=False, cache_policy=NO_CACHE)
def read_days(connector: Connector, stream: Stream, store: ingesting.Store, runs: Sequence[Sequence[Any]], turn: past.Turn) -> past.Outcome:
    return past.read_days(connector, stream, store, runs, turn)


@flow(name="backfill", flow_run_name="backfill {form.start_day} to {form.end_day}", task_runner=ThreadPoolTaskRunner(max_workers=8),  # type: ignore[arg-type]
      persist_result=False)
def backfill(form: Form, config: str | None = None) -> State[Any]:
    """Read days of the past again and publish what that changes.

    form: which days of which streams, and how. config: path of meridian.toml (default: as `meridian` finds it).
    """
    settings = load(config)
    ledger = ledgers.open_ledger(settings.ledger)
    known = backfill_form.known_streams(settings, ledger)
    if wrong := backfill_form.problem(form, known, settings.as_of(settings.clock())):
        return Failed(name="Refused", message=wrong)
    if form.dry_run:
        told = backfill_plan.text(backfill_plan.make(settings, ledger, form, known), form)
        get_run_logger().info(told)
        create_markdown_artifact(key="backfill-plan", description="What this backfill would do", markdown=f"```\n{told}\n```")
        return Completed(name="Dry run", message=told.splitlines()[0])
    try:
        stop = Stop()
        with answering(stop), leases.lease(ledger, grid.LEASE, purpose=f"a backfill of {form.start_day} to {form.end_day}", now=settings.clock()) as owner:
            return _live_through(settings, ledger, form, known, owner, stop)
    except leases.LeaseTaken as error:
        return Failed(name="Refused", message=str(error))


def _live_through(
    settings: Settings, ledger: ledgers.Ledger, form: backfill_form.Form, known: Sequence[Known], owner: str, told: Stop,
) -> State[Any]:
    logger = get_run_logger()
    asked = form.model_dump(mode="json")
    who = form.asked_by.strip() or "not said"
    name, goes_on = jobs.begin(
        ledger, run=flow_run.get_id() or f"backfill-{settings.clock():%Y%m%dT%H%M%S}", form=asked, who=who, reason=form.reason.strip(), at=settings.clock(),
        selection={field: asked[field] for field in ("start_day", "end_day", "sources", "streams", "mode")})
    run = Run(settings=settings, ledger=ledger, form=form, known=known, job=name, owner=owner, who=who, told=told)
    if goes_on:
        logger.info(f"goes on with the backfill that stopped: {len(grid.done_by(ledger, name)):,} of its days are done")
    state, message, version = "interrupted", "", None
    try:
        if form.mode != "rebuild marts only":
            _read(run)
            run.told.check()
        version, said = _publish(run)
        counts = {word: sum(found == word for found in run.ended.values()) for word in ("done", "empty", "failed")}
        message = (f"{counts['done']:,} days read, {counts['empty']:,} held nothing, {counts['failed']:,} failed; {run.records:,} records were new, "
                   f"{run.requests.total():,} requests; {said}")
        message += "".join(f"; {stream}: {why}" for stream, why in run.left.items())
        state = "interrupted" if run.left else "finished with failed days" if counts["failed"] else "finished"
    except Stopped as error:
        done = sum(found in ("done", "empty") for found in run.ended.values())
        message = (f"{error}: {done:,} days are read, nothing was published. The same backfill asked again goes on there; the next night "
                   "publishes what landed")
        return Cancelled(message=message)
    except (build.BuildFailed, published.PublishError, StoreError) as error:
        message = f"what was read has landed, but the marts were not published: {error}"
        return Failed(name="Not published", message=message)
    except BaseException as error:
        message = f"{type(error).__name__}: {error}"
        raise
    finally:
        run.told.tell("its end")
        grid.let_go(ledger, owner)
        jobs.end(ledger, job=name, state=state, message=message, version=version, at=settings.clock())
        _leave_grid(run, message)
    if run.left:
        return Failed(name="Stopped early", message=f"{message}. The same backfill asked again goes on there")
    return Completed(name=state.capitalize(), message=message)


def _read(run: Run) -> None:
    """Rounds of reading, one after another when a night comes between."""
    logger = get_run_logger()
    while True:
        before = {*run.ended, *grid.done_by(run.ledger, run.job)}
        plan = backfill_plan.make(run.settings, run.ledger, run.form, run.known, without=before)
        for one in plan.left_out:
            logger.info(f"left out: {one.source}/{one.stream} {one.first} to {one.last}: {one.why}")
        if not plan.runs:
            return
        grid.queue(run.ledger, plan.keys, run.owner)
        _leave_grid(run, "")
        _wait_for_the_night(run)
        logger.info(backfill_plan.text(plan, run.form).splitlines()[0].replace("would read", "reads"))
        with leases.lease(run.ledger, past.READING, purpose="a backfill that reads", now=run.settings.clock()):
            is_interrupted = run.stop() is not None or _round(run, plan)
        if not is_interrupted or run.told():
            return


def _wait_for_the_night(run: Run) -> None:
    told = False
    while leases.holder(run.ledger, "night", now=run.settings.clock()) and not run.told():
        if not told:
            get_run_logger().info("a night is running: waits for its end")
        told = True
        leases.extend(run.ledger, grid.LEASE, run.owner, now=run.settings.clock())
        run.told.told.wait(5)


def _round(run: Run, plan: backfill_plan.Plan) -> bool:
    """Read until everything is done or a night has begun. True: the latter."""
    store = ingesting.Store(landing=run.settings.landing, ledger=run.ledger, clock=run.settings.clock,
                            policy=lambda source: privacy.policy_of(run.settings, source),
                            keep=hosts.keep_batch(run.settings), disk=hosts.disk_of(run.settings))
    hosts.bring_batches(run.settings, run.ledger)
    logger = get_run_logger()
    turn = past.Turn(job=run.job, owner=run.owner, who=run.who, zone=run.settings.zone, stop=run.stop, say=logger.info)
    connectors: list[Connector] = []
    futures = []
    run.left.clear()
    try:
        for source in sorted({source for source, _ in plan.runs}):
            try:
                budget = run.form.budget - run.requests[source] if run.form.budget else None
                connector = ingesting.connect_source(run.settings, source, run.ledger, budget=budget)
                connectors.append(connector)
                streams = {stream.name: stream for stream in connector.streams()}
            except SourceError as error:
                run.left[source] = str(error)
                continue
            run.declared |= {(source, name): stream for name, stream in streams.items()}
            for name, runs in ((name, runs) for (owner, name), runs in plan.runs.items() if owner == source):
                if name in streams:
                    futures.append(read_days.submit(connector, streams[name], store, runs, turn))
                else:
                    run.left[f"{source}/{name}"] = "the source does not have this stream any more"
        outcomes = [future.result() for future in futures]
    except BaseException:
        run.told.tell("a failure")
        raise
    finally:
        for future in futures:
            future.wait()
        for connector in connectors:
            with suppress(Exception):
                connector.close()
    for outcome in outcomes:
        run.ended |= outcome.ended
        run.records += outcome.records
        run.requests[outcome.source] += outcome.requests
        if outcome.left:
            run.left[f"{outcome.source}/{outcome.stream}"] = outcome.left
    return any(why == "a night has begun" for why in run.left.values())


def _publish(run: Run) -> tuple[str | None, str]:
    """Build and publish what is readable, as of the day of the current version. Returns the version, and what became of it in words."""
    settings, ledger = run.settings, run.ledger
    grid.let_go(ledger, run.owner)
    _declare_what_waits(run)
    with _publishing(run):
        current = published.current(settings.published)
        night = Night(run=run.job, stop=run.told, as_of=current.as_of if current else settings.as_of(settings.clock()))
        state, message = make_version(settings, ledger, night, run.declared, run.form.mode == "rebuild marts only", frozenset())
    if state == "stopped by checks":
        raise published.PublishError(message)
    version = night.version
    restated = _mark_restated(run, version) if version and state != "unchanged" else 0
    said = f"published {version}, {restated:,} days of streams restated" if state != "unchanged" else f"nothing new: {version} stays current"
    return (version if state != "unchanged" else None), said


def _declare_what_waits(run: Run) -> None:
    """What another run has read and did not come to check, of sources that this one need not read: a batch is checked by the declaration of its stream,
    and left unchecked it would be missing from the version without a word."""
    waiting = {source for source, _ in ledgers.unchecked_streams(run.ledger)} - {source for source, _ in run.declared}
    for source in sorted(waiting & run.settings.configuration.sources.keys()):
        try:
            with closing(ingesting.connect_source(run.settings, source, run.ledger)) as connector:
                run.declared |= {(source, stream.name): stream for stream in connector.streams()}
        except SourceError as error:
            run.left[source] = f"what was read of it waits to be checked: {error}"


@contextmanager
def _publishing(run: Run) -> Iterator[None]:
    """Alone with the warehouse: behind a night that runs, and before one that begins while we publish."""
    purpose = "a backfill that publishes"
    while True:
        _wait_for_the_night(run)
        run.told.check()
        with ExitStack() as held, suppress(leases.LeaseTaken):      # a night was faster
            held.enter_context(leases.lease(run.ledger, past.PUBLISHING, purpose=purpose, now=run.settings.clock()))
            held.enter_context(leases.lease(run.ledger, "night", purpose=purpose, now=run.settings.clock()))
            both = held.pop_all()
            break
    with both:
        hosts.begin(run.settings, run.ledger)
        yield


def _mark_restated(run: Run, version: str) -> int:
    """Days that readers had been shown and whose numbers differ in this version, of the streams that these numbers are worked out from."""
    connection = published.connect(run.settings.published)
    try:
        rows = connection.execute("""
            with readers as (select kpi, unnest(string_split(reads, ', ')) as feed from kpi_catalogue)
            select distinct period_start, feed from restatements join readers using (kpi)
            where new_version = ? and period_grain = 'day'""", [version]).fetchall()
    finally:
        connection.close()
    feeding: dict[str, set[tuple[str, str]]] = {}
    for row in ledgers.list_batches(run.ledger):
        feeding.setdefault(row["feeds"], set()).add((row["source"], row["stream"]))
    return grid.mark_restated(run.ledger, run.job, {(*stream, day) for day, feed in rows for stream in feeding.get(feed, ())}, version)


def _leave_grid(run: Run, message: str) -> None:
    """The picture in the Prefect UI: of the streams and days that were asked for."""
    form, settings = run.form, run.settings
    cells = grid.read(run.ledger, backfill_form.chosen(form, run.known), form.start_day, form.end_day, zone=settings.zone, now=settings.clock())
    head = f"**{form.mode}** · {form.start_day} – {form.end_day} · {run.who}: {form.reason}\n\n{message}\n\n"
    create_markdown_artifact(key="backfill-grid", description=f"Days and streams, {form.start_day} to {form.end_day}",
                             markdown=head + pictures.markdown(cells, settings.configuration.company.languages))

