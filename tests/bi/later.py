"""What no first night has: alerts and what came of them, what playbooks did, numbers that were restated. Otherwise their charts would be seen empty alone."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path

import duckdb

from flows.store import published as store

ROWS = (
    """
    insert into fct_alerts by name
    select
        'a' || n as alert_id, rule, title_en, title_zh, 'operations lead' as owner, severity, 'all' as segment_type, 'all' as segment,
        as_of - n::integer as beyond_since, as_of - n::integer as fired_on, as_of - n::integer + interval 3 hour as fired_at, n::integer as times_told,
        outcome in ('taken up', 'ended') as is_acknowledged, case when outcome in ('taken up', 'ended') then n / 2.0 end as hours_to_acknowledge,
        outcome in ('taken up', 'waiting') as is_open, case when outcome in ('cleared', 'ended') then 5.0 * n end as hours_open,
        case outcome when 'cleared' then 'cleared' when 'ended' then 'rule ended' end as resolution
    from (values
        (1, 'late_supplier', 'A supplier delivers late', '供应商交付逾期', 'critical', 'waiting'),
        (2, 'late_supplier', 'A supplier delivers late', '供应商交付逾期', 'critical', 'taken up'),
        (9, 'sla_at_risk', 'The SLA is at risk', 'SLA 存在风险', 'warning', 'cleared'),
        (16, 'sla_at_risk', 'The SLA is at risk', 'SLA 存在风险', 'info', 'ended')
    ) as alerts (n, rule, title_en, title_zh, severity, outcome), meridian_version""",
    """
    insert into fct_automations by name
    select
        'i' || n as intent_id, 'p' || n as proposal_id, playbook, purpose, 'w' || n as work_key, 1 as step, 'tryton' as target, 'open_task' as action, 'auto' as mode,
        state, 1 as attempts, state in ('verified', 'failed') as is_attempted, state = 'verified' as is_verified,
        as_of - n::integer + interval 4 hour as planned_at, case when state <> 'open' then as_of - n::integer end as ended_on
    from (values
        (1, 'chase_suppliers', 'act', 'open'), (2, 'chase_suppliers', 'act', 'verified'), (3, 'chase_suppliers', 'act', 'handed_over'),
        (9, 'answer_a_surge', 'act', 'failed'), (10, 'answer_a_surge', 'undo', 'verified'), (11, 'answer_a_surge', 'act', 'cancelled')
    ) as intents (n, playbook, purpose, state), meridian_version""",
    """
    insert into restatements by name
    select
        kpi, period_grain, period_start, segment_type, segment, value * 0.9 as old_value, value as new_value, 'late data' as reason,
        (select as_of + interval 2 hour from meridian_version) as restated_at
    from kpis
    where segment_type = 'all' and period_grain = 'month' and value is not null
    qualify row_number() over (partition by kpi order by period_start desc) = 2
    order by kpi limit 5""",
)


def publish_again(folder: Path, *, marts: Path | None = None) -> str:
    """The rows of `marts` (None: those that are published) as a new version in `folder`, by the store's own way; says its name."""
    now = store.current(folder)
    assert now is not None
    tables = [store.Table(name=name, relation=f"main.{name}") for name in now.tables]
    at = datetime.now(UTC)
    candidate = store.prepare(folder, marts or now.marts, version=store.next_version(folder, now.as_of), as_of=now.as_of, built_at=at, tables=tables)
    return store.publish(candidate, checks=[], published_at=at).name


def publish_later_night(folder: Path, scratch: Path) -> None:
    """A version that has them, behind the one in `folder`. scratch: a file that is not there yet."""
    now = store.current(folder)
    assert now is not None
    shutil.copyfile(now.marts, scratch)
    with duckdb.connect(str(scratch)) as connection:
        for rows in ROWS:
            assert connection.execute(rows).fetchone() != (0,)
    publish_again(folder, marts=scratch)
    scratch.unlink()
