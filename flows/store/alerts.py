"""What was told of alerts, and what people said to them: the part of alerting that no published history tells.

Which alerts are open, since when and in which message they were told; acknowledgements; silences; which rules were judged before and up to which day.
One evaluation writes all that it changes, and the messages it promises (`outbox`), in one transaction.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sql

from flows.alerting.episodes import Alert, Silence
from flows.alerting.ladder import Step
from flows.store.ledger import instant, metadata, text
from flows.store.outbox import outbox
from flows.store.rows import put

LONGEST_SILENCE = timedelta(days=30)
REMEMBERED = timedelta(days=120)        # ended alerts that a new one must not be taken for

alerts = sql.Table(
    "alerts", metadata,
    sql.Column("alert", sql.Text, primary_key=True),
    sql.Column("rule", sql.Text, nullable=False),
    sql.Column("segment_type", sql.Text, nullable=False),
    sql.Column("segment", sql.Text, nullable=False),
    sql.Column("label", sql.Text, nullable=False),
    sql.Column("severity", sql.Text, nullable=False),
    sql.Column("since", sql.Text, nullable=False),              # first day beyond the limit
    sql.Column("fired_on", sql.Text, nullable=False),           # the period with which it fired
    sql.Column("fired_at", sql.Text, nullable=False),
    sql.Column("version", sql.Text, nullable=False),
    sql.Column("group", sql.Text, nullable=False),              # thread of the message it was first told in; '' while nothing was told
    sql.Column("told_at", sql.Text),                            # the last time
    sql.Column("times_told", sql.Integer, nullable=False),
    sql.Column("ladder", sql.Text, nullable=False),             # JSON: the steps as they were when it was first told
    sql.Column("climbed", sql.Integer, nullable=False),
    sql.Column("acknowledged_by", sql.Text),
    sql.Column("acknowledged_at", sql.Text),
    sql.Column("acknowledged_until", sql.Text),                 # null: until it ends
    sql.Column("resolved_on", sql.Text),
    sql.Column("resolved_at", sql.Text),
    sql.Column("resolution", sql.Text),                         # cleared, no data, rule off
)

silences = sql.Table(
    "silences", metadata,
    sql.Column("silence", sql.Text, primary_key=True),
    sql.Column("rule", sql.Text),                               # null: every rule
    sql.Column("segment", sql.Text),                            # null: every segment
    sql.Column("reason", sql.Text, nullable=False),
    sql.Column("by", sql.Text, nullable=False),
    sql.Column("starts_at", sql.Text, nullable=False),
    sql.Column("ends_at", sql.Text, nullable=False),
)

judged_rules = sql.Table(
    "judged_rules", metadata,
    sql.Column("rule", sql.Text, primary_key=True),
    sql.Column("first_as_of", sql.Text, nullable=False),
    sql.Column("last_as_of", sql.Text, nullable=False),
)

alert_log = sql.Table(                          # who did what to which alert, and what was told of it; nothing is ever changed here
    "alert_log", metadata,
    sql.Column("entry", sql.Text, primary_key=True),
    sql.Column("at", sql.Text, nullable=False),
    sql.Column("alert", sql.Text, nullable=False),
    sql.Column("what", sql.Text, nullable=False),
    sql.Column("by", sql.Text, nullable=False),
    sql.Column("note", sql.Text, nullable=False),
)

_INSTANTS = ("fired_at", "told_at", "acknowledged_at", "acknowledged_until", "resolved_at")
_DAYS = ("since", "fired_on", "resolved_on")


class NoSuchAlert(LookupError):
    """Nothing of that name is open; the text says what is."""


class NotAllowed(ValueError):
    """A silence without a reason, or for too long."""


@dataclass(frozen=True, kw_only=True)
class Told:
    """What the ledger knows before an evaluation. last_as_of: the newest day that was evaluated."""

    alerts: tuple[Alert, ...]
    silences: tuple[Silence, ...]
    seen: frozenset[str]
    last_as_of: date | None


def told(connection: sql.Connection) -> Told:
    rules = connection.execute(sql.select(judged_rules)).mappings().all()
    last = max((date.fromisoformat(row["last_as_of"]) for row in rules), default=None)
    since = (last or date.min + REMEMBERED) - REMEMBERED
    rows = connection.execute(sql.select(alerts).where(sql.or_(alerts.c.resolved_on.is_(None), alerts.c.resolved_on >= since.isoformat()))).mappings()
    return Told(
        alerts=tuple(_alert(row) for row in rows), silences=tuple(_silence(row) for row in connection.execute(sql.select(silences)).mappings()),
        seen=frozenset(row["rule"] for row in rules), last_as_of=last)


def save(connection: sql.Connection, changed: Iterable[Alert]) -> None:
    for alert in changed:
        row = asdict(alert)
        row["ladder"] = json.dumps([{**step, "due_at": text(step["due_at"])} for step in row["ladder"]])
        row |= {name: text(row[name]) for name in _INSTANTS}
        row |= {name: None if row[name] is None else row[name].isoformat() for name in _DAYS}
        put(connection, alerts, {"alert": row.pop("alert")}, row)


def mark_judged(connection: sql.Connection, rules: Iterable[str], as_of: date) -> None:
    known = {row.rule for row in connection.execute(sql.select(judged_rules.c.rule))}
    for rule in rules:
        put(connection, judged_rules, {"rule": rule}, {"last_as_of": as_of.isoformat(), **({} if rule in known else {"first_as_of": as_of.isoformat()})})


def log(connection: sql.Connection, *, at: datetime, alert: str, what: str, by: str, note: str = "") -> None:
    connection.execute(sql.insert(alert_log).values(entry=uuid.uuid4().hex, at=text(at), alert=alert, what=what, by=by, note=note))


def acknowledge(connection: sql.Connection, name: str, *, by: str, at: datetime, until: datetime | None = None, note: str = "") -> list[str]:
    """Somebody has an alert, or all open ones that were told in one message (`name`: either). until: None: until it ends. Returns the alerts.

    Raises NoSuchAlert. Saying it again, or somebody else's saying it, replaces what was said; the log keeps both.
    """
    found = [alert.alert for alert in open_ones(connection, name)]
    for alert in found:
        connection.execute(sql.update(alerts).where(alerts.c.alert == alert).values(
            acknowledged_by=by, acknowledged_at=text(at), acknowledged_until=text(until)))
        log(connection, at=at, alert=alert, what="acknowledged", by=by, note=note)
    return found


def silence(
    connection: sql.Connection, *, rule: str | None, segment: str | None, reason: str, by: str, at: datetime, until: datetime,
) -> Silence:
    """Tell nothing of what a rule says (on a segment) until then. Raises NotAllowed without a reason, backwards, or for more than 30 days."""
    if not reason.strip():
        raise NotAllowed("a silence needs a reason: somebody will ask why nothing came")
    if until <= at:
        raise NotAllowed(f"a silence ends after it begins; {until:%Y-%m-%d %H:%M} is over")
    if until - at > LONGEST_SILENCE:
        raise NotAllowed(f"a silence lasts {LONGEST_SILENCE.days} days at most; a rule that nobody wants is switched off: [alerts] off = [...]")
    made = Silence(silence=uuid.uuid4().hex[:12], rule=rule, segment=segment, reason=reason.strip(), by=by, starts_at=at, ends_at=until)
    connection.execute(sql.insert(silences).values(**{**asdict(made), "starts_at": text(at), "ends_at": text(until)}))
    log(connection, at=at, alert=f"{rule or '*'}/{segment or '*'}", what="silenced", by=by, note=f"until {text(until)}: {made.reason}")
    return made


def lift(connection: sql.Connection, name: str, *, by: str, at: datetime) -> None:
    """End a silence now. Raises NoSuchAlert."""
    row = connection.execute(sql.select(silences).where(silences.c.silence == name)).mappings().first()
    if row is None:
        raise NoSuchAlert(f"there is no silence {name}; `meridian alerts list` names them")
    connection.execute(sql.update(silences).where(silences.c.silence == name).values(ends_at=text(at)))
    log(connection, at=at, alert=f"{row['rule'] or '*'}/{row['segment'] or '*'}", what="silence lifted", by=by)


def unheard(connection: sql.Connection, now: datetime) -> list[str]:
    """A sentence for each open alert that no channel was promised, or every channel refused: it fires, and nobody hears of it."""
    of_its_message = sql.func.substr(outbox.c.key, 1, sql.func.length(alerts.c.group) + 1) == alerts.c.group + "/"
    heard = sql.exists().where(of_its_message, outbox.c.state != "refused")
    query = sql.select(alerts.c.alert, alerts.c.fired_at).where(
        alerts.c.resolved_at.is_(None), alerts.c.group != "", alerts.c.fired_at <= text(now), ~heard).order_by(alerts.c.alert)
    return [f"{alert} has fired since {fired_at[:16]} UTC, and no channel has it" for alert, fired_at in connection.execute(query)]


def firing(connection: sql.Connection, rule: str) -> list[tuple[str, str]]:
    """(segment type, segment) of a rule's open alerts."""
    query = sql.select(alerts.c.segment_type, alerts.c.segment).where(alerts.c.rule == rule, alerts.c.resolved_at.is_(None))
    return [(segment_type, segment) for segment_type, segment in connection.execute(query)]


def episodes(connection: sql.Connection) -> list[Alert]:
    """Every alert that there ever was, oldest first."""
    return [_alert(row) for row in connection.execute(sql.select(alerts).order_by(alerts.c.fired_at, alerts.c.alert)).mappings()]


def history(connection: sql.Connection, name: str) -> list[dict[str, Any]]:
    """The log of one alert, oldest first."""
    return [dict(row) for row in connection.execute(sql.select(alert_log).where(alert_log.c.alert == name).order_by(alert_log.c.at)).mappings()]


def happened(connection: sql.Connection, start: datetime, end: datetime) -> list[dict[str, Any]]:
    """The log of all alerts from one instant up to another, the newest first."""
    rows = connection.execute(sql.select(alert_log).where(alert_log.c.at >= text(start), alert_log.c.at < text(end)).order_by(alert_log.c.at.desc()))
    return [dict(row) for row in rows.mappings()]


def find(connection: sql.Connection, name: str) -> Alert:
    """One alert, open or ended. Raises NoSuchAlert."""
    row = connection.execute(sql.select(alerts).where(alerts.c.alert == name)).mappings().first()
    if row is None:
        raise NoSuchAlert(f"there is no alert {name!r}; `meridian alerts list` names them")
    return _alert(row)


def open_ones(connection: sql.Connection, name: str) -> list[Alert]:
    """The open alert of this name, or all that were told in the message of this thread. Raises NoSuchAlert, which names some that are open."""
    is_open = alerts.c.resolved_at.is_(None)
    query = sql.select(alerts).where(is_open, sql.or_(alerts.c.alert == name, alerts.c.group == name)).order_by(alerts.c.alert)
    found = [_alert(row) for row in connection.execute(query).mappings()]
    if not found:
        known = connection.execute(sql.select(alerts.c.alert).where(is_open).order_by(alerts.c.alert).limit(5)).scalars().all()
        raise NoSuchAlert(f"no alert {name!r} is open; open are: {', '.join(known) or 'none'}")
    return found


def _alert(row: Mapping[Any, Any]) -> Alert:
    found: dict[str, Any] = dict(row)
    found |= {name: instant(found[name]) for name in _INSTANTS}
    found |= {name: None if found[name] is None else date.fromisoformat(found[name]) for name in _DAYS}
    found["ladder"] = tuple(Step(**{**step, "due_at": instant(step["due_at"])}) for step in json.loads(found["ladder"]))
    return Alert(**found)


def _silence(row: Mapping[Any, Any]) -> Silence:
    found: dict[str, Any] = dict(row)
    return Silence(**{**found, "starts_at": instant(found["starts_at"]), "ends_at": instant(found["ends_at"])})
