"""The KPI handbook: the catalogue as one page in two languages that opens anywhere, with a search of a few lines and nothing fetched."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from flows.reporting import charts
from flows.reporting.page import template
from flows.reporting.review import PERSPECTIVES
from flows.reporting.scorecard import STATUS, Language, show
from flows.reporting.words import word

LANGUAGES: tuple[Language, ...] = ("en", "zh-CN")


def html(catalogue: Mapping[str, Any], *, company: str, currency: str, language: Language) -> str:
    """The page, opened in `language`; the other one is a click away."""
    def both(key: str, **values: object) -> dict[str, str]:
        return {spoken: word(key, spoken, **values) for spoken in LANGUAGES}

    def number(value: float | None, unit: str) -> dict[str, str]:
        return {spoken: show(value, unit, currency, spoken) for spoken in LANGUAGES}

    def status(name: str) -> dict[str, str]:
        sign, english, chinese = STATUS[name]
        return {"en": f"{sign} {english}", "zh-CN": f"{sign} {chinese}"}

    def latest(kpi: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return next((month for month in reversed(kpi["months"]) if month["value"] is not None), None)

    def sought(kpi: Mapping[str, Any]) -> str:
        said = (kpi["id"], *kpi["title"].values(), kpi["question"], kpi["definition"], kpi["owner"], *kpi["raci"].values(), *kpi["lineage"]["reads"])
        return " ".join(map(str, said)).casefold()

    labels = {exposure["name"]: exposure["label"] for exposure in catalogue["exposures"]}
    groups = [(name, [kpi for kpi in catalogue["kpis"] if kpi["perspective"] == name]) for name in PERSPECTIVES]
    return str(template("handbook.html.j2").render(
        catalogue=catalogue, company=company, language=language, languages=LANGUAGES, both=both, number=number, status=status, latest=latest, sought=sought,
        labels=labels, groups=[group for group in groups if group[1]],
        trend=lambda kpi: charts.trend([month["value"] for month in kpi["months"]], width=260, height=56)))
