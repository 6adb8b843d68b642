"""The reports of a deployment: written beside its state, and told to the channels that want them. Knows no Prefect; the flow is flows/report.py."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from pathlib import Path
from typing import Literal

from flows.alerting.notice import Item, Language, Notice, to_json
from flows.alerts import languages
from flows.reporting import page, periods, review
from flows.reporting.periods import Period
from flows.reporting.words import word
from flows.settings import Settings
from flows.store import alerts as alert_store
from flows.store import ledger as ledgers
from flows.store import outbox, published
from flows.store.disk import write_whole

MOST_ALERTS = 20


@dataclass(frozen=True, kw_only=True)
class Written:
    """files: pages and prints, one or two a language. no_pdf: why nothing was printed; '' when it was, or nobody asked."""

    period: Period
    files: tuple[Path, ...]
    no_pdf: str = ""


def folder(settings: Settings) -> Path:
    return settings.home / "reports"


def period_of(settings: Settings, text: str | None, grain: Literal["week", "month"]) -> Period:
    """The period that is named, or the last one that is over in the current version. Raises ValueError, PublishError."""
    if text:
        return periods.parse(text)
    current = published.current(settings.published)
    if current is None:
        raise published.PublishError("nothing is published yet: `meridian nightly` makes the first version")
    return periods.latest(grain, current.as_of)


def write(settings: Settings, period: Period, spoken: Sequence[Language], *, as_pdf: bool) -> Written:
    """One page a language, below `<home>/reports`, and beside it the same as PDF. Raises NothingToReport, PublishError."""
    company, files, no_pdf = settings.configuration.company, [], ""
    folder(settings).mkdir(parents=True, exist_ok=True)
    told = alerts_of(settings, period)
    for language in spoken:
        found = _read(settings, period, language)
        path = folder(settings) / f"{period.label}.{language}.html"
        write_whole(path, page.html(found, language, company=company.name, currency=company.currency, alerts=told))
        files.append(path)
        if as_pdf and not no_pdf:
            try:
                files.append(page.pdf(path, path.with_suffix(".pdf")))
            except page.NoPdf as error:
                no_pdf = str(error)
    return Written(period=period, files=tuple(files), no_pdf=no_pdf)


def _read(settings: Settings, period: Period, language: Language) -> review.Review:
    with closing(published.connect(settings.published)) as marts:
        return review.read(marts, period, language)


def alerts_of(settings: Settings, period: Period) -> list[tuple[str, str]]:
    """(what happened, when and by whom) of the period's alerts, the newest first."""
    zone = settings.zone
    start, end = (datetime.combine(day, time(), zone) for day in (period.start, period.end + timedelta(days=1)))
    with ledgers.open_ledger(settings.ledger).begin() as connection:
        rows = alert_store.happened(connection, start, end)
    return [(f"{row['alert']}: {row['what']}", f"{datetime.fromisoformat(row['at']).astimezone(zone):%Y-%m-%d %H:%M} {row['by']} {row['note'] or ''}".strip())
            for row in rows[:MOST_ALERTS]]


def promise(settings: Settings, ledger: ledgers.Ledger, written: Written, *, now: datetime) -> int:
    """Tell the channels of `[reports]`, or the first that there is, of a report, once; returns how many will hear of it that have not."""
    spoken = languages(settings)
    chosen = settings.configuration.reports.channels or tuple(spoken)[:1]
    notices = {language: notice(settings, written, language) for language in {spoken[name] for name in chosen}}
    with ledger.begin() as connection:
        return sum(outbox.put(connection, key=one.key, channel=name, notice=to_json(one), at=now) for name in chosen for one in [notices[spoken[name]]])


def notice(settings: Settings, written: Written, language: Language) -> Notice:
    """The summary of a report, with where it lies; its print goes along where it is small enough (`attach_bytes`)."""
    found = _read(settings, written.period, language)
    title = f"{word(written.period.grain, language)} {written.period.label}"
    changes = tuple(Item(subject=change.line.title, text=page.moved(change, language, settings.configuration.company.currency), trend=change.line.trend[-12:])
                    for change in found.changes)
    mine = [path for path in written.files if f".{language}." in path.name]
    most = settings.configuration.reports.attach_bytes
    return Notice(
        key=f"report/{written.period.label}", thread=f"report/{written.period.grain}", kind="report", severity="info", language=language,
        title=f"{settings.configuration.company.name}: {title}", lead=page.summary(found, language), items=changes,
        footer=" · ".join([*map(str, mine), f"{word('version', language)} {found.version}"]),
        files=tuple(str(path) for path in mine if path.suffix == ".pdf" and path.stat().st_size <= most))
