"""The catalogue of KPIs: as data, and as a handbook that a person opens, searches and reads in two languages."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows import exports
from flows.reporting import catalogue, handbook
from flows.settings import PROJECT
from tests.browser import page
from tests.flows.reporting.small_marts import CATALOGUE, EVIL, small_marts

__all__ = ["page", "small_marts"]

PARENTS = {
    "stg_zendesk__ratings": ["zendesk.ratings"], "int_tickets": ["stg_zendesk__ratings"], "fct_tickets": ["int_tickets"], "kpi_csat": ["fct_tickets", "int_tickets"],
    "kpi_backlog": ["fct_tickets"], "kpis": ["kpi_csat", "kpi_backlog"], "scorecard": ["kpis"],
}
EXPOSURES = [
    {"name": "board", "label": "Board & pack", "type": "dashboard", "description": "The board's pages.", "owner": "Mira", "reads": ["scorecard"]},
    {"name": "desk", "label": "Desk", "type": "dashboard", "description": "The desk's pages.", "owner": "Ben", "reads": ["kpi_backlog"]},
]
FORMULAS = {"kpi_csat": "select '<script>alert(1)</script>'"}


@pytest.fixture
def read(small_marts: duckdb.DuckDBPyConnection) -> dict[str, Any]:
    return catalogue.read(small_marts, parents=PARENTS, formulas=FORMULAS, exposures=EXPOSURES)


def kpi(read: dict[str, Any], name: str) -> dict[str, Any]:
    return next(one for one in read["kpis"] if one["id"] == name)


def test_a_kpi_says_what_it_means_who_answers_and_where_it_comes_from(read: dict[str, Any]) -> None:
    csat = kpi(read, "csat")
    assert csat["title"] == {"en": "Customer satisfaction", "zh-CN": "客户满意度"}
    assert csat["raci"]["accountable"] == csat["owner"] == "service_lead"
    assert csat["formula"] == FORMULAS["kpi_csat"]
    assert csat["lineage"] == {"reads": ["zendesk.ratings", "zendesk.tickets"], "models": ["stg_zendesk__ratings", "int_tickets", "fct_tickets"]}
    assert csat["used_by"] == ["board"]
    assert kpi(read, "backlog")["used_by"] == ["board", "desk"]
    assert json.loads(json.dumps(read))["as_of"] == "2026-10-31", "all of it is JSON"


def test_targets_have_their_history_and_a_kpi_that_never_had_one_says_so(read: dict[str, Any]) -> None:
    assert [(target["from"], target["target"]) for target in kpi(read, "csat")["targets"]] == [("2026-09-01", 0.8), ("2026-10-01", 0.9)]
    assert [target["target"] for target in kpi(read, "backlog")["targets"]] == [20.0]
    assert kpi(read, "revenue")["targets"] == []


def test_the_handbook_has_every_kpi_in_both_languages_fetches_nothing_and_runs_nothing_that_is_in_the_data(read: dict[str, Any]) -> None:
    page = handbook.html(read, company="Small & Co", currency="EUR", language="zh-CN")
    for one in CATALOGUE:
        assert f'<span lang="en">{one["title_en"]}</span><span lang="zh-CN">{one["title_zh"]}</span>' in page
    assert '<html lang="zh-CN" data-lang="zh-CN">' in page
    assert "Small &amp; Co" in page
    assert "<script>alert" not in page
    assert EVIL["csat"] not in page
    assert page.count("<script") == 1
    assert not re.search(r"""(src|href)\s*=|url\(|@import|https?://(?!evil\.example)""", page), "nothing is fetched"


def test_a_person_searches_opens_and_changes_the_language(read: dict[str, Any], tmp_path: Path, page: Any) -> None:
    path = tmp_path / "handbook.html"
    path.write_text(handbook.html(read, company="Small", currency="EUR", language="en"), encoding="utf-8")
    problems: list[str] = []
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.on("request", lambda request: problems.append(request.url) if not request.url.startswith("file:") else None)
    page.set_viewport_size({"width": 420, "height": 800})
    page.goto(path.as_uri())
    shown = page.locator("details[data-sought]:visible")
    assert shown.count() == 3
    page.fill("#search", "满意度")
    assert shown.evaluate_all("all => all.map(one => one.id)") == ["csat"], "by either language"
    page.fill("#search", "tickets SERVICE_lead")
    assert set(shown.evaluate_all("all => all.map(one => one.id)")) == {"csat", "backlog"}
    page.fill("#search", "no such thing")
    assert page.locator("#nothing").is_visible()
    page.fill("#search", "")
    page.click("#csat > summary")
    assert page.locator("#csat").get_by_text("Who to ask").is_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), "nothing stands out at the side of a telephone"
    page.click("#other")
    assert page.locator("#csat").get_by_text("找谁").is_visible()
    assert not page.locator("#csat").get_by_text("Who to ask").is_visible()
    assert problems == []


def test_exposures_and_parents_are_read_from_where_they_stand(tmp_path: Path) -> None:
    from flows.settings import load

    (tmp_path / "meridian.toml").write_text('[company]\nname = "Small"\n')
    settings = load(tmp_path / "meridian.toml", environment={})
    assert exports.parents(settings) == {}
    models = settings.home / "dbt" / "models.json"
    models.parent.mkdir(parents=True)
    models.write_text(json.dumps({"kpi_csat": {"parents": ["model.meridian.fct_tickets"]}, "stg_a__b": {"parents": ["source.meridian.a.b"]}}))
    assert exports.parents(settings) == {"fct_tickets": [], "kpi_csat": ["fct_tickets"], "stg_a__b": ["a.b"]}
    told = {one["name"]: one for one in exports.exposures(PROJECT / "dbt_project")}
    assert {"scorecard", "alerts", "reports", "workbook", "handbook", "bi_tools"} <= set(told)
    assert told["alerts"]["reads"] == ["kpis", "kpi_catalogue", "source_freshness"]


def test_a_workbook_is_called_a_workbook(tmp_path: Path) -> None:
    from typer.testing import CliRunner

    from flows.cli import app

    (tmp_path / "meridian.toml").write_text('[company]\nname = "Small"\n')
    done = CliRunner().invoke(app, ["export", "scorecard", "--to", str(tmp_path / "x.xls"), "--config", str(tmp_path / "meridian.toml")])
    assert (done.exit_code, "ends with .xlsx" in done.output) == (2, True)
    done = CliRunner().invoke(app, ["export", "catalogue", "--config", str(tmp_path / "meridian.toml")])
    assert (done.exit_code, "nothing is published" in done.output) == (1, True)
