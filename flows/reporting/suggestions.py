"""What a report says of suggestions for improvement: how many came in a period, what became of those there are, which have an outcome."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from flows.reporting.periods import Period

STATES = ("submitted", "assessed", "registered", "judged", "declined")
SHOWN = 6


@dataclass(frozen=True, kw_only=True)
class Moved:
    """A suggestion that came into its state in the period. on: when. verdict: '' without one."""

    subject: str
    unit: str
    state: str
    on: date
    age_days: int
    verdict: str


@dataclass(frozen=True, kw_only=True)
class Suggestions:
    """came: submitted in the period. states: how many there are by the version's last day, by state. moved: the latest first."""

    came: int = 0
    states: Mapping[str, int] = field(default_factory=dict)
    moved: Sequence[Moved] = ()


def read(connection: Any, period: Period) -> Suggestions:
    """connection: on a published version; one from before suggestions has none."""
    if not connection.execute("select 1 from duckdb_tables() where table_name = 'fct_suggestions'").fetchone():
        return Suggestions()
    states = dict(connection.execute("select state, count(*) from fct_suggestions group by state").fetchall())
    came = connection.execute("select count(*) from fct_suggestions where submitted_on between ? and ?", [period.start, period.end]).fetchone()[0]
    rows = connection.execute("""
        select coalesce(subject, number), unit, state, coalesce(judged_on, registered_on, assessed_on, submitted_on) as since, age_days, coalesce(verdict, '')
        from fct_suggestions where since between ? and ? order by since desc, suggestion_id limit ?""", [period.start, period.end, SHOWN]).fetchall()
    return Suggestions(came=came, states={state: states[state] for state in STATES if state in states},
                       moved=tuple(Moved(subject=row[0], unit=row[1], state=row[2], on=row[3], age_days=row[4], verdict=row[5]) for row in rows))
