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
import os
import random
import statistics
import tempfile
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, nullcontext, redirect_stdout
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from unittest.mock import patch

from flows import cli, up
from flows.store import checksums
from flows.store import ledger as ledgers
from tests.benchmarks.extract import resident
from tests.benchmarks.measuring import cpu, machine
from tests.benchmarks.quiet_night import plain_calls
from tests.flows.conftest import Company, make_company, order_line, ticket
from tests.flows.test_night_kills import INSTANTS

FIRST = date(2025, 3, 1)
BEFORE = 60             # days of the past that the first night finds
MISSED = 50             # one night in so many
ROOMS = ("landing", "warehouse", "published")
OF_THE_READING = frozenset({"restatements", "source_freshness", "stream_completeness", "stream_days", "quarantine", "quarantine_counts"})
"""Tables that say when something was seen."""


def day_of(number: int) -> date:
    return FIRST + timedelta(days=number)


def busy(number: int) -> float:
    """A Monday has half as much again as a Sunday."""
    return 1.2 - day_of(number).weekday() / 15


def drop(company: Company, numbers: Iterable[int], *, tickets: int, orders: int) -> None:
    """What came in on these days, and was done with what came before, a file of each a day; the same for the same day, whoever asks."""
    for number in numbers:
        company.write(f"drop/tickets-{day_of(number)}.jsonl", tickets_of(number, tickets))
        company.write(f"drop/orders-{day_of(number)}.jsonl", lines_of(number, orders))


def tickets_of(number: int, tickets: int) -> list[dict[str, Any]]:
    """New ones, and of each of the five days before a fifth that is solved."""
    chance, day = random.Random(number), day_of(number)
    opened = [ticket(100_000 + number * 1000 + one, day.isoformat(), status="open", priority=chance.choice(("low", "normal", "high")),
                     requester_id=chance.randrange(50), via={"channel": chance.choice(("email", "web", "chat"))}) for one in range(round(tickets * busy(number)))]
    solved = [ticket(100_000 + before * 1000 + one, day_of(before).isoformat(), status="solved", updated_at=f"{day}T15:{one % 60:02d}:00Z")
              for before in range(number - 1, max(number - 6, -1), -1) for one in range(number - before - 1, round(tickets * busy(before)), 5)]
    return opened + solved


def lines_of(number: int, orders: int) -> list[dict[str, Any]]:
    """New ones, and two that are taken back."""
    chance, day = random.Random(number), day_of(number)
    lines = [{**order_line(str(600_000 + number * 1000 + one), day.isoformat(), quantity=1 + chance.randrange(5)), "StockCode": f"P{chance.randrange(20)}",
              "CustomerID": 10_000 + chance.randrange(400)} for one in range(round(orders * busy(number)))]
    if number > 3:
        lines += [{**order_line(f"C{600_000 + number * 1000 + one}", day.isoformat(), quantity=-1), "StockCode": f"P{one}", "CustomerID": 10_000 + one,
                   "Description": f"taken back from {day_of(number - 3)}"} for one in range(2)]
    return lines


def founded(folder: Path) -> Company:
    company = make_company(folder, api="")
    for path in (folder / "drop").glob("*.jsonl"):
        path.unlink()
    return company


def night(company: Company) -> dict[str, Any]:
    """The night's report. Raises AssertionError when it did not publish."""
    with redirect_stdout(io.StringIO()):
        cli.app(["nightly", "--config", str(company.config)], standalone_mode=False)
    [last] = ledgers.list_nights(ledgers.open_ledger(company.settings().ledger), limit=1)
    assert last["state"] == "published", (last["state"], last["report"]["message"])
    return dict(last["report"])


def morning_after(number: int) -> str:
    return datetime.combine(day_of(number + 1), time(2, 30), tzinfo=UTC).isoformat()


def live(company: Company, nights: int, *, tickets: int, orders: int) -> None:
    """Prints a line for every thirty nights."""
    print(f"{'nights':<8}{'CPU s, median':>14}{'MB held':>9}" + "".join(f"{room:>14}" for room in (*ROOMS, "all, MB")) + "  wall s")
    lived: list[tuple[float, dict[str, Any]]] = []
    drop(company, range(BEFORE), tickets=tickets, orders=orders)
    for number in range(nights):
        drop(company, [BEFORE + number], tickets=tickets, orders=orders)
        if number % MISSED != MISSED - 1:
            company.clock(morning_after(BEFORE + number))
            before = cpu()
            report = night(company)
            lived.append((cpu() - before, report))
        if (number + 1) % 30 == 0 or number in (0, nights - 1):
            told(number + 1, lived)
            lived.clear()


def told(number: int, lived: Sequence[tuple[float, dict[str, Any]]]) -> None:
    """lived: CPU seconds and report of each night."""
    last = lived[-1][1]
    rooms = [one / 1e6 for one in (*map(last["disk"]["rooms"].get, ROOMS), sum(last["disk"]["rooms"].values()))]
    steps = {step: statistics.median(report["seconds"].get(step, 0) for _, report in lived) for step in last["seconds"]}
    print(f"{number:<8}{statistics.median(cost for cost, _ in lived):>14.2f}{resident(os.getpid()):>9.0f}" + "".join(f"{room:>14.1f}" for room in rooms)
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
        drop(whole, days, tickets=asked.tickets, orders=asked.orders)
        whole.clock(morning_after(days[-1]))
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
