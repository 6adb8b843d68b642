"""What rules look at, read from an open version of the marts: series of KPIs, signals, worklists, how fresh and complete the sources are.

A rule whose table, KPI or segment is not published cannot be judged; a rule whose KPI reads a stale source is frozen. Either is said, neither is an error.
"""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, timedelta
from typing import Any

from flows.alerting.episodes import Reading
from flows.alerting.judge import CannotJudge, Judged, Kpi, Period, judge
from flows.alerting.ladder import Shift
from flows.alerting.rule import Rule

LENGTH = {"day": 1, "week": 7, "month": 31}
NEAR = 7                                        # periods that are read of a segment besides what a rule needs
BACK = 180                                      # of one that is beyond its limit, or lately was, or has an alert: so that a message can say since when
TIERS = ("inform", "warn", "act")
Key = tuple[str, str, str]                      # rule, segment type, segment


@dataclass(frozen=True, kw_only=True)
class Night:
    """What the ledger knows. failed_checks: of the last night that checked. days_behind: nights on which a version was due and none came.

    feeds: (source, stream) -> 'kind.table' that its records are read as, which files and tables of a database choose.
    """

    failed_checks: Sequence[Mapping[str, Any]] = ()
    days_behind: int = 0
    feeds: Mapping[tuple[str, str], str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Facts:
    """readings: rule -> segments. frozen, unjudged: rule -> why. evidence: what a row says of itself, (English, Chinese)."""

    as_of: date
    version: str
    kpis: Mapping[str, Kpi]
    readings: Mapping[str, Sequence[Reading]]
    frozen: Mapping[str, str]
    unjudged: Mapping[str, str]
    evidence: Mapping[Key, tuple[str, str]] = field(default_factory=dict)


def read(connection: Any, rules: Mapping[str, Rule], *, night: Night, whole: bool = False, told: Collection[Key] = ()) -> Facts:
    """connection: DuckDB, on a version. whole: all history (for replay) instead of as much as the rules need to judge the present.

    told: places that a message may have to show although all is well there now, as they have an alert.
    """
    as_of, version = connection.execute("select as_of, version from meridian_version").fetchone()
    tables = {name for (name,) in connection.execute("select table_name from duckdb_tables()").fetchall()}
    kpis = _kpis(connection)
    stale = _stale(connection, night.feeds) if "source_freshness" in tables else {}
    readings: dict[str, Sequence[Reading]] = {}
    frozen: dict[str, str] = {}
    unjudged: dict[str, str] = {}
    evidence: dict[Key, tuple[str, str]] = {}
    for name, rule in rules.items():
        try:
            if rule.kpi is not None and (late := sorted(kpis[rule.kpi].reads & stale.keys() if rule.kpi in kpis else ())):
                frozen[name] = f"{stale[late[0]]} is stale"
            else:
                readings[name] = _of_rule(connection, rule, kpis, tables, as_of, night, evidence, whole, told)
        except CannotJudge as error:
            unjudged[name] = str(error)
    return Facts(as_of=as_of, version=version, kpis=kpis, readings=readings, frozen=frozen, unjudged=unjudged, evidence=evidence)


def shifts(connection: Any, since: date) -> list[Shift]:
    """Rosters from a day on; empty where none are published."""
    if not connection.execute("select 1 from duckdb_tables() where table_name = 'fct_shifts'").fetchone():
        return []
    rows = connection.execute("select agent, team, starts_at, ends_at from fct_shifts where ends_at >= ?", [since]).fetchall()
    return [Shift(agent=agent, team=team, starts_at=starts.replace(tzinfo=UTC), ends_at=ends.replace(tzinfo=UTC)) for agent, team, starts, ends in rows]


def _kpis(connection: Any) -> dict[str, Kpi]:
    rows = connection.execute(
        "select distinct on (kpi) kpi, title_en, title_zh, unit, direction, min_sample, settles_after_days, reads from kpi_catalogue").fetchall()
    return {row[0]: Kpi(kpi=row[0], title_en=row[1], title_zh=row[2], unit=row[3], direction=row[4], min_sample=row[5] or 0, settles_after_days=row[6] or 0,
                        reads=frozenset(_pair(part) for part in (row[7] or "").split(", ") if "." in part)) for row in rows}


def _pair(dotted: str) -> tuple[str, str]:
    kind, stream = dotted.split(".", 1)
    return kind, stream


def _stale(connection: Any, feeds: Mapping[tuple[str, str], str]) -> dict[tuple[str, str], str]:
    rows = connection.execute("select kind, stream, source_name from source_freshness where is_stale").fetchall()
    return {_pair(feeds.get((source, stream), f"{kind}.{stream}")): f"{source}/{stream}" for kind, stream, source in rows}


def _of_rule(
    connection: Any, rule: Rule, kpis: Mapping[str, Kpi], tables: Collection[str], as_of: date, night: Night, evidence: dict[Key, tuple[str, str]], whole: bool,
    told: Collection[Key],
) -> list[Reading]:
    if rule.worklist_not_empty is not None:
        return _work(connection, rule, tables, as_of, evidence)
    if not rule.has_history:
        return _gaps(connection, rule, tables, as_of, night, evidence)
    kpi = kpis.get(rule.kpi or "")
    if kpi is None:
        raise CannotJudge(f"{rule.kpi} is not published here: no source tells it")
    settles = kpi.settles_after_days
    compared = rule.compared_with if rule.changed_by is not None else 0
    need = rule.window * (compared + 1) + rule.for_ + rule.clear_for
    far, near = (date.min if whole else as_of - timedelta(days=(need + back) * LENGTH[rule.grain] + settles) for back in (BACK, NEAR))
    if rule.out_of_control:
        return _signals(connection, rule, kpi, tables, far, as_of)
    in_question = (f"kpi = ? and period_grain = ? and segment_type in ({', '.join('?' * len(rule.segments))}) and period_end between ? and ? "
                   "and segment <> 'unknown'")
    asked = [rule.kpi, rule.grain, *rule.segments]

    def judged(first: date, which: str = "", *places: Sequence[str]) -> dict[tuple[str, str], tuple[Judged, ...]]:
        rows = connection.execute(
            "select segment_type, segment, period_end, value, numerator, denominator, coalesce(sample_size, 0), target from kpis "
            f"where {in_question} {which} order by segment_type, segment, period_end", [*asked, first, as_of, *places]).fetchall()
        series: dict[tuple[str, str], list[Period]] = {}
        for row in rows:
            series.setdefault(row[:2], []).append(Period._make(row[2:]))
        return {place: tuple(one for one in judge(rule, kpi, periods) if one.known_on <= as_of) for place, periods in series.items()}

    # Of a thousand segments nearly all have been calm for weeks: half a year of each, a Python object a day, was 3 ms of a segment and rule. One of which so
    # few periods are known that they decide nothing is looked at as far back as any.
    decides = max(rule.for_, rule.clear_for)
    places = connection.execute(f"select distinct segment_type, segment from kpis where {in_question} order by all", [*asked, far, as_of]).fetchall()
    series = judged(near)
    uneasy = [place for place in places if len(series.get(place, ())) < decides or (rule.rule, *place) in told
              or any(point.verdict != "clear" for point in series[place])]
    if uneasy and not whole:
        series |= judged(far, "and (segment_type, segment) in (select unnest(?), unnest(?))", *map(list, zip(*uneasy, strict=True)))
    if not places and not connection.execute("select 1 from kpis where kpi = ? limit 1", [rule.kpi]).fetchone():
        raise CannotJudge(f"{rule.kpi} is not published here: no source tells it")
    if lacking := set(rule.segments) - {segment_type for segment_type, _ in places}:
        raise CannotJudge(f"{rule.kpi} is not published by {rule.grain} and {sorted(lacking)[0]}")
    return [Reading(segment_type=place[0], segment=place[1], points=series[place]) for place in places]


def _signals(connection: Any, rule: Rule, kpi: Kpi, tables: Collection[str], first: date, as_of: date) -> list[Reading]:
    if "kpi_signals" not in tables:
        raise CannotJudge("no table kpi_signals is published")
    rows = connection.execute(
        "select segment_type, segment, period_end, value, expected, is_signal and is_worse from kpi_signals where kpi = ? and period_grain = ? "
        f"and segment_type in ({', '.join('?' * len(rule.segments))}) and is_signal is not null and period_end between ? and ? "
        "order by segment_type, segment, period_end", [rule.kpi, rule.grain, *rule.segments, first, as_of]).fetchall()
    if not rows:
        raise CannotJudge(f"kpi_signals has no {rule.kpi} by {rule.grain} and {', '.join(rule.segments)}")
    series: dict[tuple[str, str], list[Judged]] = {}
    for segment_type, segment, end, value, expected, is_bad in rows:
        known_on = end + timedelta(days=kpi.settles_after_days)
        if known_on <= as_of:
            series.setdefault((segment_type, segment), []).append(
                Judged(day=end, known_on=known_on, verdict="breach" if is_bad else "clear", value=value, target=expected))
    return [Reading(segment_type=place[0], segment=place[1], points=tuple(points)) for place, points in series.items()]


def _work(connection: Any, rule: Rule, tables: Collection[str], as_of: date, evidence: dict[Key, tuple[str, str]]) -> list[Reading]:
    """Work at least as urgent as the rule's tier: the lists hold what is coming, too."""
    if "worklists" not in tables:
        raise CannotJudge("no table worklists is published")
    urgent = TIERS[TIERS.index(rule.tier):]
    rows = connection.execute(
        "select work_key, subject, evidence_en, evidence_zh, value, threshold from worklists "
        f"where worklist = ? and severity in ({', '.join('?' * len(urgent))}) order by work_key", [rule.worklist_not_empty, *urgent]).fetchall()
    known = sorted({name.removeprefix("worklist_") for name in tables if name.startswith("worklist_")})
    if not rows and rule.worklist_not_empty not in known:
        near = difflib.get_close_matches(rule.worklist_not_empty or "", known, n=1)
        raise CannotJudge(f"no worklist {rule.worklist_not_empty} is published" + (f"; did you mean {near[0]!r}?" if near else ""))
    found = []
    for key, subject, english, chinese, value, threshold in rows:
        evidence[rule.rule, "work", key] = (english or "", chinese or "")
        found.append(Reading(segment_type="work", segment=key, label=subject, points=(_there(as_of, value, threshold),)))
    return found


def _there(day: date, value: float | None = None, target: float | None = None) -> Judged:
    return Judged(day=day, known_on=day, verdict="breach", value=value, target=target)


def _gaps(
    connection: Any, rule: Rule, tables: Collection[str], as_of: date, night: Night, evidence: dict[Key, tuple[str, str]],
) -> list[Reading]:
    """What is missing of sources, records, checks and versions: a reading for each that is."""
    found = {}
    for segment, english, chinese in _missing(connection, rule, tables, night):
        evidence[rule.rule, rule.missing or "", segment] = (english, chinese)
        found[segment] = Reading(segment_type=rule.missing or "", segment=segment, label=segment, points=(_there(as_of),))
    return list(found.values())


def _missing(connection: Any, rule: Rule, tables: Collection[str], night: Night) -> Iterator[tuple[str, str, str]]:
    if rule.missing == "check":
        for row in night.failed_checks:
            if row["severity"] == rule.severity:
                yield (f"{row['subject']}: {row['check']}", f"{row['observed']}, expected {row['expected']}", f"实际 {row['observed']}，应为 {row['expected']}")
    elif rule.missing == "version" and night.days_behind > 0:
        yield ("marts", f"{night.days_behind} nights without a new version", f"已有 {night.days_behind} 夜没有新版本")
    elif rule.missing == "source":
        if "source_freshness" not in tables:
            raise CannotJudge("no table source_freshness is published")
        rows = connection.execute(
            "select source_name, count(*), any_value(stale_reason), cast(min(last_success_at) as varchar)[:16] from source_freshness "
            "where is_stale group by 1 order by 1"
        ).fetchall()
        for source, streams, reason, last in rows:
            yield source, f"{streams} streams, last read {last or 'never'}: {reason}", f"{streams} 个数据流，上次读取 {last or '从未'}：{reason}"
    elif rule.missing == "records":
        if "stream_completeness" not in tables:
            raise CannotJudge("no table stream_completeness is published")
        rows = connection.execute(
            "select source_name || '/' || stream, sum(missing), min(figure) from stream_completeness where is_latest and missing > 0 "
            "group by 1 order by 1").fetchall()
        for stream, missing, figure in rows:
            yield stream, f"{missing:.0f} records missing, {100 * (figure or 0):.2f} % complete", f"缺 {missing:.0f} 条记录，完整率 {100 * (figure or 0):.2f} %"
    elif rule.missing == "sound_rows":
        if "quarantine_counts" not in tables:
            raise CannotJudge("no table quarantine_counts is published")
        rows = connection.execute(
            "select source_name || '/' || entity || ': ' || reason, reason_en, reason_zh, rows_new, rows_quarantined, rows_in from quarantine_counts "
            "where is_growing order by 1").fetchall()
        for segment, english, chinese, new, kept, held in rows:
            yield segment, f"{english}: {new} new in a week, {kept} of {held} rows in quarantine", f"{chinese}：一周新增 {new} 行，{held} 行中隔离 {kept} 行"
