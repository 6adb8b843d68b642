"""Show: what the commands print, as text. Reads the ledger and the published version, writes nothing."""

from __future__ import annotations

import json
import shutil
import time
from datetime import date, datetime
from typing import Any

from connectors import quota
from flows import sources, up
from flows.backfill_form import known_streams
from flows.night_report import quality_lines, read_cards
from flows.reporting import grid as pictures
from flows.reporting import scorecard
from flows.settings import Settings
from flows.store import completeness, jobs, published
from flows.store import grid as grids
from flows.store import ledger as ledgers


def after_a_night(settings: Settings, language: scorecard.Language, *, prefect_ui: str) -> str:
    """The scorecard, the version, the time each step took, and where to look next."""
    night = ledgers.list_nights(ledgers.open_ledger(settings.ledger), limit=1)[0]
    report: dict[str, Any] = night["report"]
    landed = sum(stream["records"] for stream in report["streams"])
    lines = [scorecard_text(settings, language, "month"), ""]
    lines.append(f"{night['state'].capitalize()}: {report['message']}")
    requests = sum(stream["requests"] for stream in report["streams"])
    lines.append(f"Landed {landed:,} records with {requests:,} requests; {report['checks']} checks, {len(report['failed_checks'])} with remarks")
    lines.append("Time: " + ", ".join(f"{step} {seconds:.1f} s" for step, seconds in report["seconds"].items()))
    lines += [
        "Look next:",
        f"  marts       {settings.published / 'marts.duckdb'}",
        f"  Prefect UI  {prefect_ui}",
        "  meridian kpis <id> --grain week, meridian status, meridian checks",
    ]
    return "\n".join(lines)


def scorecard_text(settings: Settings, language: scorecard.Language, grain: str) -> str:
    version = _current(settings)
    cards = read_cards(settings, grain)
    head = f"{settings.configuration.company.name} · {version.name} · {('as of', '截至')[language == 'zh-CN']} {version.as_of}"
    return f"{head}\n\n{scorecard.table(cards, language)}\n\n{quality_lines(settings, language)}".rstrip()


def history(settings: Settings, kpi: str, grain: str, segment_type: str) -> str:
    """One KPI, period by period, newest last. LookupError names the nearest id when there is none of this name."""
    import difflib

    _current(settings)
    connection = published.connect(settings.published)
    try:
        known = dict(connection.execute("select distinct on (kpi) kpi, unit from kpi_catalogue").fetchall())
        if kpi not in known:
            near = difflib.get_close_matches(kpi, list(known), n=1)
            raise LookupError(f"there is no KPI {kpi!r}" + (f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(sorted(known))}"))
        rows = connection.execute(
            "select period_start, segment, value, target, status, sample_size from kpis where kpi = ? and period_grain = ? and segment_type = ? "
            "order by period_start desc, segment limit 40", [kpi, grain, segment_type]).fetchall()
    finally:
        connection.close()
    if not rows:
        raise LookupError(f"{kpi} has no rows by {grain} and {segment_type}")
    unit, currency = known[kpi], settings.configuration.company.currency
    lines = [f"{kpi} by {grain}, {segment_type}"]
    for start, segment, value, target, status, sample in reversed(rows):
        lines.append(
            f"{start}  {scorecard.pad(segment, 20)}  {scorecard.show(value, unit, currency):>14}  target {scorecard.show(target, unit, currency):>12}  "
            f"{scorecard.STATUS[status][1]:<10}  n={sample or 0}")
    return "\n".join(lines)


def status(settings: Settings) -> str:
    """Nights, version, streams, processes."""
    ledger = ledgers.open_ledger(settings.ledger)
    version = published.current(settings.published)
    lines = [f"configuration  {settings.path}", f"home           {settings.home}"]
    said = f"{version.name}, as of {version.as_of}, published {_minute(version.published_at)}" if version else "nothing is published yet"
    lines.append(f"current        {said}")
    server = up.find(settings, "server")
    lines.append(f"Prefect        http://127.0.0.1:{server.port}" if server else "Prefect        not running (`meridian up`)")
    lines += ["", "last nights"]
    for night in ledgers.list_nights(ledger, limit=7):
        message = (night["report"] or {}).get("message", "")
        more = f": {message}" if message and message != night["version"] else ""
        lines.append(f"  {_minute(night['started_at'])}  as of {night['as_of']}  {night['state']}{more}")
    lines += ["", "streams"]
    last: list[dict[str, Any]] = next((night["report"]["streams"] for night in ledgers.list_nights(ledger, limit=7) if night["report"]), [])
    requests = {(result["source"], result["stream"]): result["requests"] for result in last}
    complete = _complete(ledger)
    for state in ledgers.stream_states(ledger):
        fresh = f"read {_minute(state.last_success_at)}" if state.last_success_at else "never read"
        asked = f"  {requests[state.source, state.stream]:>6,} requests" if (state.source, state.stream) in requests else ""
        told = complete.get((state.source, state.stream), "")
        lines.append(f"  {state.source + '/' + state.stream:<36} {fresh}{asked}{told}" + (f"  FAILED: {state.failure}" if state.failure else ""))
    lines += _budgets(settings)
    return "\n".join(lines)


def grid(settings: Settings, language: scorecard.Language, first: date, last: date, *, paint: pictures.PAINT) -> str:
    """What became of these days of every stream, why, and the backfills that were asked for last; as wide as the terminal, or 160 where there is none."""
    ledger = ledgers.open_ledger(settings.ledger)
    columns = shutil.get_terminal_size(fallback=(160, 50)).columns
    lines = [pictures.text(_cells(settings, ledger, first, last), language, paint=paint, columns=columns) or "no source is configured", ""]
    for job in jobs.last(ledger):
        told = f"backfill of {_minute(ledgers.text(job.started_at))} by {job.who} ({job.reason}): {job.state}"
        lines.append(told + (f": {job.message}" if job.message else ""))
    return "\n".join(lines).rstrip()


def grid_page(settings: Settings, language: scorecard.Language, first: date, last: date) -> str:
    cells = _cells(settings, ledgers.open_ledger(settings.ledger), first, last)
    return pictures.page(cells, settings.configuration.company.name, language)


def _cells(settings: Settings, ledger: ledgers.Ledger, first: date, last: date) -> list[grids.Cell]:
    return grids.read(ledger, known_streams(settings, ledger), first, last, zone=settings.zone, now=settings.clock())


def _complete(ledger: ledgers.Ledger) -> dict[tuple[str, str], str]:
    """How complete each stream was when it was last compared with its source."""
    last = {(one.source, one.stream): one for one in completeness.compared(ledger) if one.part != "older"}
    return {key: f"  {100 * one.figure:6.2f} % complete" + (f", {one.missing:,} missing" if one.missing else "")
            for key, one in last.items() if one.figure is not None}


def _budgets(settings: Settings) -> list[str]:
    """What is left of the day's requests, where a source has a budget. By the real clock, as the source counts."""
    allowed = {name: source.options["requests_per_day"] for name, source in settings.configuration.sources.items() if source.options.get("requests_per_day")}
    used = {name: quota.used_today(settings.home / "quota", name, now=time.time()) for name in allowed}
    return ["", "requests in 24 hours", *(f"  {name:<36} {used[name]:,} of {allowed[name]:,}" for name in allowed)] if allowed else []


def checks(settings: Settings) -> str:
    """Failed checks of the last night, held batches, drift."""
    ledger = ledgers.open_ledger(settings.ledger)
    nights = [night for night in ledgers.list_nights(ledger, limit=1) if night["report"]]
    lines = []
    for night in nights:
        report = night["report"]
        lines.append(f"night of {_minute(night['started_at'])}: {report['checks']} checks, {len(report['failed_checks'])} with remarks")
        lines += [f"  {row['severity']:<8} {row['subject']}: {row['check']}: {row['observed']}, expected {row['expected']}" for row in report["failed_checks"]]
    held = [row for row in ledgers.list_batches(ledger) if row["verdict"] == "held"]
    for row in held:
        lines.append(f"held: {row['source']} {row['stream']} {row['batch']}: {row['reason']}")
        lines.append(f"  meridian batch accept {row['source']} {row['stream']} {row['batch']} --reason '...'   (or reject, to read it again)")
    return "\n".join(lines) or "no night has run yet"


def versions(settings: Settings) -> str:
    rows = published.list_versions(settings.published)
    if not rows:
        return "nothing is published yet"
    return "\n".join(
        f"{'*' if version.is_current else ' '} {version.name}  as of {version.as_of}  published {_minute(version.published_at)}  "
        f"{sum(table['rows'] for table in version.tables.values()):>10,} rows  {version.size_bytes / 1e6:7.1f} MB"
        + (f"  withdrawn: {version.withdrawn.why or 'no reason given'}" if version.withdrawn else "")
        for version in rows
    )


def source_sample(settings: Settings, source: str, stream: str, count: int) -> str:
    """Records as JSON and a table of their fields."""
    records = sources.sample(settings, source, stream, count)
    if not records:
        return f"{source}/{stream} has no records that we may see"
    fields = sources.infer(records)
    width = min(40, max(len(field.path) for field in fields))
    lines = [json.dumps(record, ensure_ascii=False, indent=2) for record in records]
    lines += ["", f"{len(records)} records of {source}/{stream}"]
    lines += [f"  {field.path:<{width}}  {field.present}/{len(records)}  {' or '.join(field.types):<20}  {field.example}" for field in fields]
    return "\n".join(lines)


def _current(settings: Settings) -> published.Version:
    version = published.current(settings.published)
    if version is None:
        raise LookupError("nothing is published yet: run `meridian nightly`")
    return version


def _minute(at: datetime | str | None) -> str:
    return str(at or "")[:16].replace("T", " ")
