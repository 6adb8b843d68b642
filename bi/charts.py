"""The kinds of charts that dashboards can have, as Superset's parameters.

Each kind is a function: what a dashboard's file says under the kind's name → (Superset's visualisation, its parameters). The names of parameters are those
that Superset writes when a chart of that kind is saved and exported (its own example dashboards, `superset/examples`, have one of each).
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Params = dict[str, Any]
Options = Mapping[str, Any]
COLOURS = {"red": "#F7B9BF", "yellow": "#FDE9A3", "green": "#BFE8CF"}       # pale: the text stands on them
GRAINS = {"day": "P1D", "week": "P1W", "month": "P1M"}
PERCENT, WHOLE, SHORT = ",.1%", ",.0f", ",.1~f"


def number(options: Options) -> tuple[str, Params]:
    """One figure: `metric`."""
    return "big_number_total", {"metric": options["metric"], "header_font_size": 0.4, "y_axis_format": options.get("format", ",~g")}


def kpi(options: Options) -> tuple[str, Params]:
    """A KPI's latest figure over its line, compared with the period before. unit: of the catalogue, decides how it is written."""
    unit, grain = options["unit"], options.get("grain", "month")
    return "big_number", {
        "metric": "value", "x_axis": "period_start", "time_grain_sqla": GRAINS[grain], "compare_lag": 1, "compare_suffix": options["than"],
        "show_trend_line": True, "start_y_axis_at_zero": False, "header_font_size": 0.4, "subheader_font_size": 0.125, "time_format": "%Y-%m-%d",
        "y_axis_format": PERCENT if unit == "ratio" else WHOLE if unit == "currency" else SHORT, "rolling_type": "None",
    }


def _series(options: Options) -> Params:
    params: Params = {
        "x_axis": options["x"], "metrics": list(options["metrics"]), "groupby": list(options.get("by", [])), "row_limit": 10_000, "show_legend": True,
        "legendType": "scroll", "legendOrientation": "top", "rich_tooltip": True, "color_scheme": "supersetColors", "truncate_metric": True,
        "show_empty_columns": True, "y_axis_format": options.get("format", "SMART_NUMBER"), "x_axis_time_format": "%Y-%m", "tooltipTimeFormat": "%Y-%m-%d",
        "truncateYAxis": bool(options.get("zoom")), "y_axis_bounds": [None, None],
    }
    if "grain" in options:
        params["time_grain_sqla"] = GRAINS[options["grain"]]
    return params


def line(options: Options) -> tuple[str, Params]:
    return "echarts_timeseries_line", {**_series(options), "markerEnabled": False, "seriesType": "line", "connectNulls": True, "only_total": True}


def area(options: Options) -> tuple[str, Params]:
    return "echarts_area", {**_series(options), "stack": "Stack", "opacity": 0.5, "seriesType": "line", "markerEnabled": False}


def bar(options: Options) -> tuple[str, Params]:
    """Over time or over names. horizontal: bars lie, largest on top; limit: so many of the largest."""
    lies = bool(options.get("horizontal"))
    params = {**_series(options), "orientation": "horizontal" if lies else "vertical", "stack": "Stack" if options.get("stack") else None}
    if lies:
        params |= {"x_axis_sort": options["metrics"][0], "x_axis_sort_asc": True, "y_axis_title_margin": 15}
        if not options.get("by"):
            params |= {"x_axis_sort_series": "sum", "x_axis_sort_series_ascending": True, "show_value": True, "show_legend": False}
    if "limit" in options:
        params |= {"row_limit": options["limit"]}
    return "echarts_timeseries_bar", params


def table(options: Options) -> tuple[str, Params]:
    """Rows as they are: `columns`, in `order` (a minus before a name: largest first). colour: column → value → red, yellow or green."""
    formats: dict[str, Any] = options.get("formats", {})
    return "table", {
        "query_mode": "raw", "all_columns": list(options["columns"]), "row_limit": options.get("limit", 1_000), "page_length": 0,
        "order_by_cols": [json.dumps([name.removeprefix("-"), not name.startswith("-")]) for name in options.get("order", [])],
        "table_timestamp_format": "%Y-%m-%d", "show_cell_bars": bool(options.get("bars")), "color_pn": False, "include_search": False,
        "allow_render_html": False,
        "column_config": formats,
        "conditional_formatting": [
            {"column": column, "operator": "=", "targetValue": value, "colorScheme": COLOURS[colour]}
            for column, values in options.get("colour", {}).items() for value, colour in values.items()
        ],
    }


def heatmap(options: Options) -> tuple[str, Params]:
    """`x` across, `y` down, first name on top. values: written into the cells."""
    return "heatmap_v2", {
        "x_axis": options["x"], "groupby": options["y"], "metric": options["metric"], "row_limit": 10_000,
        "sort_x_axis": "alpha_asc", "sort_y_axis": "alpha_desc", "linear_color_scheme": "superset_seq_1", "normalize_across": "heatmap",
        "legend_type": "continuous", "show_legend": True, "show_percentage": False, "show_values": bool(options.get("values")),
        "xscale_interval": -1, "yscale_interval": -1, "left_margin": "auto", "bottom_margin": "auto", "value_bounds": [None, None],
        "y_axis_format": options.get("format", ",.0~f"),
    }


def sankey(options: Options) -> tuple[str, Params]:
    """Flows from `source` to `target`, as wide as `metric`. Names must not lead back to themselves, or nothing can be drawn."""
    return "sankey_v2", {
        "source": options["source"], "target": options["target"], "metric": options["metric"], "row_limit": 1_000,
        "color_scheme": "supersetColors",
    }


def funnel(options: Options) -> tuple[str, Params]:
    return "funnel", {
        "groupby": list(options["by"]), "metric": options["metric"], "row_limit": 10, "sort_by_metric": True, "color_scheme": "supersetColors",
        "percent_calculation_type": "first_step", "show_labels": True, "label_type": "key_value_percent", "show_legend": False, "number_format": ",d",
        "show_tooltip_labels": True, "tooltip_label_type": 5,
    }


KINDS: Mapping[str, Callable[[Options], tuple[str, Params]]] = {
    "number": number, "kpi": kpi, "line": line, "area": area, "bar": bar, "table": table, "heatmap": heatmap, "sankey": sankey, "funnel": funnel,
}


def filters(where: Mapping[str, Any]) -> Sequence[Params]:
    """A chart's own conditions: column → the value, or the list of values, that its rows have."""
    return [
        {"clause": "WHERE", "expressionType": "SIMPLE", "subject": column, "operator": "IN" if isinstance(value, list) else "==",
         "operatorId": "IN" if isinstance(value, list) else "EQUALS", "comparator": value, "filterOptionName": f"filter_{column}"}
        for column, value in where.items()
    ]
