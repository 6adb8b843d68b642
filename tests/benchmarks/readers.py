"""How long readers wait while versions are published: `python -m tests.benchmarks.readers --readers 100 --publishes 20 --rows 200000`.

Half of the readers open the file under its stable name, as a BI tool does for a query; the other half hold a session to PostgreSQL. Each asks the same mixed
questions, one after the other with a pause between, and says how often tables of one statement were of two versions, and what went wrong. Latencies are
told apart: while nothing is published, and while versions come.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from contextlib import ExitStack, closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flows.store import postgres, published
from flows.store.pg import connected, rows
from sandbox import databases
from tests.flows.store.marts_in_postgres import options, put_out

QUESTIONS = {
    "one row": "select min(o.stamp), max(o.stamp) from {s}fct_orders o where o.order_id = {n}",
    "a month by unit": "select min(stamp), max(stamp) from (select business_unit, stamp, sum(net_amount) from {s}fct_orders group by business_unit, stamp) t",
    "a join": "select min(o.stamp), max(l.stamp) from {s}fct_orders o join {s}fct_lines l on l.line_id = o.order_id where o.order_id between {n} and {n} + 500",
    "a dashboard": "select min(k.stamp), max(o.stamp) from {s}kpis k, (select max(stamp) as stamp, count(*) from {s}fct_orders) o",
}
PAUSE = 0.25        # seconds between the questions of a reader


@dataclass
class Told:
    """What readers said, gathered under a lock."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    seconds: dict[tuple[str, str, str], list[float]] = field(default_factory=lambda: defaultdict(list))
    counts: Counter[str] = field(default_factory=Counter)

    def note(self, where: str, question: str, phase: str, took: float, answer: Any) -> None:
        with self.lock:
            self.seconds[where, question, phase].append(took)
            self.counts["statements"] += 1
            self.counts["mixed"] += answer[0] != answer[1]


def read(where: str, ask: Callable[[str], Any], told: Told, phase: list[str], stop: threading.Event, number: int, size: int) -> None:
    asked = 0
    while not stop.is_set():
        asked += 1
        question = list(QUESTIONS)[(number + asked) % len(QUESTIONS)]
        statement = QUESTIONS[question].format(s="marts." if where == "PostgreSQL" else "", n=(number * 7919 + asked * 104729) % size)
        now, started = phase[0], time.perf_counter()
        try:
            answer = ask(statement)
            told.note(where, question, now, time.perf_counter() - started, answer)
        except Exception as error:
            with told.lock:
                told.counts[f"{where}: {type(error).__name__}: {error}"[:160]] += 1
        stop.wait(PAUSE)


def of_files(folder: Path, *arguments: Any) -> None:
    def ask(statement: str) -> Any:
        with closing(published.connect(folder)) as marts:
            return marts.execute(statement).fetchone()

    read("file", ask, *arguments)


def of_postgres(address: str, *arguments: Any) -> None:
    def ask(statement: str) -> Any:
        [answer] = rows(connection, statement)
        connection.rollback()
        return answer

    with connected(address) as connection:
        read("PostgreSQL", ask, *arguments)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--readers", type=int, default=100)
    parser.add_argument("--publishes", type=int, default=20)
    parser.add_argument("--rows", type=int, default=200_000)
    given = parser.parse_args()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="meridian-readers-"))) / "published"
        server = stack.enter_context(databases.postgres(settings=["max_connections=200"]))
        told, phase, stop = Told(), ["quiet"], threading.Event()

        def publish(stamp: int) -> None:
            postgres.follow(server.url, options(keep_versions=2), put_out(folder, stamp, rows=given.rows), mask=None)

        publish(1)
        readers = [threading.Thread(target=of_files if number % 2 else of_postgres,
                                    args=(folder if number % 2 else server.url, told, phase, stop, number, given.rows)) for number in range(given.readers)]
        for reader in readers:
            reader.start()
        time.sleep(15)
        phase[0] = "publishing"
        for stamp in range(2, given.publishes + 2):
            publish(stamp)
        stop.set()
        for reader in readers:
            reader.join()
    print(f"{given.readers} readers, {given.publishes} publications of {given.rows:,} orders and as many lines: {dict(told.counts)}\n")
    print("| where | question | while | n | median ms | 95 % | longest |\n|---|---|---|---|---|---|---|")
    for (where, question, now), seconds in sorted(told.seconds.items()):
        ordered = sorted(seconds)
        shown = (1000 * ordered[min(len(ordered) - 1, int(len(ordered) * share))] for share in (0.5, 0.95, 1.0))
        print(f"| {where} | {question} | {now} | {len(ordered)} | " + " | ".join(f"{one:.0f}" for one in shown) + " |")


if __name__ == "__main__":
    main()
