"""An evaluation of many rules over many segments: `python -m tests.benchmarks.alert_rules [--rules 500] [--segments 1000]`.

Every rule judges a KPI of its own over every segment: 90 days of values each, one segment in fifty above the limit. Costs of the first evaluation, of one
night more, and of an evaluation that finds nothing new; what fires is counted against what was made to.
"""

from __future__ import annotations

import argparse
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from flows.alerting import facts
from flows.alerting.evaluate import Evaluation, Setup, evaluate
from flows.alerting.options import Alerts
from flows.store import ledger as ledgers
from tests.benchmarks.measuring import cost, machine
from tests.flows.alerting import marts
from tests.flows.alerting.world import rule

DAYS = 90


def write(path: Path, rules: int, segments: int, days: int) -> duckdb.DuckDBPyConnection:
    """A version in which, on the last two days, the segments whose number ends in 0 or 50 are above the limit of every rule."""
    marts.write(path, days=days, rates={}, kpi_catalogue=[
        (f"kpi_{number}", f"KPI {number}", f"指标 {number}", "ratio", "lower", 5, 0, "supply_lead", "tryton.purchase_line") for number in range(rules)]).close()
    with duckdb.connect(str(path)) as connection:
        connection.execute(f"""
            insert into kpis
            select 'kpi_' || kpi, 'day', 'supplier', 'S' || segment, day, day, rate, rate * 100, 100, 100, 0.1
            from (
                select kpi, segment, date '{marts.FIRST}' + cast(day as integer) as day, case when segment % 50 = 0 and day >= {DAYS - 2} then 0.4 else 0.05 end as rate
                from range({rules}) as rules (kpi), range({segments}) as segments (segment), range({days}) as days (day)
            ) order by kpi, segment, day""")
    return duckdb.connect(str(path), read_only=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rules", type=int, default=500)
    parser.add_argument("--segments", type=int, default=1000)
    asked = parser.parse_args()
    rules = {f"rule_{number}": rule(f"rule_{number}", kpi=f"kpi_{number}", above=0.10) for number in range(asked.rules)}
    setup = Setup(rules=rules, options=Alerts.model_validate({"channels": {"warn": ["mail"]}}), languages={"mail": "en"})
    with tempfile.TemporaryDirectory(prefix="meridian-rules-") as temporary:
        folder = Path(temporary)
        ledger = ledgers.open_ledger(str(folder / "ledger.sqlite"))

        def evaluated(days: int, hour: int) -> Evaluation:
            with write(folder / "marts.duckdb", asked.rules, asked.segments, days) as connection:
                now = datetime.combine(marts.FIRST + timedelta(days=days), datetime.min.time(), UTC) + timedelta(hours=hour)
                took, found = cost(lambda: evaluate(ledger, connection, setup, night=facts.Night(), now=now))
                said = sum(len(message.alerts) for message in found.messages)
                changed = sum(alert.is_open for alert in found.changed)
                print(f"as of day {days:<4}{took:>10.2f} CPU s{took * 1e6 / asked.rules / asked.segments:>10.1f} µs a rule and segment   "
                      f"{changed:,} began to fire, {said:,} told of in {len(found.messages):,} messages")
                return found

        print(f"{asked.rules:,} rules × {asked.segments:,} segments × {DAYS} days; {machine()}")
        evaluated(DAYS - 2, 3)
        found: Any = evaluated(DAYS - 1, 3)
        assert sum(alert.is_open for alert in found.changed) == asked.rules * len(range(0, asked.segments, 50)), "not what was made to fire"
        evaluated(DAYS - 1, 4)


if __name__ == "__main__":
    main()
