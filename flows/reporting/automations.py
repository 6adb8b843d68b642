"""What a report says of automations: what each playbook did in the period, and how the KPI that it is measured on moved meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from flows.reporting.periods import Period


@dataclass(frozen=True, kw_only=True)
class Did:
    """done: of `attempted` actions, those that the target has. undone: taken back. kpi: '' for one that is not published."""

    playbook: str
    attempted: int
    done: int
    handed_over: int
    undone: int
    kpi: str


def read(connection: Any, period: Period) -> Sequence[Did]:
    """By playbook. connection: on a published version; one from before automations has none."""
    if not connection.execute("select 1 from duckdb_tables() where table_name = 'fct_automations'").fetchone():
        return ()
    rows = connection.execute("""
        select
            playbook, count(*) filter (where is_attempted and purpose = 'do'), count(*) filter (where is_verified and purpose = 'do'),
            count(*) filter (where state = 'handed_over'), count(*) filter (where is_verified and purpose = 'undo'), coalesce(max(kpi), '')
        from fct_automations where ended_on between ? and ? group by playbook order by playbook""", [period.start, period.end]).fetchall()
    return tuple(Did(playbook=row[0], attempted=row[1], done=row[2], handed_over=row[3], undone=row[4], kpi=row[5]) for row in rows)
