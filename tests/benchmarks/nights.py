"""What a night costs: the first, one with 1 % changed, and one on which nothing changed.

    python -m tests.benchmarks.nights [--tickets 100000] [--lines 400000] [--keep DIR]

A company whose tickets and order lines are dropped files. CPU seconds are those of the whole process tree (dbt is a child), by step; what the
connector needs to read its files is the source's time and stands apart. Ratios are within one run, as the machine's speed drifts between runs.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import nullcontext
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

from flows import build, check, ingest, privacy, publish
from flows.settings import Settings, load
from flows.store import ledger as ledgers
from flows.store import published
from flows.store.warehouse import connect
from tests.benchmarks.measuring import cpu, largest, machine
from tests.flows.conftest import make_company, order_line, ticket

FIRST = date(2025, 3, 1)
PARSES = "parses the project; its cost is no night's"
EMPTY_FIRST, EMPTY, FIRST_NIGHT, RECENT = "empty, from nothing", "empty", "first", "1 % changed, of the last days"


def write(folder: Path, tickets: int, lines: int) -> None:
    """A year of tickets and order lines in ten files each. Numbers ascend with time, as those of any system do."""
    for part in range(10):
        with (folder / f"drop/tickets-{part}.jsonl").open("w") as file:
            file.writelines(json.dumps(ticket(n, _day(n, tickets), description="x" * 350)) + "\n" for n in _part(part, tickets))
        with (folder / f"drop/orders-{part}.jsonl").open("w") as file:
            file.writelines(json.dumps(_order_line(n, lines)) + "\n" for n in _part(part, lines))


def _part(number: int, count: int) -> range:
    return range(count * number // 10, count * (number + 1) // 10)


def _day(number: int, count: int) -> str:
    return (FIRST + timedelta(days=number * 365 // count)).isoformat()


def _order_line(number: int, count: int, **more: Any) -> dict[str, Any]:
    order = number // 4
    return {**order_line(str(10_000_000 + order), _day(order * 4, count), **more), "StockCode": f"P{number % 4}", "CustomerID": order * 7919 % 20_000}


def change(folder: Path, tickets: int, lines: int, *, turn: int, recent: bool) -> None:
    """One record in a hundred says something else, in a file of its own: of the last days (as most changes of a night are), or of all days alike.

    (New content under the old name would take back what the night before had changed, and be two in a hundred.)
    """
    chosen: list[Sequence[int]] = [range(count - count // 100, count) if recent else range(turn, count, 100) for count in (tickets, lines)]
    name = f"changed-{turn}-{'recent' if recent else 'all'}.jsonl"
    with (folder / f"drop/tickets-{name}").open("w") as file:
        file.writelines(json.dumps(ticket(n, _day(n, tickets), priority=("high", "low", "urgent")[turn % 3])) + "\n" for n in chosen[0])
    with (folder / f"drop/orders-{name}").open("w") as file:
        file.writelines(json.dumps(_order_line(n, lines, quantity=3 + turn)) + "\n" for n in chosen[1])


class Measured:
    """A connector whose own CPU seconds are counted."""

    def __init__(self, connector: Any) -> None:
        self._connector, self.seconds = connector, 0.0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._connector, name)

    def read(self, *arguments: Any, **named: Any) -> Iterator[Any]:
        pages = self._connector.read(*arguments, **named)
        while True:
            before = cpu()
            page = next(pages, None)
            self.seconds += cpu() - before
            if page is None:
                return
            yield page


def night(settings: Settings, *, rebuild: bool = False) -> dict[str, float]:
    """One night without Prefect (its cost is fixed and measured apart); CPU seconds by step."""
    ledger = ledgers.open_ledger(settings.ledger)
    store = ingest.Store(landing=settings.landing, ledger=ledger, clock=settings.clock, policy=lambda source: privacy.policy_of(settings, source))
    seconds, before = {}, cpu()

    def done(step: str) -> None:
        nonlocal before
        seconds[step], before = cpu() - before, cpu()

    declared, source_seconds = {}, 0.0
    for name in settings.configuration.sources:
        connector = Measured(ingest.connect_source(settings, name, ledger))
        for stream in connector.streams():
            declared[name, stream.name] = stream
            result = ingest.ingest_stream(connector, stream, store)
            assert result.failure is None, result
        source_seconds += connector.seconds
    done("land")
    seconds["land"] -= source_seconds
    seconds = {"read the source": source_seconds, **seconds}
    check.check_batches(settings, ledger, declared, now=settings.clock())
    done("check what landed")
    now = settings.clock()
    as_of = settings.as_of(now)
    version = published.next_version(settings.published, as_of)
    build.build(settings, ledger, as_of=as_of, version=version, now=now, rebuild=rebuild)
    done("build")
    outcome = publish.audit_and_publish(settings, ledger, version=version, as_of=as_of, now=now)
    assert outcome.version == version, outcome.critical
    done("check and publish")
    return seconds


Nights = dict[str, dict[str, float]]


def lived(folder: Path, *, tickets: int, lines: int, turns: int) -> Nights:
    """Nights of a company of so many records in a folder, by what is special about them: medians of CPU seconds, by step."""
    nights: dict[str, list[dict[str, float]]] = defaultdict(list)
    folder.mkdir(parents=True, exist_ok=True)
    company = make_company(folder, api="")
    clock = datetime(2026, 3, 2, 2, 40, tzinfo=UTC)

    def live(name: str, **how: Any) -> None:
        nonlocal clock
        clock += timedelta(minutes=1)
        company.clock(clock.isoformat())
        nights[name].append(night(load(company.config, environment={}), **how))

    live(PARSES)
    for _ in range(turns):
        live(EMPTY_FIRST, rebuild=True)
        live(EMPTY)
    write(company.folder, tickets, lines)
    shutil.rmtree(company.settings().published)             # the jump from a handful of rows would stop publication
    live(FIRST_NIGHT, rebuild=True)
    for turn in range(turns):
        for name, recent in ((RECENT, True), ("1 % changed, of all days", False)):
            change(company.folder, tickets, lines, turn=turn, recent=recent)
            live(name)
        live("nothing changed")
        with connect(company.settings().warehouse, read_only=True) as warehouse:
            found = warehouse.execute("select count(*), count(distinct ticket_id) from marts.fct_tickets").fetchone()
        assert found == (tickets, tickets), found
    del nights[PARSES]
    return {name: {step: statistics.median(one[step] for one in ones) for step in ones[0]} for name, ones in nights.items()}


def above(nights: Nights, name: str) -> float:
    """What the night cost beyond start-up and the source's own time."""
    empty = nights[EMPTY_FIRST if name == FIRST_NIGHT else EMPTY]
    return sum(nights[name][step] - empty[step] for step in empty if step != "read the source")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tickets", type=int, default=100_000)
    parser.add_argument("--lines", type=int, default=400_000)
    parser.add_argument("--turns", type=int, default=3, help="how often each kind of night is lived; medians are printed")
    parser.add_argument("--keep", type=Path, help="live in this folder, which is not there yet, and leave it: `dashboards --company` looks at it")
    asked = parser.parse_args()
    with nullcontext(asked.keep) if asked.keep else tempfile.TemporaryDirectory(prefix="meridian-nights-") as folder:
        nights = lived(Path(folder), tickets=asked.tickets, lines=asked.lines, turns=asked.turns)
    print(f"{asked.tickets:,} tickets, {asked.lines:,} order lines; medians of {asked.turns}; largest process {largest():,.0f} MB; {machine()}")
    steps = list(nights[EMPTY])
    print(f"{'CPU seconds':<32}" + "".join(f"{step:>20}" for step in steps) + f"{'all':>10}{'above empty':>14}")
    for name, seconds in nights.items():
        print(f"{name:<32}" + "".join(f"{seconds[step]:>20.2f}" for step in steps) + f"{sum(seconds.values()):>10.2f}{above(nights, name):>14.2f}")
    for name in nights.keys() - {EMPTY, EMPTY_FIRST, FIRST_NIGHT}:
        print(f"{name} / first, above start-up, the source's time aside: {above(nights, name) / above(nights, FIRST_NIGHT):.1%}")


if __name__ == "__main__":
    main()
