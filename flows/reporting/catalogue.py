"""What every KPI means, for machines: definition, formula, who answers, targets and when they held, what it is made of and who uses it.

Nothing is written here that is said elsewhere: meaning and targets come from the published version, lineage from what dbt told of its models, uses from
the exposures of the dbt project.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

MONTHS = 25
FIELDS = ("question", "definition", "owner", "unit", "direction", "perspective", "grain", "min_sample", "settles_after_days", "source_note",
          "not_comparable_before", "definition_revision", "model")
FINEST_GRAIN = "arg_min(period_grain, case period_grain when 'day' then 1 when 'week' then 2 else 3 end)"
Parents = Mapping[str, Sequence[str]]
"""model -> the models and 'kind.table' sources that it reads."""


def read(marts: Any, *, parents: Parents, formulas: Mapping[str, str], exposures: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The catalogue of an open version (DuckDB connection), JSON-able.

    formulas: model -> its SQL. exposures: as in the dbt project, `reads` being the names of the models.
    """
    version, as_of, published_at = marts.execute("select version, as_of, published_at from meridian_version").fetchone()
    targets, months = _targets(marts), _months(marts)
    found = marts.execute("select * from kpi_catalogue order by kpi")
    names = [described[0] for described in found.description]
    kpis = []
    for row in found.fetchall():
        one = dict(zip(names, row, strict=True))
        users = {one["model"], *_below(one["model"], parents)}
        kpis.append({
            "id": one["kpi"], "title": {"en": one["title_en"], "zh-CN": one["title_zh"]}, **{field: _plain(one[field]) for field in FIELDS},
            "raci": json.loads(one["raci"] or "{}"), "formula": formulas.get(one["model"], ""), "targets": targets.get(one["kpi"], []),
            "lineage": {"reads": (one["reads"] or "").split(", ") if one["reads"] else [], "models": _above(one["model"], parents)},
            "used_by": [exposure["name"] for exposure in exposures if users & set(exposure["reads"])], "months": months.get(one["kpi"], []),
        })
    return {"version": version, "as_of": _plain(as_of), "published_at": f"{_plain(published_at)}Z", "kpis": kpis,
            "exposures": [{key: _plain(exposure[key]) for key in ("name", "label", "type", "description", "owner", "reads")} for exposure in exposures]}


def _plain(value: Any) -> Any:
    return value.isoformat() if hasattr(value, "isoformat") else value


def _targets(marts: Any) -> dict[str, list[dict[str, Any]]]:
    """kpi -> the targets of the whole company, each from the first period that was judged by it; the finest periods that a KPI has."""
    rows = marts.execute(f"""
        with finest as (
            select kpi, {FINEST_GRAIN} as period_grain from kpis group by kpi
        )
        select kpi, period_start, target, warn_at, act_at from kpis join finest using (kpi, period_grain) where segment_type = 'all'
        order by kpi, period_start""").fetchall()
    history: dict[str, list[dict[str, Any]]] = {}
    for kpi, start, *numbers in rows:
        of_kpi = history.setdefault(kpi, [])
        entry = dict(zip(("target", "warn_at", "act_at"), numbers, strict=True))
        if not of_kpi or {key: of_kpi[-1][key] for key in entry} != entry:
            of_kpi.append({"from": _plain(start), **entry})
    return {kpi: changes for kpi, changes in history.items() if any(change["target"] is not None for change in changes)}


def _months(marts: Any) -> dict[str, list[dict[str, Any]]]:
    rows = marts.execute(f"""
        select kpi, period_start, value, status from kpis where segment_type = 'all' and period_grain = 'month'
            and period_start > (select max(period_start) from kpis where period_grain = 'month') - interval {MONTHS} month
        order by kpi, period_start""").fetchall()
    months: dict[str, list[dict[str, Any]]] = {}
    for kpi, start, value, status in rows:
        months.setdefault(kpi, []).append({"month": _plain(start), "value": value, "status": status})
    return months


def _above(model: str, parents: Parents) -> list[str]:
    """The models that `model` is made of, those that read sources first."""
    order: list[str] = []

    def visit(name: str) -> None:
        for parent in parents.get(name, ()):
            if parent in parents and parent not in order:
                visit(parent)
                order.append(parent)

    visit(model)
    return order


def _below(model: str, parents: Parents) -> Iterable[str]:
    found: set[str] = set()
    waiting = [model]
    while waiting:
        name = waiting.pop()
        children = {child for child, reads in parents.items() if name in reads} - found
        found |= children
        waiting += children
    return found
