"""One of several hosts, as a process of its own: it holds the night's lease, reads the drop folder, waits where it is told to, and publishes what landed.

    python -m tests.flows.host <meridian.toml> <seconds that a lease lasts> <file to wait for, or -> <file to say things in>

A night without dbt, Prefect and checks: what remains is what hosts can get wrong among themselves.
"""

from __future__ import annotations

import sys
import time
from datetime import timedelta
from pathlib import Path

import duckdb

from flows import hosts, privacy
from flows import ingest as ingesting
from flows.settings import Settings, load
from flows.store import engines, landing, leases, published
from flows.store import ledger as ledgers
from flows.store.refused import LedgerUnreachable, StoreError


def live(settings: Settings, gate: Path | None, said: Path) -> str:
    ledger = ledgers.open_ledger(settings.ledger)
    with engines.told(ledger), leases.lease(ledger, "night", purpose="a night", now=settings.clock()):
        hosts.begin(settings, ledger)
        read(settings, ledger)
        said.write_text("read")
        while gate is not None and not gate.exists():
            time.sleep(0.1)
        return publish(settings, ledger)


def read(settings: Settings, ledger: ledgers.Ledger) -> None:
    store = ingesting.Store(landing=settings.landing, ledger=ledger, clock=settings.clock, policy=lambda source: privacy.policy_of(settings, source),
                            keep=hosts.keep_batch(settings), disk=hosts.disk_of(settings))
    connector = ingesting.connect_source(settings, "drop", ledger)
    for stream in connector.streams():
        result = ingesting.ingest_stream(connector, stream, store)
        if result.state == "failed":
            raise StoreError(result.failure or "")


def publish(settings: Settings, ledger: ledgers.Ledger) -> str:
    """A table of what landed, by the batches that the ledger knows."""
    rows = [(row["stream"], line["key"], row["batch"]) for row in ledgers.list_batches(ledger) for line in landing.read_lines(settings.landing / row["path"])]
    settings.warehouse.parent.mkdir(exist_ok=True)
    with duckdb.connect(str(settings.warehouse)) as warehouse:
        warehouse.execute("create or replace table landed (stream varchar, key varchar, batch varchar)")
        if rows:
            warehouse.executemany("insert into landed values (?, ?, ?)", rows)
    now = settings.clock()
    as_of = settings.as_of(now)
    candidate = published.prepare(settings.published, settings.warehouse, version=published.next_version(settings.published, as_of), as_of=as_of, built_at=now,
                                  tables=[published.Table(name="landed", relation="landed")], code_revision="x", sources=[])
    return published.publish(candidate, checks=[], published_at=now, keep=hosts.keep_version(settings, ledger)).name


def main(config: str, lasts: str, gate: str, said: str) -> int:
    leases.LASTS, leases.BEAT = timedelta(seconds=float(lasts)), timedelta(seconds=float(lasts) / 5)
    engines.SILENT_WITHIN = 5
    try:
        print(live(load(config, environment={}), None if gate == "-" else Path(gate), Path(said)))
    except (leases.LeaseTaken, LedgerUnreachable, StoreError, published.PublishError) as error:
        print(f"{type(error).__name__}: {error}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
