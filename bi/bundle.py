"""Specs and what is published → the files that Superset imports (its export format, version 1.0.0), one set for each language.

Every id is derived from names, so that importing again updates what is there instead of adding to it.
"""

from __future__ import annotations

import io
import uuid
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import yaml

from bi import charts
from bi.marts import Column, Kpi
from bi.specs import Chart, Dashboard, Dataset, Filter, SpecError, Specs
from bi.sql import written
from flows.settings import nearest

OURS = uuid.uuid5(uuid.NAMESPACE_DNS, "meridian.bi")
DATABASE = "Meridian marts"
THAN = {"en": {"month": "on the month before", "week": "on the week before"}, "zh": {"month": "环比上月", "week": "环比上周"}}
File = dict[str, Any]


@dataclass(frozen=True, kw_only=True)
class Published:
    """What the charts are drawn from. columns: of each dataset, None where the version lacks a table of it; kpis: the catalogue, by name."""

    uri: str = field(repr=False)                            # may hold a password
    schema: str
    columns: Mapping[str, Sequence[Column] | None]
    kpis: Mapping[str, Kpi]
    zone: str


def identity(*names: str) -> str:
    return str(uuid.uuid5(OURS, "/".join(names)))


def bundle(specs: Specs, published: Published, languages: Sequence[str], *, at: str) -> dict[str, File]:
    """Path in the archive → content. languages: en, zh; at: the instant, ISO 8601."""
    files: dict[str, File] = {
        "metadata.yaml": {"version": "1.0.0", "type": "assets", "timestamp": at},
        "databases/meridian.yaml": _database(published.uri),
    }
    for language in languages:
        for dataset in specs.datasets.values():
            if (columns := published.columns[dataset.name]) is not None:
                files[f"datasets/meridian/{dataset.name}_{language}.yaml"] = _dataset(dataset, columns, specs, published, language)
        for dashboard in specs.dashboards:
            drawn = [chart for chart in dashboard.charts if published.columns[_dataset_of(chart)] is not None]
            for chart in drawn:
                files[f"charts/{dashboard.name}_{chart.name}_{language}.yaml"] = _chart(dashboard, chart, specs, published, language)
            files[f"dashboards/{dashboard.name}_{language}.yaml"] = _dashboard(dashboard, drawn, specs, published, language)
    return files


def left_out(specs: Specs, published: Published) -> list[str]:
    """Charts that cannot be drawn, because the version has no such table."""
    return [f"{dashboard.name}.{chart.name}" for dashboard in specs.dashboards for chart in dashboard.charts if published.columns[_dataset_of(chart)] is None]


def packed(files: Mapping[str, File]) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for path, content in files.items():
            archive.writestr(f"meridian/{path}", yaml.safe_dump(content, allow_unicode=True, sort_keys=False))
    return out.getvalue()


def slug(dashboard: str, language: str) -> str:
    return dashboard.replace("_", "-") + ("" if language == "en" else f"-{language}")


def _database(uri: str) -> File:
    """read_only: DuckDB opens for writing unless told otherwise. Superset opens each connection anew (NullPool), so the next query sees the next version."""
    engine = {"connect_args": {"read_only": True}} if uri.startswith("duckdb") else {}
    return {
        "database_name": DATABASE, "sqlalchemy_uri": uri, "uuid": identity("database"), "version": "1.0.0", "cache_timeout": 0, "expose_in_sqllab": True,
        "allow_run_async": False, "allow_ctas": False, "allow_cvas": False, "allow_dml": False, "allow_csv_upload": False,
        "extra": {"engine_params": engine, "metadata_params": {}, "allows_virtual_table_explore": True},
    }


def _dataset(dataset: Dataset, columns: Sequence[Column], specs: Specs, published: Published, language: str) -> File:
    titles = specs.words["columns"]
    times = [column.name for column in columns if column.is_time]
    return {
        "table_name": dataset.title[language], "uuid": identity("dataset", dataset.name, language), "database_uuid": identity("database"), "version": "1.0.0",
        "sql": written(dataset.sql, specs.words["values"], language, published.zone), "schema": published.schema,
        "main_dttm_col": times[0] if times else None, "filter_select_enabled": True,
        "columns": [
            {"column_name": column.name, "type": column.type, "is_dttm": column.is_time, "groupby": True, "filterable": True, "is_active": True,
             "verbose_name": titles.get(column.name, {}).get(language), "description": column.description}
            for column in columns
        ],
        "metrics": [
            {"metric_name": name, "verbose_name": metric.title[language], "expression": metric.sql, "d3format": metric.format or None}
            for name, metric in dataset.metrics.items()
        ],
    }


def _dataset_of(chart: Chart) -> str:
    return str(chart.options.get("dataset", "kpi_history"))


def _chart(dashboard: Dashboard, chart: Chart, specs: Specs, published: Published, language: str) -> File:
    options = dict(chart.options)
    where = dict(options.get("where", {}))
    if chart.kind == "kpi":
        grain = options.get("grain", "month")
        options |= {"unit": _kpi(published, options["kpi"]).unit, "than": THAN[language][grain]}
        where |= {"kpi": options["kpi"], "period_grain": grain, "segment_type": "all"}
    elif measured := [options["metric"]] if "metric" in options else options.get("metrics"):
        options.setdefault("format", specs.datasets[_dataset_of(chart)].metrics[measured[0]].format or "SMART_NUMBER")
    if chart.kind == "table":
        options["formats"] = {name: shown for name in options["columns"] if (shown := _shown(specs.words["columns"].get(name, {})))}
        options["colour"] = {
            column: {_said(value, specs, language): colour for value, colour in values.items()} for column, values in options.get("colour", {}).items()
        }
    kind, params = charts.KINDS[chart.kind](options)
    params["adhoc_filters"] = charts.filters({column: _said(value, specs, language) for column, value in where.items()})
    return {
        "slice_name": _title(chart, published, language), "viz_type": kind, "params": {**params, "viz_type": kind}, "query_context": None,
        "cache_timeout": None, "uuid": identity("chart", dashboard.name, chart.name, language), "version": "1.0.0",
        "dataset_uuid": identity("dataset", _dataset_of(chart), language),
    }


def _said(value: Any, specs: Specs, language: str) -> Any:
    """`{word}` of a dashboard's file in the language; everything else as it is."""
    return {f"{{{key}}}": title[language] for key, title in specs.words["values"].items()}.get(value, value) if isinstance(value, str) else value


def _shown(word: Mapping[str, str]) -> dict[str, Any]:
    """How a table's column is written."""
    return {
        **({"d3NumberFormat": word["format"]} if "format" in word else {}), **({"horizontalAlign": word["align"]} if "align" in word else {}),
        **({"d3TimeFormat": word["time"]} if "time" in word else {}),
    }


def _title(chart: Chart, published: Published, language: str) -> str:
    return chart.title[language] if chart.title else _kpi(published, chart.options["kpi"]).title[language]


def _kpi(published: Published, name: str) -> Kpi:
    if name not in published.kpis:
        raise SpecError(f"there is no KPI {name!r} in kpi_catalogue{nearest(name, sorted(published.kpis))}")
    return published.kpis[name]


def _dashboard(dashboard: Dashboard, drawn: Sequence[Chart], specs: Specs, published: Published, language: str) -> File:
    numbers = {chart.name: number for number, chart in enumerate(drawn, start=1)}       # Superset puts its own ids in their place
    position: dict[str, Any] = {
        "DASHBOARD_VERSION_KEY": "v2",
        "ROOT_ID": {"id": "ROOT_ID", "type": "ROOT", "children": ["GRID_ID"]},
        "GRID_ID": {"id": "GRID_ID", "type": "GRID", "children": [], "parents": ["ROOT_ID"]},
        "HEADER_ID": {"id": "HEADER_ID", "type": "HEADER", "meta": {"text": dashboard.title[language]}},
    }
    for number, row in enumerate(dashboard.rows, start=1):
        here = [chart for chart in row.charts if chart.name in numbers]
        if not here:
            continue
        key = f"ROW-{number}"
        position["GRID_ID"]["children"].append(key)
        position[key] = {"id": key, "type": "ROW", "children": [f"CHART-{chart.name}" for chart in here], "parents": ["ROOT_ID", "GRID_ID"],
                         "meta": {"background": "BACKGROUND_TRANSPARENT"}}
        for chart in here:
            position[f"CHART-{chart.name}"] = {
                "id": f"CHART-{chart.name}", "type": "CHART", "children": [], "parents": ["ROOT_ID", "GRID_ID", key],
                "meta": {"chartId": numbers[chart.name], "uuid": identity("chart", dashboard.name, chart.name, language), "width": chart.width,
                         "height": row.height, "sliceName": _title(chart, published, language)},
            }
    return {
        "dashboard_title": dashboard.title[language], "slug": slug(dashboard.name, language), "uuid": identity("dashboard", dashboard.name, language),
        "version": "1.0.0", "published": True, "css": "", "position": position,
        "metadata": {
            "native_filter_configuration": [_filter(dashboard, each, numbers, published, language) for each in dashboard.filters],
            "cross_filters_enabled": False, "refresh_frequency": 0, "color_scheme": "supersetColors", "label_colors": {}, "expanded_slices": {},
        },
    }


def _filter(dashboard: Dashboard, said: Filter, numbers: Mapping[str, int], published: Published, language: str) -> File:
    chosen = _kpi(published, said.default_kpi).title[language] if said.default_kpi else said.default
    conditions = {"filters": [{"col": said.column, "op": "IN", "val": [chosen]}]}
    mask = {"extraFormData": conditions, "filterState": {"value": [chosen], "label": chosen}} if chosen else {}
    return {
        "id": f"NATIVE_FILTER-{dashboard.name}-{said.column}", "name": said.title[language], "type": "NATIVE_FILTER", "filterType": "filter_select",
        "targets": [{"column": {"name": said.column}, "datasetUuid": identity("dataset", said.dataset, language)}], "defaultDataMask": mask,
        "controlValues": {"multiSelect": said.many, "enableEmptyFilter": chosen is not None, "defaultToFirstItem": False, "inverseSelection": False,
                          "searchAllOptions": False},
        "cascadeParentIds": [], "description": "",
        "scope": {"rootPath": ["ROOT_ID"], "excluded": [number for name, number in numbers.items() if name not in said.charts]},
    }

