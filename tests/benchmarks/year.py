"""A year of nights of one small company: whether a night costs more the longer Meridian has run, and whether it still answers what one night over everything answers.

    python -m tests.benchmarks.year [--nights 365] [--tickets 40] [--orders 30] [--keep DIR]

Every morning a file of tickets (new ones, and those of the last days that were solved since) and one of order lines (new ones, and some taken back) are
dropped, and the whole night of `flows/nightly.py` is lived, one after another in one process, with the functions of flows and tasks called as they are. Every
fiftieth night is missed. At the end a fresh company reads the same files in one night, and its version has to be the same row for row, but for what tells
of the reading itself.
"""

from __future__ import annotations

import argparse
import io
import random
import statistics
import tempfile
from collections.abc import Sequence
from contextlib import ExitStack, nullcontext, redirect_stdout
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flows import cli, up
from flows.settings import load
from flows.store import checksums
from flows.store import ledger as ledgers
from tests.benchmarks.measuring import cpu, machine
from tests.benchmarks.quiet_night import plain_calls
from tests.flows.conftest import Company, make_company, order_line, ticket
from tests.flows.test_night_kills import INSTANTS

FIRST = date(2025, 3, 1)
BEFORE = 60             # days of the past that the first night finds
MISSED = 50             # one night in so many
OF_THE_READING = frozenset({"restatements", "source_freshness", "stream_completeness", "stream_days", "quarantine", "quarantine_counts"})
"""Tables that say when something was seen."""


def resident() -> float:
    """MB that this process holds now."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * 4096 / 1e6


def size(folder: Path) -> float:
    """MB of the files below."""
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file() and not path.is_symlink()) / 1e6


@dataclass(frozen=True, kw_only=True)
class Day:
    """What came in on a day, and what was done with what came before."""

    tickets: list[dict[str, Any]]
    lines: list[dict[str, Any]]


def day_of(day: date, number: int, *, tickets: int, orders: int) -> Day:
    """The same for the same day, whoever asks. A Monday has half as much again as a Sunday."""
    chance = random.Random(number)
    busy = 1.2 - day.weekday() / 15
    opened = [ticket(100_000 + number * 1000 + one, day.isoformat(), status="open", priority=chance.choice(("low", "normal", "high")),
                     requester_id=chance.randrange(50), via={"channel": chance.choice(("email", "web", "chat"))}) for one in range(round(tickets * busy))]
    solved = []
    for back in range(1, 6):
        before = number - back
        if before >= 0:
            earlier = day - timedelta(days=back)
            for one in range(back - 1, round(tickets * (1.2 - earlier.weekday() / 15)), 5):
                solved.append(ticket(100_000 + before * 1000 + one, earlier.isoformat(), status="solved", updated_at=f"{day}T15:{one % 60:02d}:00Z"))
    lines = [{**order_line(str(600_000 + number * 1000 + one), day.isoformat(), quantity=1 + chance.randrange(5)), "StockCode": f"P{chance.randrange(20)}",
              "CustomerID": 10_000 + chance.randrange(400)} for one in range(round(orders * busy))]
    if number > 3:
        back = day - timedelta(days=3)
        lines += [{**order_line(f"C{600_000 + number * 1000 + one}", day.isoformat(), quantity=-1), "StockCode": f"P{one}", "CustomerID": 10_000 + one,
                   "Description": f"taken back from {back}"} for one in range(2)]
    return Day(tickets=opened + solved, lines=lines)


def drop(company: Company, days: Sequence[tuple[date, int]], *, tickets: int, orders: int) -> None:
    for day, number in days:
        came = day_of(day, number, tickets=tickets, orders=orders)
        company.write(f"drop/tickets-{day}.jsonl", came.tickets)
        company.write(f"drop/orders-{day}.jsonl", came.lines)


def founded(folder: Path) -> Company:
    company = make_company(folder, api="")
    for path in (folder / "drop").glob("*.jsonl"):
        path.unlink()
    return company


def night(company: Company) -> dict[str, Any]:
    """The night's row in the ledger. Raises AssertionError when it did not publish."""
    with redirect_stdout(io.StringIO()):
        cli.app(["nightly", "--config", str(company.config)], standalone_mode=False)
    [last] = ledgers.list_nights(ledgers.open_ledger(load(company.config, environment={}).ledger), limit=1)
    assert last["state"] == "published", (last["state"], last["report"]["message"])
    return dict(last)


def morning(day: date) -> str:
    return datetime(day.year, day.month, day.day, 2, 30, tzinfo=UTC).isoformat()


def live(company: Company, nights: int, *, tickets: int, orders: int) -> None:
    """Prints a line for every thirty nights."""
    print(f"{'nights':<8}{'CPU s, median':>14}{'MB held':>9}" + "".join(f"{room:>14}" for room in ("landing, MB", "warehouse", "published", "all of home")) + "  wall s")
    costs: list[tuple[float, dict[str, float]]] = []
    for number in range(nights):
        day = FIRST + timedelta(days=BEFORE + number)
        known = range(BEFORE + 1) if number == 0 else range(BEFORE + number, BEFORE + number + 1)
        drop(company, [(FIRST + timedelta(days=one), one) for one in known], tickets=tickets, orders=orders)
        if number % MISSED != MISSED - 1:
            company.clock(morning(day + timedelta(days=1)))
            before = cpu()
            ended = night(company)
            costs.append((cpu() - before, ended["report"]["seconds"]))
        if (number + 1) % 30 == 0 or number in (0, nights - 1):
            told(company, number + 1, costs)
            costs.clear()


def told(company: Company, number: int, costs: Sequence[tuple[float, dict[str, float]]]) -> None:
    settings = company.settings()
    rooms = [size(settings.landing), settings.warehouse.stat().st_size / 1e6, size(settings.published), size(settings.home)]
    steps = {step: statistics.median(seconds.get(step, 0) for _, seconds in costs) for step in costs[-1][1]}
    print(f"{number:<8}{statistics.median(cost for cost, _ in costs):>14.2f}{resident():>9.0f}" + "".join(f"{room:>14.1f}" for room in rooms)
          + "  " + ", ".join(f"{step} {seconds:.2f}" for step, seconds in steps.items()), flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nights", type=int, default=365)
    parser.add_argument("--tickets", type=int, default=40, help="new ones a day")
    parser.add_argument("--orders", type=int, default=30)
    parser.add_argument("--keep", type=Path, help="live in this folder, which is not there yet, and leave it")
    asked = parser.parse_args()
    print(f"{asked.nights} nights, {asked.tickets} tickets and {asked.orders} orders a day; {machine()}")
    with ExitStack() as until:
        folder = Path(until.enter_context(nullcontext(asked.keep) if asked.keep else tempfile.TemporaryDirectory(prefix="meridian-year-")))  # type: ignore[arg-type]
        nobody = up.Server(api="http://127.0.0.1:9/api")
        until.enter_context(patch.object(up, "ensure_server", lambda *_, **__: nobody))
        (folder / "nights").mkdir(parents=True)
        (folder / "at-once").mkdir()
        company, whole = founded(folder / "nights"), founded(folder / "at-once")
        until.enter_context(up.pointed_at(nobody, company.settings()))
        plain_calls(until)
        live(company, asked.nights, tickets=asked.tickets, orders=asked.orders)
        days = range(BEFORE + asked.nights)
        drop(whole, [(FIRST + timedelta(days=one), one) for one in days], tickets=asked.tickets, orders=asked.orders)
        whole.clock(morning(FIRST + timedelta(days=len(days))))
        night(whole)
        found = [one for one in checksums.differences(*(one.settings().published / "marts.duckdb" for one in (company, whole)), leave_out=INSTANTS)
                 if one.table not in OF_THE_READING]
        for one in found:
            print(f"{one.table}: {one.rows_left} rows by nights, {one.rows_right} at once; {one.only_left} and {one.only_right} only there "
                  f"{one.examples_left[:1]} {one.examples_right[:1]}")
        if found:
            raise SystemExit(f"{len(found)} tables differ")
        print("the same, row for row, as one night over everything")


if __name__ == "__main__":
    main()
