"""What the YAML files of this folder say: datasets, dashboards, words. The README's "Dashboards" tells how to add a chart."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from flows.settings import nearest

HERE = Path(__file__).resolve().parent
Title = Mapping[str, str]                      # language → text
LANGUAGES = {"en": "en", "zh-CN": "zh"}        # company.languages → ours


class SpecError(Exception):
    """A file of bi/ says what cannot be; the text names file, line and the nearest thing that can."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    title: Title
    sql: str
    format: str = ""


@dataclass(frozen=True, kw_only=True)
class Dataset:
    name: str
    title: Title
    sql: str
    metrics: Mapping[str, Metric]


@dataclass(frozen=True, kw_only=True)
class Chart:
    """options: as the kind of chart takes them (charts.py). A chart of kind `kpi` may leave its title to the KPI catalogue."""

    name: str
    kind: str
    options: Mapping[str, Any]
    width: int
    title: Title | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    height: int
    charts: tuple[Chart, ...]


@dataclass(frozen=True, kw_only=True)
class Filter:
    """A choice above the charts named. default_kpi: the title of that KPI is chosen at first; many: several can be."""

    column: str
    dataset: str
    title: Title
    charts: tuple[str, ...]
    default: str | None = None
    default_kpi: str | None = None
    many: bool = False


@dataclass(frozen=True, kw_only=True)
class Dashboard:
    name: str
    title: Title
    rows: tuple[Row, ...]
    filters: tuple[Filter, ...] = ()

    @property
    def charts(self) -> list[Chart]:
        return [chart for row in self.rows for chart in row.charts]


@dataclass(frozen=True, kw_only=True)
class Specs:
    words: Mapping[str, Any]
    datasets: Mapping[str, Dataset]
    dashboards: tuple[Dashboard, ...]


def read_specs(kinds: Collection[str], folder: Path = HERE) -> Specs:
    """All files of the folder. kinds: of charts that there are. Raises SpecError."""
    datasets = {
        name: Dataset(name=name, title=said["title"], sql=said["sql"], metrics={key: Metric(**metric) for key, metric in said.get("metrics", {}).items()})
        for name, said in _read(folder / "datasets.yml").items()
    }
    dashboards = tuple(_dashboard(path, datasets, kinds) for path in sorted((folder / "dashboards").glob("*.yml")))
    return Specs(words=_read(folder / "words.yml"), datasets=datasets, dashboards=dashboards)


def _dashboard(path: Path, datasets: Mapping[str, Dataset], kinds: Collection[str]) -> Dashboard:
    said = _read(path)
    rows = tuple(
        Row(height=row["height"], charts=tuple(_chart(path, name, chart, datasets, kinds) for name, chart in row["charts"].items())) for row in said["rows"]
    )
    names = [chart.name for row in rows for chart in row.charts]
    for row in rows:
        if sum(chart.width for chart in row.charts) > 12:
            raise _wrong(path, row.charts[0].name, "the charts of this row are wider than 12 together")
    for filter_ in said.get("filters", []):
        for name in filter_["charts"]:
            _must_be_known(path, name, names, "chart")
    filters = tuple(Filter(**{**each, "charts": tuple(each["charts"])}) for each in said.get("filters", []))
    return Dashboard(name=path.stem, title=said["title"], rows=rows, filters=filters)


def _chart(path: Path, name: str, said: Mapping[str, Any], datasets: Mapping[str, Dataset], kinds: Collection[str]) -> Chart:
    kind, *more = [key for key in said if key not in ("title", "width")] or [""]
    _must_be_known(path, kind, kinds, "kind of chart")
    if more:
        raise _wrong(path, name, f"{name} is both {kind} and {more[0]}")
    options = said[kind]
    dataset = options.get("dataset", "kpi_history" if kind == "kpi" else "")
    _must_be_known(path, dataset, datasets, "dataset")
    for metric in [*options.get("metrics", []), *([options["metric"]] if "metric" in options else [])]:
        _must_be_known(path, metric, datasets[dataset].metrics, f"metric of {dataset}")
    if kind != "kpi" and "title" not in said:
        raise _wrong(path, name, f"{name} has no title")
    return Chart(name=name, kind=kind, options=options, width=said["width"], title=said.get("title"))


def _must_be_known(path: Path, name: str, known: Collection[str], what: str) -> None:
    if name not in known:
        raise _wrong(path, name, f"there is no {what} {name!r}{nearest(name, sorted(known))}")


def _wrong(path: Path, key: str, problem: str) -> SpecError:
    lines = path.read_text(encoding="utf-8").splitlines()
    at = next((f", line {number}" for number, line in enumerate(lines, start=1) if key and re.search(rf"\b{re.escape(key)}\b", line)), "")
    return SpecError(f"{path.name}{at}: {problem}")


def _read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))
