"""The scorecard as an Excel workbook: tables that can be sorted and filtered, numbers as numbers in their unit, days as days.

What sources wrote never becomes a formula: a text is stored as text, whatever it begins with, and marked so that it stays one when its cell is edited (CSV
injection, OWASP). Beyond Excel's sheet of 1,048,576 rows nothing is near.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.formatting.rule import CellIsRule
from openpyxl.styles import Alignment, Font, PatternFill
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.table import Table, TableStyleInfo
from openpyxl.worksheet.worksheet import Worksheet

from flows.reporting.scorecard import STATUS, UNITS, Language
from flows.reporting.words import word
from flows.spreadsheets import is_formula

COLOURS = {"on_target": "C6EFCE", "warning": "FFEB9C", "off_target": "FFC7CE"}
MONTHS = 25


@dataclass(frozen=True, kw_only=True)
class Column:
    """of: the value of a row; in_unit: numbers take the format of the row's unit."""

    head: str
    of: Callable[[dict[str, Any]], Any]
    width: int = 14
    in_unit: bool = False


def scorecard(marts: Any, language: Language, *, company: str, currency: str) -> bytes:
    """The workbook of an open version (DuckDB connection). currency: that of the reporting amounts."""
    book = Workbook()
    book.remove(book.worksheets[0])
    title = "title_zh" if language == "zh-CN" else "title_en"

    def say(key: str) -> str:
        return word(key, language)

    def status(row: dict[str, Any]) -> str:
        return STATUS[row["status"]][2 if language == "zh-CN" else 1]

    def column(key: str, name: str | None = None, width: int = 14, *, in_unit: bool = False) -> Column:
        return Column(head=say(key), of=lambda row: row[name or key], width=width, in_unit=in_unit)

    def said(key: str, width: int = 14) -> Column:
        return Column(head=say(key), of=lambda row: say(row[key]), width=width)

    kpi, verdict = column("kpi", title, 34), Column(head=say("status"), of=status)
    value, target = column("value", in_unit=True), column("target", in_unit=True)
    _sheet(book, say("scorecard"), "Scorecard", currency, language, _rows(marts, "select * from scorecard order by perspective, title_en, period_grain"), [
        kpi, said("perspective", 16), value, target, verdict, column("before", "previous_value", in_unit=True),
        column("year_before", "last_year_value", in_unit=True), column("period", "period_start"), column("period_end"), column("sample", "sample_size"),
        column("owner", width=18), Column(head=say("fresh_data"), of=lambda row: say("is_stale" if row["is_stale"] else "is_fresh")), column("id", "kpi", 26)])
    monthly = f"""
        select kpis.*, title_en, title_zh, unit, owner from kpis join kpi_catalogue using (kpi)
        where period_grain = 'month' and segment_type = 'all' and value is not null
            and period_start > (select max(period_start) from kpis where period_grain = 'month') - interval {MONTHS} month
        order by title_en, kpi, period_start"""
    _sheet(book, say("by_month"), "Monthly", currency, language, _rows(marts, monthly), [
        kpi, column("month_start", "period_start"), value, target, verdict, column("sample", "sample_size"), column("id", "kpi", 26)])
    _sheet(book, say("catalogue"), "Catalogue", currency, language, _rows(marts, "select * from kpi_catalogue order by perspective, title_en"), [
        kpi, said("perspective", 16), column("question", width=44), column("definition", width=70), column("unit"), said("direction", 18),
        column("target", in_unit=True), column("warn_at", in_unit=True), column("act_at", in_unit=True), column("owner", width=18), said("grain", 18),
        column("source_note", width=44), column("id", "kpi", 26)])
    [about] = _rows(marts, "select * from meridian_version")
    facts = [("company", company), ("version", about["version"]), ("as_of", about["as_of"]), ("published", about["published_at"]), ("currency", currency)]
    _sheet(book, say("about"), "About", currency, language, [{"what": say(key), "is": fact} for key, fact in facts], [
        Column(head=word("about", language), of=lambda row: row["what"], width=24), Column(head="–", of=lambda row: row["is"], width=40)])
    kept = io.BytesIO()
    book.save(kept)
    return kept.getvalue()


def _rows(marts: Any, query: str) -> list[dict[str, Any]]:
    found = marts.execute(query)
    names = [described[0] for described in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _sheet(book: Workbook, title: str, table: str, currency: str, language: Language, rows: Sequence[dict[str, Any]], columns: Sequence[Column]) -> None:
    sheet: Worksheet = book.create_sheet(title)
    _write(sheet, 1, (column.head for column in columns))
    for number, row in enumerate(rows, 2):
        _write(sheet, number, (column.of(row) for column in columns))
        for place, column in enumerate(columns, 1):
            if column.in_unit:
                sheet.cell(number, place).number_format = number_format(row["unit"], currency, language)
    for place, column in enumerate(columns, 1):
        sheet.column_dimensions[get_column_letter(place)].width = column.width
    sheet.freeze_panes = "B2"
    corner = f"{get_column_letter(len(columns))}{max(2, len(rows) + 1)}"        # Excel wants a row below the head, be it empty
    made = Table(displayName=table, ref=f"A1:{corner}")
    made.tableStyleInfo = TableStyleInfo(name="TableStyleLight1", showRowStripes=True)
    sheet.add_table(made)
    for place, column in enumerate(columns, 1):
        if column.head == word("status", language):
            _colour(sheet, f"{get_column_letter(place)}2:{get_column_letter(place)}{max(2, len(rows) + 1)}", language)


def _write(sheet: Worksheet, number: int, values: Iterable[Any]) -> None:
    for place, value in enumerate(values, 1):
        cell = sheet.cell(number, place)
        if isinstance(value, str):
            text = ILLEGAL_CHARACTERS_RE.sub("", value)
            cell.value = text
            cell.data_type = "s"                    # openpyxl takes what begins with = for a formula
            cell.quotePrefix = is_formula(text)
            cell.alignment = Alignment(vertical="top", wrap_text=len(text) > 40)
        else:
            cell.value = value
            cell.alignment = Alignment(vertical="top")
            if isinstance(value, datetime):
                cell.number_format = "yyyy-mm-dd hh:mm"
            elif isinstance(value, date):
                cell.number_format = "yyyy-mm-dd"
        if number == 1:
            cell.font = Font(bold=True)


def number_format(unit: str, currency: str, language: Language) -> str:
    """How Excel shows a number in that unit."""
    if unit == "ratio":
        return "0.0%"
    if unit == "count":
        return "#,##0"
    suffix = currency if unit == "currency" else UNITS.get(unit, (unit, unit))[language == "zh-CN"]
    return f'{"#,##0" if unit == "currency" else "#,##0.0"} "{suffix}"'


def _colour(sheet: Worksheet, cells: str, language: Language) -> None:
    for status, colour in COLOURS.items():
        words = STATUS[status][2 if language == "zh-CN" else 1]
        sheet.conditional_formatting.add(cells, CellIsRule(operator="equal", formula=[f'"{words}"'], fill=PatternFill(bgColor=colour, fill_type="solid")))
