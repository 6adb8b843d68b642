"""Lateness: whether readers have what they were promised by now, who is told when they have not, and what a probe from outside is answered.

Told through the outbox like everything else: once a day and channel, by whoever looks first (every five minutes, and `heal`), and again when it is there.
As long as marts are late the dead man's switch hears nothing, so that the alarm is raised outside as well.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from urllib.parse import quote

import sqlalchemy as sql

from flows.alerting.notice import Kind, Language, Notice, to_json
from flows.settings import Settings
from flows.store import ledger as ledgers
from flows.store import outbox, published
from flows.store.versions import PublishError

KEY = "late marts/"
REMEMBERED = timedelta(days=7)          # for so long it is told that late marts have come


@dataclass(frozen=True, kw_only=True)
class Late:
    """wanted: the last day that should be published. by: the time promised; None: a night's time for it is long over. have: what readers have."""

    wanted: date
    by: str | None
    have: date | None

    @property
    def sentence(self) -> str:
        promised = f"{self.wanted} should have been published by {self.by}" if self.by else f"{self.wanted} should have been published"
        return f"{promised}; readers have {self.have or 'nothing'}"


def late(settings: Settings, now: datetime) -> Late | None:
    """What is late by `published_by`. None: nothing is, or nothing was promised."""
    deadline = settings.configuration.night.published_by
    if deadline is None or now.astimezone(settings.zone).time() < time.fromisoformat(deadline):
        return None
    return _behind(settings, settings.as_of(now), deadline)


def unready(settings: Settings, ledger: ledgers.Ledger) -> list[str]:
    """Why readers should not rely on this deployment now; [] when they may. Without `published_by` a version may be a day behind: its night is under way."""
    now, reasons = settings.clock(), []
    try:
        _reach(ledger)
    except (sql.exc.SQLAlchemyError, sqlite3.Error) as error:
        reasons.append(f"the ledger cannot be reached: {type(error).__name__}")
    try:
        promised = settings.configuration.night.published_by
        found = late(settings, now) if promised else _behind(settings, settings.as_of(now) - timedelta(days=1), None)
        if found is None and published.current(settings.published) is None:
            found = Late(wanted=settings.as_of(now), by=promised, have=None)
    except (PublishError, OSError, ValueError) as error:
        return [*reasons, f"what is published cannot be read: {type(error).__name__}"]
    return [*reasons, found.sentence] if found else reasons


def _reach(ledger: ledgers.Ledger) -> None:
    """A file is opened anew: a connection that is open already still reads one that was deleted or exchanged."""
    if ledger.dialect.name == "sqlite":
        with closing(sqlite3.connect(f"file:{quote(str(ledger.url.database))}?mode=ro", uri=True, timeout=5)) as connection:
            connection.execute("select 1 from nights limit 1").fetchone()
    else:
        ledgers.list_nights(ledger, limit=1)


def _behind(settings: Settings, wanted: date, by: str | None) -> Late | None:
    current = published.current(settings.published)
    have = current.as_of if current else None
    return Late(wanted=wanted, by=by, have=have) if have is None or have < wanted else None


def last_night(ledger: ledgers.Ledger) -> str:
    """What became of the last night, for people."""
    nights = ledgers.list_nights(ledger, limit=1)
    return f"the last night {nights[0]['state']}: {(nights[0]['report'] or {}).get('message', '')}" if nights else "no night has run yet"


def findings(settings: Settings, now: datetime) -> Iterator[str]:
    """What the dead man's switch must not be told over."""
    if found := late(settings, now):
        yield f"marts are late: {found.sentence}"


def promise(settings: Settings, ledger: ledgers.Ledger) -> int:
    """Tell `late_to` of `[watch]`, or the first channel, of marts that are late, once a day; and once that they have come. Returns how many
    messages are new."""
    now, configuration = settings.clock(), settings.configuration
    first = configuration.company.languages[0]
    chosen = configuration.watch.late_to or tuple(configuration.channels)[:1]
    spoken: dict[str, Language] = {name: configuration.channels[name].language or first for name in chosen}
    found = late(settings, now)
    if found:
        why = last_night(ledger)
        notices = {language: _late(settings, found, why, language) for language in set(spoken.values())}
    elif told := _told_of(settings, ledger, now):
        notices = {language: _come(settings, told, language) for language in set(spoken.values())}
    else:
        return 0
    with ledger.begin() as connection:
        return sum(outbox.put(connection, key=notices[language].key, channel=name, notice=to_json(notices[language]), at=now)
                   for name, language in spoken.items())


def _told_of(settings: Settings, ledger: ledgers.Ledger, now: datetime) -> date | None:
    """The last day whose lateness was told of these days, and that readers have now."""
    query = sql.select(sql.func.max(outbox.outbox.c.key)).where(
        outbox.outbox.c.key.like(f"{KEY}____-__-__"), outbox.outbox.c.put_at > ledgers.text(now - REMEMBERED))
    with ledger.begin() as connection:
        key = connection.execute(query).scalar()
    if key is None:
        return None
    day = date.fromisoformat(key.removeprefix(KEY))
    return day if _behind(settings, day, None) is None else None


def _late(settings: Settings, found: Late, why: str, language: Language) -> Notice:
    if language == "zh-CN":
        return _notice(
            settings, language, f"{KEY}{found.wanted}", "trouble", title=f"数据迟到：{found.wanted}",
            lead=f"{found.wanted} 的数据应在 {found.by} 前发布；读者目前看到的是 {found.have or '（无）'}。{why}",
            steps=("meridian status 说明原因。", "meridian doctor --fix 修复无需人工处理的问题。", "meridian nightly 立即运行一夜。"))
    return _notice(
        settings, language, f"{KEY}{found.wanted}", "trouble", title=f"The marts are late: {found.wanted}", lead=f"{found.sentence}. {why}",
        steps=("`meridian status` says what keeps them.", "`meridian doctor --fix` mends what no person is needed for.", "`meridian nightly` runs one now."))


def _come(settings: Settings, day: date, language: Language) -> Notice:
    title = f"数据已发布：{day}" if language == "zh-CN" else f"The marts are there: {day}"
    lead = "此前迟到的数据现已发布。" if language == "zh-CN" else "What was late has been published."
    return _notice(settings, language, f"{KEY}{day}/published", "resolved", title=title, lead=lead, steps=())


def _notice(settings: Settings, language: Language, key: str, kind: Kind, *, title: str, lead: str, steps: tuple[str, ...]) -> Notice:
    return Notice(key=key, thread="/".join(key.split("/")[:2]), kind=kind, severity="critical" if kind == "trouble" else "info", language=language,
                  title=f"{settings.configuration.company.name}: {title}", lead=lead, steps=steps)
