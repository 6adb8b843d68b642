"""The scorecard as a workbook, read back as Excel would: numbers are numbers, days are days, and no text is ever a formula."""

from __future__ import annotations

import io
from datetime import date, datetime
from pathlib import Path

import duckdb
import pytest
from openpyxl import Workbook, load_workbook

from flows.reporting.scorecard import Language
from flows.reporting.workbook import number_format, scorecard
from tests.flows.reporting.small_marts import EVIL, small_marts

__all__ = ["small_marts"]


def at(text: str) -> datetime:
    """As Excel has it: without a zone."""
    return datetime.fromisoformat(text)


def written(marts: duckdb.DuckDBPyConnection, language: Language = "en") -> Workbook:
    return load_workbook(io.BytesIO(scorecard(marts, language, company="=Small", currency="EUR")))


def table(book: Workbook, sheet: str) -> list[dict[str, object]]:
    head, *rows = book[sheet].iter_rows(values_only=True)
    return [dict(zip(map(str, head), row, strict=True)) for row in rows]


def test_every_sheet_is_a_table_under_a_head_that_stays(small_marts: duckdb.DuckDBPyConnection) -> None:
    book = written(small_marts)
    assert book.sheetnames == ["Balanced scorecard", "KPIs by month", "Catalogue", "About"]
    for sheet in book:
        [name] = sheet.tables
        assert sheet.tables[name].ref == sheet.dimensions
        assert sheet.freeze_panes == "B2"
        heads = [cell.value for cell in sheet[1]]
        assert len(set(heads)) == len(heads), "Excel repairs a table with two columns of one name"


def test_values_are_numbers_in_their_unit_and_days_are_days(small_marts: duckdb.DuckDBPyConnection) -> None:
    book = written(small_marts)
    by_id = {row["id"]: row for row in table(book, "Balanced scorecard")}
    assert (by_id["csat"]["value"], by_id["csat"]["target"], by_id["csat"]["status"]) == (0.875, 0.9, "warning")
    assert by_id["csat"]["period from"] == at("2026-10-01")
    sheet = book["Balanced scorecard"]
    formats = {sheet.cell(row, 13).value: (sheet.cell(row, 3).number_format, sheet.cell(row, 8).number_format) for row in range(2, sheet.max_row + 1)}
    assert formats["csat"] == ("0.0%", "yyyy-mm-dd")
    assert formats["revenue"][0] == '#,##0 "EUR"'
    assert {row["month"] for row in table(book, "KPIs by month")} == {at("2026-09-01"), at("2026-10-01")}
    assert {row["About"]: row["–"] for row in table(book, "About")} == {
        "company": "=Small", "version": "2026-10-31.001", "as of": at("2026-10-31"), "published (UTC)": at("2026-11-01 02:30"), "currency": "EUR"}


def test_colours_follow_the_status_in_the_language_of_the_book(small_marts: duckdb.DuckDBPyConnection) -> None:
    for language, sheet, words in (("en", "Balanced scorecard", {'"on target"', '"warning"', '"off target"'}), ("zh-CN", "平衡计分卡", {'"达标"', '"预警"', '"未达标"'})):
        rules = [rule for found in written(small_marts, language)[sheet].conditional_formatting for rule in found.rules]  # type: ignore[arg-type]
        assert {rule.formula[0] for rule in rules} == words
        assert len({rule.dxf.fill.bgColor.rgb for rule in rules}) == 3


def test_nothing_that_a_source_wrote_is_a_formula(small_marts: duckdb.DuckDBPyConnection, tmp_path: Path) -> None:
    book = written(small_marts)
    cells = [cell for sheet in book for row in sheet.iter_rows() for cell in row]
    assert {cell.data_type for cell in cells} <= {"s", "n", "d"}, "not one formula"
    catalogue = {row["id"]: row for row in table(book, "Catalogue")}
    for kpi, evil in EVIL.items():
        assert catalogue[kpi]["question"] == evil
    marked = {cell.value: cell.quotePrefix for cell in book["Catalogue"]["C"]}
    assert all(marked[evil] for evil in EVIL.values()), "and it stays text when somebody edits its cell"


@pytest.mark.parametrize(("unit", "shown"), [("ratio", "0.0%"), ("count", "#,##0"), ("hours", '#,##0.0 "小时"'), ("currency", '#,##0 "CNY"'), ("pallets", '#,##0.0 "pallets"')])
def test_a_unit_has_its_format(unit: str, shown: str) -> None:
    assert number_format(unit, "CNY", "zh-CN") == shown


def test_the_small_marts_have_the_columns_of_the_published_ones(small_marts: duckdb.DuckDBPyConnection) -> None:
    import yaml

    from tests.dbt_project.published_schema import FILE

    released = yaml.safe_load(FILE.read_text(encoding="utf-8"))["tables"]
    for name in ("scorecard", "kpis", "kpi_catalogue"):
        assert [row[0] for row in small_marts.execute(f"describe {name}").fetchall()] == list(released[name])
    assert date(2026, 10, 31) == small_marts.execute("select as_of from meridian_version").fetchall()[0][0]
