"""Exports of the current version for people and tools outside: the scorecard as a workbook, the catalogue of KPIs as JSON and as a handbook."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import Any

import yaml

from flows.build import models_file
from flows.reporting import catalogue as catalogues
from flows.reporting.scorecard import Language
from flows.settings import Settings
from flows.store import published
from flows.store.disk import write_whole


def scorecard(settings: Settings, target: Path, language: Language) -> Path:
    """Write the workbook. Raises PublishError without a version, ValueError for a name that Excel would not open."""
    if target.suffix != ".xlsx":
        raise ValueError(f"--to {target}: the name of a workbook ends with .xlsx")
    from flows.reporting import workbook

    company = settings.configuration.company
    with closing(published.connect(settings.published)) as marts:
        target.write_bytes(workbook.scorecard(marts, language, company=company.name, currency=company.currency))
    return target


def catalogue(settings: Settings) -> dict[str, Any]:
    """Raises PublishError without a version."""
    formulas = {path.stem: path.read_text(encoding="utf-8").strip() for path in (settings.dbt_project / "models" / "marts").rglob("*.sql")}
    with closing(published.connect(settings.published)) as marts:
        return catalogues.read(marts, parents=parents(settings), formulas=formulas, exposures=exposures(settings.dbt_project))


def handbook(settings: Settings, target: Path, language: Language) -> Path:
    """Write the page. Raises PublishError without a version."""
    from flows.reporting import handbook as pages

    company = settings.configuration.company
    write_whole(target, pages.html(catalogue(settings), company=company.name, currency=company.currency, language=language))
    return target


def metricflow(settings: Settings, target: Path) -> tuple[int, int]:
    """Write a dbt project with the KPIs as metrics. Returns how many metrics there are, and how many KPIs are none. Raises PublishError without a version."""
    from flows.reporting import metricflow as metrics

    meaning = catalogue(settings)
    with closing(published.connect(settings.published)) as marts:
        files = metrics.files(marts, meaning, database=settings.published / "marts.duckdb")
    for name, text in files.items():
        (target / name).parent.mkdir(parents=True, exist_ok=True)
        write_whole(target / name, text)
    return len(yaml.safe_load(files["models/meridian.yml"])["metrics"]) - len(metrics.PARTS), len(json.loads(files["LEFT_OUT.json"]))


def parents(settings: Settings) -> dict[str, list[str]]:
    """model -> the models and 'kind.table' sources that it reads, as the last build told; empty where there was none on this machine.

    A night tells of the models that it ran; a staging model of which nothing landed is named by those that read it.
    """
    if not models_file(settings).exists():
        return {}
    told = json.loads(models_file(settings).read_text(encoding="utf-8"))
    named = {name: [".".join(parent.split(".")[2:]) for parent in model.get("parents", ())] for name, model in told.items()}
    return {parent: [] for parents in named.values() for parent in parents if "." not in parent} | named


def exposures(project: Path) -> list[dict[str, Any]]:
    """Who uses what: the dbt project's exposures, `reads` their models."""
    content = yaml.safe_load((project / "models" / "marts" / "exposures.yml").read_text(encoding="utf-8"))
    return [{**one, "owner": one["owner"]["name"], "description": one["description"].strip(),
             "reads": [re.sub(r"^ref\('(\w+)'\)$", r"\1", parent) for parent in one["depends_on"]]} for one in content["exposures"]]
