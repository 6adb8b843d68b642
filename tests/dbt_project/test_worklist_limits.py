"""From how much on something is work: the company's settings, else the project's own."""

from __future__ import annotations

import re
from pathlib import Path

from flows.sections import Worklists
from flows.settings import parse
from tests.dbt_project.warehouse_builder import PROJECT, WarehouseBuilder, environment

SUGGESTION = {"suggestion": "S-1", "submitted_on": "2026-10-23", "subject": "Two waves", "unit": "Warehouse"}


def test_the_limits_of_the_settings_are_those_of_the_project() -> None:
    text = (PROJECT / "macros" / "worklists.sql").read_text(encoding="utf-8")
    usual = dict(re.findall(r"'(\w+)': ([\d.]+),", text[text.index("set usual"):]))
    assert {name: float(limit) for name, limit in usual.items()} == Worklists().model_dump() and len(usual) == 12


def test_what_is_not_set_is_not_told() -> None:
    told = parse('[company]\nname = "Shop"\n[worklists]\nsuggestion_days = 7\nlate_rate = 0.2\n', Path("meridian.toml")).worklists
    assert told.model_dump_json(exclude_unset=True) == '{"late_rate":0.2,"suggestion_days":7}'


def test_a_limit_of_the_company_decides_what_is_work(running_company: WarehouseBuilder) -> None:
    """Eight days without an answer: no work at ten days, work at seven."""
    running_company.land({("files", "suggestions"): [("S-1", SUGGESTION)]}, source="drop")
    for limits, expected in (("{}", []), ('{"suggestion_days": 7}', [{"value": 8.0, "threshold": 7.0}])):
        with environment({"MERIDIAN_WORKLIST_LIMITS": limits}):
            running_company.build("stg_files__suggestions int_suggestions fct_suggestions worklist_suggestions", data_tests=False)
        assert running_company.rows("select value, threshold from worklist_suggestions") == expected
