"""The scorecard of a published version, as people read it: title, value, target, status, trend."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

Language = Literal["en", "zh-CN"]

STATUS = {
    "on_target": ("●", "on target", "达标"),
    "warning": ("▲", "warning", "预警"),
    "off_target": ("✖", "off target", "未达标"),
    "no_target": ("○", "no target", "无目标"),
    "no_data": ("·", "no data", "无数据"),
}
UNITS = {"minutes": ("min", "分钟"), "hours": ("h", "小时"), "days": ("d", "天"), "points": ("pts", "分"), "people": ("people", "人"), "count": ("", "")}
HEADS: dict[Language, tuple[str, ...]] = {"en": ("KPI", "value", "target", "status", "trend"), "zh-CN": ("指标", "数值", "目标", "状态", "趋势")}
_BARS = "▁▂▃▄▅▆▇█"


@dataclass(frozen=True, kw_only=True)
class Card:
    """One KPI at its latest settled period. value and target are in the KPI's unit (see kpi_catalogue)."""

    kpi: str
    period_grain: str
    title_en: str
    title_zh: str
    unit: str
    period_start: date | None
    value: float | None
    target: float | None
    status: str
    sparkline: tuple[float | None, ...]
    is_stale: bool
    currency: str = ""

    def title(self, language: Language = "en") -> str:
        return self.title_zh if language == "zh-CN" else self.title_en

    def shown(self, number: float | None, language: Language = "en") -> str:
        return show(number, self.unit, self.currency, language)

    def verdict(self, language: Language = "en") -> str:
        sign, english, chinese = STATUS[self.status]
        stale = (" (stale)", "(数据过期)")[language == "zh-CN"] if self.is_stale else ""
        return f"{sign} {chinese if language == 'zh-CN' else english}{stale}"

    @property
    def bars(self) -> str:
        return sparkline(self.sparkline)


def show(number: float | None, unit: str, currency: str = "", language: Language = "en") -> str:
    """A number as a person writes it in its unit; a dash for none."""
    if number is None:
        return "–"
    if unit == "ratio":
        return f"{100 * number:.1f} %"
    if unit == "currency":
        return f"{number:,.0f} {currency}".strip()
    suffix = UNITS.get(unit, (unit, unit))[language == "zh-CN"]
    return f"{number:,.{0 if unit == 'count' else 1}f} {suffix}".strip()


def sparkline(values: Sequence[float | None]) -> str:
    """One bar a period, scaled between the smallest and the largest; a gap where there was no data."""
    known = [value for value in values if value is not None]
    if not known:
        return ""
    low, span = min(known), (max(known) - min(known)) or 1.0
    return "".join(" " if value is None else _BARS[min(7, int(8 * (value - low) / span))] for value in values)


def read(connection: Any, *, currency: str, grain: str = "month") -> list[Card]:
    """The cards of an open marts file (DuckDB connection) for `grain` (week or month); currency: that of the reporting amounts."""
    rows = connection.execute(
        """
        select kpi, period_grain, title_en, title_zh, unit, period_start, value, target, status, sparkline, is_stale
        from scorecard
        where period_grain = ? or not exists (select 1 from scorecard as other where other.kpi = scorecard.kpi and other.period_grain = ?)
        order by kpi
        """, [grain, grain],
    ).fetchall()
    names = ("kpi", "period_grain", "title_en", "title_zh", "unit", "period_start", "value", "target", "status", "sparkline", "is_stale")
    return [Card(**{**dict(zip(names, row, strict=True)), "sparkline": tuple(row[9] or ()), "currency": currency}) for row in rows]


def width(text: str) -> int:
    """Columns that a text takes in a terminal: Chinese characters take two."""
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)


def pad(text: str, columns: int, *, right: bool = False) -> str:
    room = " " * max(0, columns - width(text))
    return room + text if right else text + room


def table(cards: Sequence[Card], language: Language = "en") -> str:
    """The scorecard for a terminal."""
    rows = [HEADS[language]]
    rows += [(card.title(language), card.shown(card.value, language), card.shown(card.target, language), card.verdict(language), card.bars) for card in cards]
    widths = [max(width(row[column]) for row in rows) for column in range(4)]
    return "\n".join(
        "  ".join(pad(cell, widths[column], right=column in (1, 2)) if column < 4 else cell for column, cell in enumerate(row)).rstrip() for row in rows
    )
