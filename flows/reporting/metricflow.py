"""The KPIs as metrics of MetricFlow (dbt's semantic layer): a dbt project that reads the published marts, so that who asks there gets the same numbers.

Exported is what adds up: KPIs that are a sum, or a sum over a sum, of things that belong to one day each. A median, a level at the end of a period
and a rate over the last ninety days cannot be added from their days; MetricFlow would do it without asking, so they stay in `kpis` and are named.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from flows.reporting.catalogue import FINEST_GRAIN

# The macros whose months are the sums of their days: dbt_project/macros/kpi.sql, adds_up.
ADDS_UP = re.compile(r"\bkpi_(?:ratio|sum)\(\s*'(\w+)'")
TABLE, SPINE, ENTITY = "meridian_kpi_parts", "meridian_days", "kpi_part"
PARTS = {"kpi_numerator": "numerator", "kpi_denominator": "denominator"}


def files(marts: Any, catalogue: Mapping[str, Any], *, database: Path) -> dict[str, str]:
    """name in the project → its text. marts: the open version. catalogue: as catalogue.read gives it. database: the DuckDB file that the profile names."""
    grains, segments, ratios = _shapes(marts)
    declared, adding = {name for one in catalogue["kpis"] for name in ADDS_UP.findall(one["formula"])}, _adding(marts)
    reasons = {one["id"]: "no figures yet" if one["id"] not in grains else "cannot be added up from its days"
               for one in catalogue["kpis"] if one["id"] not in declared & adding}
    exported = [one for one in catalogue["kpis"] if one["id"] not in reasons]
    semantic = {
        "name": TABLE, "model": f"ref('{TABLE}')", "primary_entity": ENTITY, "defaults": {"agg_time_dimension": "happened_on"},
        "description": "Numerator and denominator of every KPI that adds up, by day and segment.",
        "dimensions": [{"name": "happened_on", "type": "time", "type_params": {"time_granularity": "day"}},
                       *({"name": name, "type": "categorical"} for name in ("kpi", "segment_type", "segment"))],
        "measures": [{"name": name, "agg": "sum", "expr": column, "description": f"{column} of a KPI"} for name, column in PARTS.items()],
    }
    parts = [{"name": f"meridian_{column}", "label": f"Meridian: {column}", "type": "simple", "type_params": {"measure": name},
              "description": "A part of the metrics below; by itself it adds one KPI to another."} for name, column in PARTS.items()]
    metrics = [_metric(one, segment, is_ratio=one["id"] in ratios) for one in exported for segment in segments[one["id"]]]
    models = {
        "version": 2,
        "sources": [{"name": "meridian", "database": "{{ var('meridian_database', 'meridian') }}", "schema": "{{ var('meridian_schema', 'main') }}",
                     "tables": [{"name": "kpis"}]}],
        "models": [{"name": SPINE, "time_spine": {"standard_granularity_column": "day"}, "columns": [{"name": "day", "granularity": "day"}]}],
        "semantic_models": [semantic], "metrics": [*parts, *metrics],
    }
    return {
        "dbt_project.yml": _yaml({"name": "meridian_metrics", "version": "1.0.0", "config-version": 2, "profile": "meridian_metrics",
                                  "flags": {"send_anonymous_usage_stats": False}}),
        # PostgreSQL, or a project of your own, reads the same tables: another profile, `meridian_database` and `meridian_schema`.
        "profiles.yml": _yaml({"meridian_metrics": {"target": "marts", "outputs": {"marts": {
            "type": "duckdb", "path": "metrics.duckdb", "attach": [{"path": str(database), "alias": "meridian", "read_only": True}]}}}}),
        f"models/{TABLE}.sql": _parts([one["id"] for one in exported], grains),
        f"models/{SPINE}.sql": "select distinct period_start as day from {{ source('meridian', 'kpis') }} where period_grain = 'day'\n",
        "models/meridian.yml": _yaml(models),
        "LEFT_OUT.json": json.dumps(reasons, indent=2) + "\n",
    }


def _shapes(marts: Any) -> tuple[dict[str, str], dict[str, list[str]], set[str]]:
    """Of every KPI its finest grain and its kinds of segments; and those with a denominator."""
    grains: dict[str, str] = {}
    segments: dict[str, list[str]] = {}
    ratios: set[str] = set()
    for kpi, grain, segment_type, is_ratio in marts.execute(f"""
            select kpi, {FINEST_GRAIN}, segment_type, bool_or(denominator is not null) from kpis
            group by kpi, segment_type order by kpi, segment_type""").fetchall():
        grains[kpi] = grain
        segments.setdefault(kpi, []).append(segment_type)
        if is_ratio:
            ratios.add(kpi)
    return grains, segments, ratios


def _adding(marts: Any) -> set[str]:
    """KPIs whose every published month is what its days, or whatever its finest periods are, add up to: a formula may go on from a sum."""
    return {kpi for kpi, in marts.execute(f"""
        with finest as (
            select kpi, {FINEST_GRAIN} as period_grain from kpis group by kpi
        ),
        added as (
            select kpi, date_trunc('month', period_start) as period_start, segment_type, segment, sum(numerator) as numerator, sum(denominator) as denominator
            from kpis join finest using (kpi, period_grain)
            group by all
        ),
        months as (
            select kpi, period_start, segment_type, segment, value from kpis where period_grain = 'month'
        )
        select kpi from months left join added using (kpi, period_start, segment_type, segment)
        group by kpi
        having bool_and(coalesce(abs(value - coalesce(numerator / nullif(denominator, 0), numerator)) <= 1e-9 * greatest(1, abs(value)),
                                 value is null and coalesce(denominator, 0) = 0))
    """).fetchall()}


def _metric(one: Mapping[str, Any], segment_type: str, *, is_ratio: bool) -> dict[str, Any]:
    """The KPI over the whole company, or by one kind of segment: to add over kinds would count everything once for each."""
    of_all = segment_type == "all"
    chosen = f"{{{{ Dimension('{ENTITY}__kpi') }}}} = '{one['id']}' and {{{{ Dimension('{ENTITY}__segment_type') }}}} = '{segment_type}'"
    made: dict[str, Any] = {
        "name": one["id"] if of_all else f"{one['id']}_by_{segment_type}",
        "label": one["title"]["en"] if of_all else f"{one['title']['en']} by {segment_type}",
        "description": one["definition"] + ("" if of_all else f" Group by {ENTITY}__segment, the {segment_type}."),
        "config": {"meta": {"title_zh": one["title"]["zh-CN"], **{field: one[field] for field in ("owner", "unit", "direction", "definition_revision")}}},
    }
    if is_ratio:
        return {**made, "type": "ratio", "type_params": {part: {"name": f"meridian_{part}", "filter": chosen} for part in PARTS.values()}}
    return {**made, "type": "simple", "type_params": {"measure": {"name": "kpi_numerator", "filter": chosen}}}


def _parts(kpis: Sequence[str], grains: Mapping[str, str]) -> str:
    """Each KPI at the finest grain that it has: the first day stands for its month where there are only months."""
    by_grain: dict[str, list[str]] = {}
    for kpi in kpis:
        by_grain.setdefault(grains[kpi], []).append(f"'{kpi}'")
    wanted = "\n    or ".join(f"period_grain = '{grain}' and kpi in ({', '.join(names)})" for grain, names in sorted(by_grain.items()))
    return ("select\n    kpi,\n    period_start as happened_on,\n    segment_type,\n    segment,\n    numerator,\n    denominator\n"
            f"from {{{{ source('meridian', 'kpis') }}}}\nwhere {wanted or 'false'}\n")


def _yaml(content: Any) -> str:
    return str(yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=160))
