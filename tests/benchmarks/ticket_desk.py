"""Ours in the benchmark of reading and loading: a source as the README's "Adding a source" has it, landed by flows/ingest.py and staged by dbt.

    python -m tests.benchmarks.ticket_desk HOME URL [--prepare] [--check] [--personal keep]

Says on its last line, as JSON, the rows, the checksum of two typed columns and the CPU seconds of each step, and
the MB of its largest process up to then. The records have the shape of Zendesk's, so they
feed its staging model. --prepare: only lets dbt parse the project, whose cost is no night's.
"""

from __future__ import annotations

import argparse
import json
import shutil
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

from connectors.personal import KEY_VARIABLE
from connectors.rest import LoopGuard, Rest
from connectors.stream import Cursor, Json, Page, Stream, Window
from flows import build, check, ingest, privacy
from flows.settings import Settings, load
from flows.store import ledger as ledgers
from flows.store import warehouse as warehouses
from tests.benchmarks.measuring import cpu, largest

TICKETS = Stream(name="tickets", key=("id",), cursor=Cursor(field="updated_at", overlap=timedelta(minutes=5)), stamps=("updated_at",), feeds="zendesk.tickets",
                 personal={"via.source.from.address": "email", "via.source.from.name": "name", "subject": "text", "description": "text"})
CHECKSUM = "select count(*), sum(requester_number)::varchar, sum(epoch(updated_at)::bigint)::varchar from staging.stg_zendesk__tickets"
AS_OF, NOW = date(2026, 3, 1), datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
CONFIGURATION = """
[company]
name = "Shop"
time_zone = "Europe/Berlin"
[state]
home = "state"
[night]
memory = "{memory}"
[sources.desk]
kind = "zendesk"
url = "http://127.0.0.1"
personal = {{ default = "{personal}" }}
"""


class TicketDesk:
    kind = "zendesk"

    def __init__(self, name: str, rest: Rest) -> None:
        self.name, self._rest = name, rest

    def streams(self) -> list[Stream]:
        return [TICKETS]

    def check(self) -> str:
        return "ticket desk"

    def read(self, stream: Stream, window: Window, resume: Json = None) -> Iterator[Page]:
        guard = LoopGuard(source=self.name, stream=stream.name)
        since = window.start.isoformat() if window.start else ""
        path, params = (resume, None) if resume else ("/tickets", {"changed_since": since})
        while path:
            body = self._rest.get(path, params, stream=stream.name)
            guard.see(path, body["tickets"])
            path, params = body["next"], None
            yield Page(records=body.pop("tickets"), position=path)

    def keys(self, stream: Stream) -> Iterator[str]:
        yield from ()

    def requests_made(self, stream: str) -> int:
        return self._rest.requests_made(stream)

    def close(self) -> None:
        self._rest.close()


def settings_at(home: Path, *, personal: str = "hash", memory: str = "2GB") -> Settings:
    """A company with nothing but this source, on the morning of 2 March 2026."""
    home.mkdir(parents=True, exist_ok=True)
    (home / "meridian.toml").write_text(CONFIGURATION.format(personal=personal, memory=memory), encoding="utf-8")
    (home / ".env").write_text(f"{KEY_VARIABLE}={'5eed' * 16}\n")
    (home / ".env").chmod(0o600)
    return load(home / "meridian.toml", environment={})


def told(settings: Settings, ledger: ledgers.Ledger) -> dict[str, str]:
    return build.run_environment(settings, ledger, as_of=AS_OF, version="benchmark", now=NOW)


def land_and_stage(home: Path, url: str, *, personal: str, checked: bool, memory: str) -> dict[str, Json]:
    settings = settings_at(home, personal=personal, memory=memory)
    for name in ("landing", "warehouse"):
        shutil.rmtree(settings.home / name, ignore_errors=True)
    for path in settings.home.glob("ledger.sqlite*"):
        path.unlink()
    ledger, seconds, peaks, before = ledgers.open_ledger(settings.ledger), {}, {}, 0.0

    def done(step: str) -> None:
        nonlocal before
        seconds[step], before = cpu() - before, cpu()
        peaks[step] = int(largest())

    done("start")
    connector = TicketDesk("desk", Rest(url, source="desk"))
    store = ingest.Store(landing=settings.landing, ledger=ledger, clock=lambda: NOW, policy=lambda source: privacy.policy_of(settings, source))
    result = ingest.ingest_stream(connector, TICKETS, store)
    assert result.failure is None, result
    done("read and land")
    if checked:
        check.check_batches(settings, ledger, {("desk", "tickets"): TICKETS}, now=NOW)
        done("check")
    else:
        for batch in result.batches:
            ledgers.judge_batch(ledger, source="desk", stream="tickets", batch=batch, verdict="passed")
    prepared = build.prepare(settings, ledger, as_of=AS_OF, now=NOW)
    build.run_dbt(settings, ["run", "--select", "stg_zendesk__tickets"], told=told(settings, ledger))
    warehouses.mark_absorbed(settings.warehouse, prepared)
    done("stage")
    with warehouses.connect(settings.warehouse, read_only=True) as warehouse:
        rows, *sums = warehouse.execute(CHECKSUM).fetchone()
    return {"rows": rows, "checksum": sums, "steps": seconds, "peaks": peaks}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("home", type=Path)
    parser.add_argument("url")
    parser.add_argument("--prepare", action="store_true")
    parser.add_argument("--check", action="store_true", help="check what landed, too")
    parser.add_argument("--personal", default="hash", choices=("hash", "keep"))
    parser.add_argument("--memory", default="2GB", help="what DuckDB may hold in a build")
    asked = parser.parse_args()
    if asked.prepare:
        settings = settings_at(asked.home)
        build.run_dbt(settings, ["parse"], told=told(settings, ledgers.open_ledger(settings.ledger)))
    else:
        print(json.dumps(land_and_stage(asked.home, asked.url, personal=asked.personal, checked=asked.check, memory=asked.memory)), flush=True)


if __name__ == "__main__":
    main()
