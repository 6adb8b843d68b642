"""Business time of many intervals: the warehouse's joins, an oracle in Python, and the wall clock read every minute.

    python -m tests.benchmarks.business_time [--intervals 1000000]

The oracle knows the opening hours as spans, and looks them up by bisection; the naive way asks of every minute whether it is open. Both are measured on a
part of the intervals and told for all of them. Every answer that two ways give is compared.
"""

from __future__ import annotations

import argparse
import random
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import duckdb
import pyarrow as pa

from tests.benchmarks.measuring import cost, in_turns, machine
from tests.dbt_project.service.conftest import rendered_business_time
from tests.dbt_project.service.test_business_time import CALENDARS, FIRST, LAST, Interval
from tests.dbt_project.service.wall_time import OpenSpans, open_minutes_on_the_wall
from tests.dbt_project.warehouse_builder import WarehouseBuilder, run_dbt, run_settings

OF_THE_ORACLE, OF_THE_NAIVE = 20_000, 200


def intervals_of(count: int) -> list[Interval]:
    """Whole minutes, since the naive way counts no seconds; a few days in the median, as the life of a ticket is."""
    chance = random.Random(20261126)
    found = []
    for number in range(count):
        start = datetime(2024, 1, 1, tzinfo=UTC) + timedelta(minutes=chance.randint(0, 1_000 * 1_440))
        found.append((CALENDARS[number % 2].name, start, start + timedelta(minutes=min(round(chance.lognormvariate(7.5, 1.2)) + 1, 60 * 1_440))))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--intervals", type=int, default=1_000_000)
    parser.add_argument("--turns", type=int, default=5)
    asked = parser.parse_args()
    intervals = intervals_of(asked.intervals)
    by_name = {calendar.name: calendar for calendar in CALENDARS}
    with tempfile.TemporaryDirectory(prefix="meridian-business-time-") as temporary:
        folder = Path(temporary)
        manifest = run_dbt(["parse"], run_settings(folder / "warehouse.duckdb", as_of="2026-10-31"), target=folder / "target")
        company = WarehouseBuilder(folder=folder, target=folder / "target", manifest=manifest)
        company.tables["calendars"] = [row for calendar in CALENDARS for row in calendar.rows()]
        company.tables["holidays"] = [(calendar.name, day) for calendar in CALENDARS for day in calendar.holidays]
        company.build("+int_calendar_spans", as_of="2026-10-31", data_tests=False)
        table = pa.table({
            "number": pa.array(range(len(intervals))), "calendar": pa.array([one[0] for one in intervals]),
            "started_at": pa.array([one[1].replace(tzinfo=None) for one in intervals], pa.timestamp("us")),
            "ended_at": pa.array([one[2].replace(tzinfo=None) for one in intervals], pa.timestamp("us"))})
        with duckdb.connect(str(company.path), read_only=True) as connection:
            connection.register("given", table)
            connection.execute("create temp table intervals as select * from given")
            timed = rendered_business_time()("with_business_time", "intervals", "calendar", {"started_at": "started", "ended_at": "ended"})
            seconds, _ = in_turns(
                asked.turns, warehouse=lambda: connection.execute(f"create or replace temp table timed as select number, (ended - started) / 1000000.0 as open from ({timed})"))
            found = [row[0] for row in connection.execute("select open from timed order by number").fetchall()]
    oracles = {calendar.name: OpenSpans(calendar, FIRST, LAST) for calendar in CALENDARS[:2]}
    oracle, said = cost(lambda: [oracles[name].seconds(start, end) for name, start, end in intervals[:OF_THE_ORACLE]])
    naive, counted = cost(lambda: [open_minutes_on_the_wall(by_name[name], start, end) * 60 for name, start, end in intervals[:OF_THE_NAIVE]])
    apart = sum(abs(ours - theirs) > 1 for ours, theirs in zip(found, said, strict=False)) + sum(a != b for a, b in zip(found, counted, strict=False))
    ours = seconds["warehouse"]
    whole = {"the warehouse": ours, "an oracle in Python": oracle * len(intervals) / min(OF_THE_ORACLE, len(intervals)),
             "every minute of the wall": naive * len(intervals) / min(OF_THE_NAIVE, len(intervals))}
    print(f"{len(intervals):,} intervals; medians of {asked.turns}; {machine()}; {apart} answers differ")
    for name, took in whole.items():
        print(f"{name:<28}{took:>12.2f} CPU s{len(intervals) / took:>14,.0f} a CPU s{took / ours:>12.1f} ×")


if __name__ == "__main__":
    main()
