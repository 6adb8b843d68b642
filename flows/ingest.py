"""Ingest: read every stream of every source from where the last run stopped, and land what is new.

Sources fail apart: whatever happens to one stream becomes its row in the result, never the end of the others.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from connectors import personal
from connectors.stream import Connector, Misconfigured, QuotaExhausted, SourceError, Stream
from flows import privacy
from flows.reading import Store, forget, is_of_the_past, read_window, reading_of, taken_over
from flows.settings import Settings
from flows.stopping import Stopped
from flows.store import completeness
from flows.store import ledger as ledgers
from flows.store.refused import StoreError

# Containers alive before Python looks for cycles among them: its usual 700 are made by 70 records, and looking took a fifth of the reading's CPU.
# Records are trees; counting references frees them.
FEWEST_TO_COLLECT = 100_000


@dataclass(frozen=True, kw_only=True)
class StreamResult:
    source: str
    kind: str
    stream: str
    state: str                      # read, resumed, failed, stopped
    records: int = 0                # landed: new or changed
    deletes: int = 0
    pages: int = 0
    requests: int = 0
    seconds: float = 0.0
    cursor: datetime | None = None
    batches: tuple[str, ...] = ()
    failure: str | None = None
    is_retryable: bool = False
    notes: tuple[str, ...] = ()     # what was set aside on the way, e.g. a broken file, with the reason
    met: int | None = None          # records that a whole read has seen, new or not


def to_json(result: StreamResult) -> dict[str, Any]:
    return {**asdict(result), "cursor": ledgers.text(result.cursor)}


def from_json(told: Mapping[str, Any]) -> StreamResult:
    lists = {name: tuple(told[name]) for name in ("batches", "notes")}
    return StreamResult(**{**told, **lists, "cursor": ledgers.instant(told["cursor"])})


def connect_source(settings: Settings, name: str, ledger: ledgers.Ledger, *, budget: int | None = None) -> Connector:
    """Make the connector of a configured source. budget: requests that it may make in all. Raises SourceError when its options or secrets cannot work."""
    from connectors import registry

    source = settings.configuration.sources[name]
    secrets = {}
    for option, variable in source.options.items():
        if option.endswith("_env"):
            if not settings.secrets.get(str(variable)):
                mend = f"set it, or put it into {settings.path.parent / '.env'}"
                raise Misconfigured(f"the environment variable {variable} is not set", source=name, mend=mend)
            secrets[option.removesuffix("_env")] = settings.secrets[str(variable)]
    connector: Connector = registry.connect(
        name, source.kind, source.options, secrets=secrets, home=settings.home, base=settings.path.parent, clock=settings.clock,
        memory=lambda stream: ledgers.stream_state(ledger, name, stream, source.kind).memory, seal=personal.sealer(name, privacy.policy_of(settings, name)),
        budget=budget,
    )
    privacy.verify(settings, connector)
    return connector


def ingest_stream(connector: Connector, stream: Stream, store: Store) -> StreamResult:
    """Read one stream up to now. Never raises a SourceError: a failure is a result, and what was landed before it stays."""
    gc.set_threshold(max(FEWEST_TO_COLLECT, gc.get_threshold()[0]))
    started = time.monotonic()
    requests_before = connector.requests_made(stream.name)
    batches: list[str] = []
    notes: list[str] = []
    totals = {"records": 0, "deletes": 0, "pages": 0}
    state, failure, retryable = "read", None, False
    met: int | None = None

    def take(left_behind: ledgers.Reading | None) -> None:
        nonlocal met
        reading, landed, met = read_window(connector, stream, store, left_behind, notes)
        for name in totals:
            totals[name] += getattr(reading, name)
        if landed:
            batches.append(reading.batch)

    try:
        # A reading that an earlier run left behind ends at that run's "now": finish it, then read on to ours.
        while True:
            if store.stop():
                raise Stopped
            left_behind = ledgers.current_reading(store.ledger, connector.name, stream.name)
            if left_behind and is_of_the_past(left_behind, ledgers.stream_state(store.ledger, connector.name, stream.name, connector.kind)):
                forget(store, left_behind)
                left_behind = None
            take(taken_over(connector, stream, store, left_behind) if left_behind else None)
            if left_behind is None:
                break
            state = "resumed"
        for gap in completeness.gaps(store.ledger, connector.name, stream.name):
            before = totals["records"]
            try:
                take(reading_of(connector, stream, store, gap.gap_start, gap.gap_end or store.clock()))
            except SourceError as error:      # what is new was read; the gap stays open for the next night
                notes.append(f"{gap.missing} missing and {gap.stale} stale of {gap.day} could not be read again: {error}")
                break
            completeness.read_again(store.ledger, gap)
            notes.append(f"{gap.missing} missing and {gap.stale} stale of {gap.day} were read again: {totals['records'] - before} landed")
    except Stopped:
        state = "stopped"
        notes.append(_how_far(store, connector, stream))
    except QuotaExhausted as error:
        # Not tried again in this night: rest.py has waited as long as waiting is worth it.
        state, failure, retryable = "failed", f"{error}; {_how_far(store, connector, stream)}", False
    except SourceError as error:
        state, failure, retryable = "failed", str(error), error.retryable
    except StoreError as error:       # what was read rests here, and is put there by the next run
        state, failure = "failed", f"{connector.name}/{stream.name}: {error}"
    except OSError as error:
        state, failure, retryable = "failed", f"{connector.name}/{stream.name}: {error.strerror or error} — see to the disk that holds {store.landing}", False
    if failure:
        ledgers.note_failure(store.ledger, source=connector.name, stream=stream.name, kind=connector.kind, at=store.clock(), failure=failure)
    after = ledgers.stream_state(store.ledger, connector.name, stream.name, connector.kind)
    return StreamResult(
        source=connector.name, kind=connector.kind, stream=stream.name, state=state, **totals, batches=tuple(batches), failure=failure,
        requests=connector.requests_made(stream.name) - requests_before, seconds=round(time.monotonic() - started, 3),
        cursor=after.cursor, is_retryable=retryable, notes=tuple(notes), met=met,
    )


def _how_far(store: Store, connector: Connector, stream: Stream) -> str:
    """What an interrupted reading has landed."""
    reading = ledgers.current_reading(store.ledger, connector.name, stream.name)
    if reading is None or not reading.pages:
        return "nothing of this stream was read yet; the next run begins it"
    reached = f", up to {reading.high_water.isoformat(timespec='seconds')}" if reading.high_water else ""
    return f"{reading.records} records on {reading.pages} pages are landed{reached}, and the next run goes on behind them"


def failed_source(name: str, kind: str, error: SourceError) -> StreamResult:
    """The result of a source that could not even be connected to."""
    return StreamResult(source=name, kind=kind, stream="*", state="failed", failure=str(error), is_retryable=error.retryable)


def note_source_failure(ledger: ledgers.Ledger, name: str, kind: str, *, at: datetime, failure: str) -> None:
    """Every stream known of a source that could not be reached has failed with it."""
    for state in ledgers.stream_states(ledger):
        if state.source == name:
            ledgers.note_failure(ledger, source=name, stream=state.stream, kind=kind, at=at, failure=failure)
