"""Read: all streams of some sources side by side; one that fails fails alone. Part of a night, or a run of its own for one source on another host."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from typing import Any

from prefect import flow, get_run_logger, task
from prefect.cache_policies import NO_CACHE
from prefect.client.schemas.objects import State
from prefect.states import Cancelled, Completed, Failed
from prefect.task_runners import ThreadPoolTaskRunner

from connectors.stream import Connector, SourceError, Stream
from flows import hosts, privacy
from flows import ingest as ingesting
from flows.settings import Settings, load
from flows.stopping import Stop, Stopped, answering
from flows.store import engines, leases, shares
from flows.store import ledger as ledgers
from flows.store.refused import LedgerUnreachable, StoreError


class SourceUnavailable(Exception):
    """Reading a stream failed in a way that waiting may mend; carries the result for the report when waiting did not."""

    def __init__(self, result: ingesting.StreamResult) -> None:
        super().__init__(result.failure)
        self.result = result


@dataclass(frozen=True, kw_only=True)
class Read:
    """Of which sources we have connectors, what streams they have, and what became of each that was read."""

    connectors: Sequence[Connector] = ()
    declared: dict[tuple[str, str], Stream]
    results: Sequence[ingesting.StreamResult] = ()


@task(task_run_name="read {connector.name}/{stream.name}", retries=2, retry_delay_seconds=[10, 60], retry_jitter_factor=0.5, persist_result=False,
      cache_policy=NO_CACHE, retry_condition_fn=lambda _task, _run, state: _may_be_retried(state))
def read_stream(connector: Connector, stream: Stream, store: ingesting.Store) -> ingesting.StreamResult:
    result = replace(ingesting.ingest_stream(connector, stream, store), requests=connector.requests_made(stream.name))   # those of earlier attempts, too
    for note in result.notes:
        get_run_logger().info(f"{result.source}/{result.stream}: {note}")
    if result.state == "failed":
        get_run_logger().error(result.failure)
        if result.is_retryable:
            raise SourceUnavailable(result)
    elif result.records or result.deletes:
        said = f"{result.records} records, {result.deletes} deletes, {result.pages} pages, {result.requests} requests, {result.seconds:.1f} s"
        get_run_logger().info(f"{result.source}/{result.stream}: {said}")
    return result


def _may_be_retried(state: State[Any]) -> bool:
    try:
        state.result(raise_on_failure=True)
    except SourceUnavailable:
        return True
    except Exception:
        return False
    return False


def store_of(settings: Settings, ledger: ledgers.Ledger, believe: frozenset[str]) -> ingesting.Store:
    return ingesting.Store(
        landing=settings.landing, ledger=ledger, clock=settings.clock, believe=believe, policy=lambda source: privacy.policy_of(settings, source),
        read_from=settings.read_from, keep=hosts.keep_batch(settings), disk=hosts.disk_of(settings))


def read_here(settings: Settings, store: ingesting.Store, names: Sequence[str], until: ExitStack) -> Read:
    """Read these sources. until: closes their connectors."""
    logger = get_run_logger()
    results: list[ingesting.StreamResult] = []
    connectors: list[Connector] = []
    declared: dict[tuple[str, str], Stream] = {}
    futures = []
    for name in names:
        kind = settings.configuration.sources[name].kind
        try:
            connector = ingesting.connect_source(settings, name, store.ledger)
            until.callback(connector.close)
            connectors.append(connector)
            streams = connector.streams()
            logger.info(f"{name}: reading {len(streams)} streams from {connector.check()}")
        except SourceError as error:
            logger.error(str(error))
            results.append(ingesting.failed_source(name, kind, error))
            ingesting.note_source_failure(store.ledger, name, kind, at=settings.clock(), failure=str(error))
            continue
        declared |= {(name, stream.name): stream for stream in streams}
        futures += [read_stream.submit(connector, stream, store) for stream in streams]
    for future in futures:
        future.wait()
        outcome = future.state.result(raise_on_failure=False)
        if isinstance(outcome, SourceUnavailable):
            results.append(outcome.result)
        elif isinstance(outcome, BaseException):
            raise outcome
        else:
            results.append(outcome)
    return Read(connectors=connectors, declared=declared, results=results)


def connect(settings: Settings, ledger: ledgers.Ledger, names: Sequence[str], until: ExitStack) -> Read:
    """Connectors of sources that were read elsewhere; one that cannot be made is compared with nothing."""
    connectors: list[Connector] = []
    for name in names:
        try:
            connectors.append(ingesting.connect_source(settings, name, ledger))
        except SourceError as error:
            get_run_logger().error(str(error))
            continue
        until.callback(connectors[-1].close)
    return Read(connectors=connectors, declared={(one.name, stream.name): stream for one in connectors for stream in one.streams()})


@flow(name="read", flow_run_name="read {source}", task_runner=ThreadPoolTaskRunner(max_workers=8), persist_result=False)  # type: ignore[arg-type]
def read(source: str, night: str, believe: list[str] | None = None, config: str | None = None) -> State[Any]:
    """Read one source for a night that runs on another host. Asked for by that night; started by hand it has nothing to do.

    source: its name in meridian.toml. night: the run that asks. believe: as of `nightly`. config: path of meridian.toml (default: as `meridian` finds it).
    """
    settings, stop = load(config), Stop()
    try:
        ledger = ledgers.open_ledger(settings.ledger)
        with answering(stop), engines.told(ledger), ExitStack() as until:
            until.enter_context(leases.lease(
                ledger, shares.lease_of(source), purpose=f"a reading of {source}", now=settings.clock(), lost=lambda: stop.tell("the loss of its lease")))
            owner = shares.begin(ledger, night, source, host=leases.myself())
            if owner is None:
                return Completed(name="Not needed", message=f"no night waits for {source} any more")
            until.enter_context(leases.only_while(ledger, "night", owner))
            hosts.bring_batches(settings, ledger, source)
            hosts.bring_keys(settings, source)
            found = read_here(settings, replace(store_of(settings, ledger, frozenset(believe or ())), stop=stop), [source], until)
            stop.check()
            shares.done(ledger, night, source, [ingesting.to_json(result) for result in found.results])
    except leases.LeaseTaken as error:
        return Failed(name="Refused", message=str(error))
    except Stopped as error:
        return Cancelled(message=f"{error}: what was read has landed; the night reads the rest on its own host")
    except (LedgerUnreachable, StoreError) as error:
        return Failed(message=str(error))
    return Completed(message=", ".join(f"{result.stream}: {result.state}, {result.records} records" for result in found.results))
