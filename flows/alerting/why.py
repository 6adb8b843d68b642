"""Why a value moved, from the published numbers: drivers of the whole; of a segment its own parts, and what it did to the whole."""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from flows.alerting.judge import Kpi
from flows.alerting.rule import Rule

# English, Chinese, contribution in the KPI's unit, share of the change; a sentence alone has neither
Driver = tuple[str, str, float | None, float | None]
MOST = 3
NO_PARTS: Driver = ("No exact split exists: a median or the like is no sum of parts", "没有精确的分解：中位数一类的数值不是各部分之和", None, None)
NO_SEGMENTS: Driver = ("No exact split exists: its segments do not add up to it", "没有精确的分解：各细分之和不等于整体", None, None)


def drivers(connection: Any, rule: Rule, kpi: Kpi | None, reading: tuple[str, str], day: date) -> list[Driver]:
    """The three largest drivers behind the newest settled change of a segment ('all', 'all': the whole), or that there is no exact split of
    it; empty where nothing moved or nothing published tells.

    Of a rule that looks at a month or four weeks the newest month's change, of others the newest week's.
    """
    if rule.kpi is None:
        return []
    grain = "month" if rule.grain == "month" or rule.window >= 28 else "week"
    published = bool(connection.execute("select 1 from duckdb_tables() where table_name = 'kpi_drivers'").fetchone())
    found: list[Driver] = connection.execute(
        "select title_en, title_zh, contribution, share from kpi_drivers where kpi = ? and segment_type = ? and segment = ? and period_start <= ? "
        f"and period_grain = ? and compared_with = 'previous' and rank <= {MOST} qualify dense_rank() over (order by period_start desc) = 1 order by rank",
        [rule.kpi, *reading, day, grain]).fetchall() if published else []
    if found:
        return found
    settled = day - timedelta(days=kpi.settles_after_days if kpi else 0)
    rows = connection.execute(
        "select period_start, value, numerator, denominator, sample_size from kpis where kpi = ? and period_grain = ? and segment_type = ? and segment = ? "
        "and period_end <= ? and value is not null order by period_start desc limit 2", [rule.kpi, grain, *reading, settled]).fetchall()
    if len(rows) < 2:
        return []
    (start, value, *later), (_, before, *earlier) = rows
    is_split = _made_of(value, later) and _made_of(before, earlier)
    if reading[0] == "all":
        is_ever_split = bool(published and connection.execute("select 1 from kpi_drivers where kpi = ? limit 1", [rule.kpi]).fetchone())
        return [] if value == before or is_ever_split or not published else [NO_SEGMENTS if is_split else NO_PARTS]
    moved = [(english, chinese, part, part / (value - before) if value != before else None)
             for english, chinese, part in (_parts(earlier, later) if is_split else ()) if part]
    whole: list[Driver] = connection.execute(
        "select 'What it did to the whole', '对整体的影响', sum(contribution), sum(share) from kpi_drivers where kpi = ? and segment_type = 'all' "
        "and period_start = ? and period_grain = ? and compared_with = 'previous' and split_by = ? and driver_segment = ? having count(*) > 0",
        [rule.kpi, start, grain, *reading]).fetchall() if published else []
    if not is_split and value != before:
        return [NO_PARTS, *whole]
    return [*sorted(moved, key=lambda one: -abs(one[2])), *whole][:MOST]


def _made_of(value: float, parts: list[Any]) -> bool:
    """Whether a value is what its published parts make; a median is not."""
    above, below, _ = parts
    return above is not None and below != 0 and math.isclose(above / (1 if below is None else below), value, rel_tol=1e-9, abs_tol=1e-12)


def _parts(earlier: list[Any], later: list[Any]) -> Iterator[tuple[str, str, float]]:
    """What each of two parts changed; they sum to the change without a rest: each part moves while the other stands at its mean.

    Of a ratio its numerator and what that is divided by; of an amount how many things there were and what each was worth.
    """
    (above0, below0, count0), (above1, below1, count1) = earlier, later
    if below0 and below1:
        yield f"Numerator {above0:,.6g} → {above1:,.6g}", f"分子 {above0:,.6g} → {above1:,.6g}", (above1 - above0) * (1 / below0 + 1 / below1) / 2
        yield f"Denominator {below0:,.6g} → {below1:,.6g}", f"分母 {below0:,.6g} → {below1:,.6g}", (above0 + above1) * (1 / below1 - 1 / below0) / 2
    elif below0 is None and below1 is None and count0 and count1 and above1 != count1:
        each0, each1 = above0 / count0, above1 / count1
        yield f"How many: {count0:,} → {count1:,}", f"数量 {count0:,} → {count1:,}", (count1 - count0) * (each0 + each1) / 2
        yield f"Each: {each0:,.2f} → {each1:,.2f}", f"单值 {each0:,.2f} → {each1:,.2f}", (count0 + count1) * (each1 - each0) / 2
