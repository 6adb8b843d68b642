"""What a weekly report or monthly review says, read from an open published version. Sentences and pictures are page.py's."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from flows.reporting import automations, quarantine, suggestions
from flows.reporting.automations import Did
from flows.reporting.periods import Period
from flows.reporting.quarantine import Kept
from flows.reporting.scorecard import Language
from flows.reporting.suggestions import Suggestions

PERSPECTIVES = ("financial", "customer", "process", "learning")
CHANGES, ITEMS, DRIVERS, HISTORY, RESTATEMENTS = 4, 6, 5, 26, 12
WORTH_A_LINE = 0.02      # of the largest driver
WORTH_A_CHANGE = 0.01    # of what it was
STALE = "select source_name || '/' || stream as stream from source_freshness where is_stale order by stream"


@dataclass(frozen=True, kw_only=True)
class Line:
    """One KPI of the period. Numbers in the KPI's unit. signal: 1 better, -1 worse than its control limits allow, 0 within."""

    kpi: str
    title: str
    unit: str
    owner: str
    perspective: str
    value: float | None
    before: float | None
    year_before: float | None
    target: float | None
    status: str
    is_met: bool | None
    is_provisional: bool
    signal: int
    trend: tuple[float | None, ...]


@dataclass(frozen=True, kw_only=True)
class Change:
    """drivers: (in words, part of the change), the largest first; what is left is `rest`."""

    line: Line
    change: float
    drivers: tuple[tuple[str, float], ...]
    rest: float


@dataclass(frozen=True, kw_only=True)
class Point:
    start: date
    value: float
    expected: float | None
    lower: float | None
    upper: float | None
    is_signal: bool


@dataclass(frozen=True, kw_only=True)
class Work:
    """items: (subject, evidence, owner, due)."""

    name: str
    count: int
    items: tuple[tuple[str, str, str, datetime | None], ...]


@dataclass(frozen=True, kw_only=True)
class Part:
    """A segment that left its limits."""

    title: str
    segment: str
    unit: str
    value: float
    expected: float
    is_worse: bool


@dataclass(frozen=True, kw_only=True)
class Project:
    """An improvement project that had begun. low, high: 95 % interval of its effect in the KPI's unit; None until it can be judged.
    spoiled: guard rails that got worse: (title, unit, change in that unit)."""

    name: str
    kpi: str
    unit: str
    starts_on: date
    verdict: str
    effect: float | None
    low: float | None
    high: float | None
    spoiled: tuple[tuple[str, str, float], ...] = ()


@dataclass(frozen=True, kw_only=True)
class Restated:
    title: str
    unit: str
    period: str
    old: float | None
    new: float | None
    reason: str


@dataclass(frozen=True, kw_only=True)
class Review:
    """unsplit: what moved most of what has no exact split."""

    period: Period
    version: str
    as_of: date
    lines: tuple[Line, ...]
    changes: tuple[Change, ...]
    charts: tuple[tuple[Line, tuple[Point, ...]], ...]
    parts: tuple[Part, ...]
    worklists: tuple[Work, ...]
    projects: tuple[Project, ...]
    automations: tuple[tuple[Did, Line | None], ...]
    restated: tuple[Restated, ...]
    stale: tuple[str, ...]
    missing: tuple[tuple[str, int], ...]
    compared: int
    landed: int
    quarantined: tuple[Kept, ...]
    suggestions: Suggestions
    unsplit: tuple[Line, ...] = ()

    @property
    def met(self) -> int:
        return sum(line.is_met is True for line in self.lines)

    @property
    def judged(self) -> int:
        return sum(line.is_met is not None for line in self.lines)

    @property
    def worse(self) -> int:
        return sum(line.signal < 0 for line in self.lines) + sum(part.is_worse for part in self.parts)


class NothingToReport(Exception):
    """The version has no such period; the text says which it has."""


def read(connection: Any, period: Period, language: Language) -> Review:
    """The review of a period. Raises NothingToReport for one that the version does not hold."""
    as_of, version = connection.execute("select any_value(as_of), any_value(data_version) from scorecard").fetchone()
    lines = _lines(connection, period, language)
    if not any(line.value is not None for line in lines):
        first, last = connection.execute("select min(period_start), max(period_start) from kpis where period_grain = ?", [period.grain]).fetchone()
        raise NothingToReport(f"there are no numbers for {period.label}; this version has {period.grain}s that begin from {first} to {last}")
    by_kpi = {line.kpi: line for line in lines}
    flagged = [line for line in lines if line.signal]
    changes, unsplit = _changes(connection, period, lines, language)
    missing = _rows(connection, """
        select source_name || '/' || stream as stream, sum(missing) as missing from stream_completeness where is_latest
        group by source_name, stream having sum(missing) > 0 order by missing desc""")
    compared, landed = connection.execute(
        "select coalesce(sum(rows_in_source), 0), coalesce(sum(rows_in_source - missing), 0) from stream_completeness where is_latest").fetchone()
    return Review(
        period=period, version=version, as_of=as_of, lines=lines, changes=changes, unsplit=unsplit,
        charts=tuple((line, _points(connection, line.kpi, period)) for line in flagged), parts=_parts(connection, period, language),
        worklists=_worklists(connection, language), projects=_projects(connection, period, language),
        automations=tuple((did, by_kpi.get(did.kpi)) for did in automations.read(connection, period)), restated=_restated(connection, period, language),
        stale=tuple(row["stream"] for row in _rows(connection, STALE)),
        missing=tuple((row["stream"], int(row["missing"])) for row in missing), compared=int(compared), landed=int(landed),
        quarantined=tuple(quarantine.read(connection, language)), suggestions=suggestions.read(connection, period),
    )


def _rows(connection: Any, query: str, values: Mapping[str, Any] | None = None) -> list[dict[str, Any]]:
    found = connection.execute(query, dict(values or {}))
    names = [column[0] for column in found.description]
    return [dict(zip(names, row, strict=True)) for row in found.fetchall()]


def _title(language: Language) -> str:
    return "title_zh" if language == "zh-CN" else "title_en"


def _steps(period: Period) -> dict[str, Any]:
    """The periods to compare with; a week's counterpart a year ago is 52 weeks back, so that it has the same weekdays."""
    steps: dict[str, Any] = {"grain": period.grain, "start": period.start, "end": period.end}
    if period.grain == "week":
        return steps | {"before": period.start - timedelta(days=7), "year_before": period.start - timedelta(days=364)}
    return steps | {"before": (period.start - timedelta(days=1)).replace(day=1), "year_before": period.start.replace(year=period.start.year - 1)}


def _lines(connection: Any, period: Period, language: Language) -> tuple[Line, ...]:
    first = period.start - timedelta(days=7 * HISTORY if period.grain == "week" else 400)
    rows = _rows(connection, f"""
        with wholes as (select * from kpis where period_grain = $grain and segment_type = 'all'),
        trends as (select kpi, list(value order by period_start) as trend from wholes where period_start between $first and $start group by kpi),
        -- months are too few for limits: a month's signals are those of the weeks that end in it
        signals as (
            select kpi, bool_or(is_worse) as is_worse from kpi_signals
            where period_grain = 'week' and segment_type = 'all' and is_signal and period_end between $start and $end group by kpi
        )
        select
            catalogue.kpi, catalogue.{_title(language)} as title, catalogue.unit, catalogue.owner, catalogue.perspective,
            now.value, before.value as before, year_before.value as year_before, now.target, coalesce(now.status, 'no_data') as status, now.is_met,
            coalesce(now.is_provisional, false) as is_provisional,
            case when signals.kpi is null then 0 when signals.is_worse then -1 else 1 end as signal, trends.trend
        from kpi_catalogue as catalogue
        left join wholes as now on catalogue.kpi = now.kpi and now.period_start = $start
        left join wholes as before on catalogue.kpi = before.kpi and before.period_start = $before
        left join wholes as year_before on catalogue.kpi = year_before.kpi and year_before.period_start = $year_before
        left join signals on catalogue.kpi = signals.kpi
        left join trends on catalogue.kpi = trends.kpi
        order by catalogue.kpi
        """, _steps(period) | {"first": first})
    return tuple(Line(**{**row, "trend": tuple(row["trend"] or ())}) for row in rows)


def _changes(connection: Any, period: Period, lines: Iterable[Line], language: Language) -> tuple[tuple[Change, ...], tuple[Line, ...]]:
    """What can be split, and what cannot: each first what left its limits, then what misses its target, then what moved most against what it was."""
    rows = _rows(connection, f"""
        select kpi, change, {_title(language)} as title, contribution from kpi_drivers
        where period_grain = $grain and period_start = $start and compared_with = 'previous' and rank is not null order by kpi, rank
        """, {"grain": period.grain, "start": period.start})
    split: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        split.setdefault(row["kpi"], []).append(row)

    def weight(line: Line) -> tuple[bool, bool, float]:
        return line.signal != 0, line.is_met is False, abs(change(line)) / (abs(line.before or 0) or 1)

    def change(line: Line) -> float:
        if line.kpi in split:
            return float(split[line.kpi][0]["change"])
        return line.value - line.before if line.value is not None and line.before is not None else 0.0

    moved = sorted((line for line in lines if abs(change(line)) > WORTH_A_CHANGE * abs(line.before or 0)), key=weight, reverse=True)
    found = []
    for line in [line for line in moved if line.kpi in split][:CHANGES]:
        drivers = split[line.kpi]
        named = [row for row in drivers[:DRIVERS] if abs(row["contribution"]) >= WORTH_A_LINE * abs(drivers[0]["contribution"])]
        found.append(Change(
            line=line, change=drivers[0]["change"], drivers=tuple((row["title"], row["contribution"]) for row in named),
            rest=sum(row["contribution"] for row in drivers[len(named):])))
    return tuple(found), tuple([line for line in moved if line.kpi not in split][:CHANGES])


def _points(connection: Any, kpi: str, period: Period) -> tuple[Point, ...]:
    rows = _rows(connection, """
        select period_start as start, value, expected, lower_limit as lower, upper_limit as upper, coalesce(is_signal, false) as is_signal
        from kpi_signals where kpi = $kpi and period_grain = 'week' and segment_type = 'all' and period_end <= $end order by period_start
        """, {"kpi": kpi, "end": period.end})
    return tuple(Point(**row) for row in rows[-2 * HISTORY:])


def _parts(connection: Any, period: Period, language: Language) -> tuple[Part, ...]:
    rows = _rows(connection, f"""
        select catalogue.{_title(language)} as title, signals.segment, catalogue.unit, signals.value, signals.expected, signals.is_worse
        from kpi_signals as signals inner join kpi_catalogue as catalogue using (kpi)
        where signals.period_grain = 'week' and signals.period_end between $start and $end and signals.segment_type <> 'all' and signals.is_signal
        order by not signals.is_worse, catalogue.kpi, signals.segment, signals.period_start
        """, {"start": period.start, "end": period.end})
    return tuple(Part(**row) for row in rows)


def _worklists(connection: Any, language: Language) -> tuple[Work, ...]:
    """As of the version's last day: what was work in an old week is no work now."""
    evidence = "evidence_zh" if language == "zh-CN" else "evidence_en"
    order = "case severity when 'act' then 0 when 'warn' then 1 else 2 end, due_at, work_key"
    rows = _rows(connection, f"select worklist, subject, {evidence} as evidence, owner, due_at from worklists order by worklist, {order}")
    lists: dict[str, list[dict[str, Any]]] = {}
    for row in rows:
        lists.setdefault(row["worklist"], []).append(row)
    return tuple(
        Work(name=name, count=len(found), items=tuple((row["subject"], row["evidence"], row["owner"], row["due_at"]) for row in found[:ITEMS]))
        for name, found in lists.items())


def _projects(connection: Any, period: Period, language: Language) -> tuple[Project, ...]:
    """Begun by the end of the period and within the two years before, the newest first; verdicts are those of the version's last day."""
    rows = _rows(connection, f"""
        select projects.project as name, coalesce(catalogue.unit, '') as unit, projects.starts_on, projects.verdict,
            coalesce(catalogue.{_title(language)}, projects.kpi) || case projects.segment_type when 'all' then '' else ', ' || projects.segment end as kpi,
            projects.effect, projects.effect_low as low, projects.effect_high as high
        from fct_projects as projects left join kpi_catalogue as catalogue using (kpi)
        where projects.starts_on between $first and $end order by projects.starts_on desc, projects.project
        """, {"first": period.end - timedelta(days=730), "end": period.end})
    spoiled: dict[str, list[tuple[str, str, float]]] = {}
    # a version from before guard rails has no such table
    if connection.execute("select 1 from duckdb_tables() where table_name = 'fct_project_guard_rails'").fetchone():
        for row in _rows(connection, f"""
            select rails.project, catalogue.{_title(language)} as title, catalogue.unit, rails.effect
            from fct_project_guard_rails as rails inner join kpi_catalogue as catalogue using (kpi) where rails.verdict = 'worse' order by rails.kpi"""):
            spoiled.setdefault(row["project"], []).append((row["title"], row["unit"], row["effect"]))
    return tuple(Project(**row, spoiled=tuple(spoiled.get(row["name"], ()))) for row in rows)


def _restated(connection: Any, period: Period, language: Language) -> tuple[Restated, ...]:
    """What was said otherwise while the period ran, of the whole."""
    rows = _rows(connection, f"""
        select catalogue.{_title(language)} as title, catalogue.unit, restatements.period_grain || ' ' || restatements.period_start as period,
            restatements.old_value as old, restatements.new_value as new, restatements.reason
        from restatements inner join kpi_catalogue as catalogue using (kpi)
        where restatements.segment_type = 'all' and restatements.period_grain = 'month' and cast(restatements.restated_at as date) between $start and $end
        order by restatements.restated_at desc, catalogue.kpi limit {RESTATEMENTS}
        """, {"start": period.start, "end": period.end + timedelta(days=1)})
    return tuple(Restated(**row) for row in rows)
