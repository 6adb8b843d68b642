"""Intents: one step of one proposal, to be done once in another system. The row is there before the request leaves, and is ended by what was seen there.

    planned → sending → verified                 the target has what was wanted
                      → failed                   the target said no, for good
                      → waiting → sending ...    nothing was done, later it may work
                      → unknown → ...            it may have been done: looked at once it has settled, then verified, sent again, or handed over
                      → handed_over              a person decides, with the evidence
    planned, waiting → cancelled                 it was not sent, and will not be

Nothing is sent but by whoever turned the row to `sending`, in a transaction that came before; who dies behind it leaves a row that says so. Whoever
comes back after having been taken for dead finds that `attempts` has moved on, and changes nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sql

from flows.store import audit
from flows.store.leases import myself, owner_is_dead
from flows.store.ledger import Ledger, instant, metadata, text
from flows.store.proposals import approvals, proposals

intents = sql.Table(
    "intents", metadata,
    sql.Column("intent", sql.Text, primary_key=True),
    sql.Column("proposal", sql.Text, nullable=False),
    sql.Column("purpose", sql.Text, nullable=False),        # do, undo
    sql.Column("playbook", sql.Text, nullable=False),
    sql.Column("work_key", sql.Text, nullable=False),
    sql.Column("step", sql.Integer, nullable=False),
    sql.Column("turn", sql.Integer, nullable=False),        # those of a lower turn come first, and all must be verified
    sql.Column("target", sql.Text, nullable=False),
    sql.Column("action", sql.Text, nullable=False),
    sql.Column("parameters", sql.Text, nullable=False),     # JSON, as are before, wanted, after
    sql.Column("before", sql.Text, nullable=False),
    sql.Column("wanted", sql.Text, nullable=False),
    sql.Column("after", sql.Text),
    sql.Column("state", sql.Text, nullable=False),
    sql.Column("reason", sql.Text, nullable=False),
    sql.Column("open_key", sql.Text, unique=True),          # playbook/work_key/step while it is open: at most one is; null afterwards
    sql.Column("attempts", sql.Integer, nullable=False),    # how often it was sent
    sql.Column("delays", sql.Integer, nullable=False),      # how often the target was not to be had
    sql.Column("due_at", sql.Text, nullable=False),
    sql.Column("owner", sql.Text),
    sql.Column("lease_until", sql.Text),
    sql.Column("planned_at", sql.Text, nullable=False),
    sql.Column("sent_at", sql.Text),                        # the last time
    sql.Column("answered_at", sql.Text),                    # the target said yes to the last sending
    sql.Column("ended_at", sql.Text),
    sql.Index("intents_by_state", "state", "due_at"),
    sql.Index("intents_by_proposal", "proposal"),
)

OPEN = ("planned", "sending", "waiting", "unknown")
LEASE = timedelta(minutes=10)           # longer than any action's longest silence; robots extend it with every item they take
_INSTANTS = ("due_at", "planned_at", "sent_at", "answered_at", "ended_at")
_JSON = ("parameters", "before", "wanted", "after")


@dataclass(frozen=True, kw_only=True)
class Intent:
    intent: str
    proposal: str
    purpose: str
    playbook: str
    work_key: str
    step: int
    turn: int
    target: str
    action: str
    parameters: Mapping[str, str]
    before: Mapping[str, Any]
    wanted: Mapping[str, Any]
    state: str
    due_at: datetime
    planned_at: datetime
    after: Mapping[str, Any] | None = None
    reason: str = ""
    attempts: int = 0
    delays: int = 0
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def marker(self) -> str:
        """What a target can find it by: lower case letters, digits and '-', at most 40."""
        return marker_of(self.intent)


def marker_of(intent: str) -> str:
    return f"meridian-{intent[:28]}"


def name_of(version: str, target: str, episode: str, purpose: str, step: int, action: str, parameters: Mapping[str, str]) -> str:
    """An intent's name: the same piece of work, asked the same, is the same intent."""
    return hashlib.sha256(written([version, target, episode, purpose, step, action, dict(parameters)]).encode()).hexdigest()


def plan(connection: sql.Connection, made: Intent, *, who: str) -> bool:
    """Write an intent down; False where it is there already; one that was cancelled was certainly not done, and is planned anew. Raises IntegrityError
    where another one is open for this work and step."""
    connection.execute(sql.delete(intents).where(intents.c.intent == made.intent, intents.c.state == "cancelled"))
    if connection.execute(sql.select(intents.c.intent).where(intents.c.intent == made.intent)).first():
        return False
    row = {name: getattr(made, name) for name in Intent.__dataclass_fields__}
    row |= {name: text(row[name]) for name in _INSTANTS}
    row |= {name: None if row[name] is None else written(row[name]) for name in _JSON}
    connection.execute(sql.insert(intents).values(**row, open_key=f"{made.playbook}/{made.work_key}/{made.step}"))
    audit.append(connection, at=made.planned_at, who=who, what="intent planned", subject=made.intent, detail={
        "proposal": made.proposal, "purpose": made.purpose, "target": made.target, "action": made.action, "parameters": dict(made.parameters)})
    return True


def due(connection: sql.Connection, now: datetime, targets: Collection[str] | None = None) -> list[Intent]:
    """What may be taken now: due, in nobody's hands, and with all that comes before it verified. First what is unknown: it holds others up."""
    before = intents.alias()
    unfinished = sql.exists().where(
        before.c.proposal == intents.c.proposal, before.c.purpose == intents.c.purpose, before.c.turn < intents.c.turn, before.c.state != "verified")
    place = sql.select(proposals.c.place).where(proposals.c.proposal == intents.c.proposal).scalar_subquery()
    query = sql.select(intents).where(
        intents.c.state.in_(("planned", "waiting", "unknown")), intents.c.due_at <= text(now), ~unfinished,
        *([] if targets is None else [intents.c.target.in_(list(targets))]),
    ).order_by(intents.c.state != "unknown", intents.c.due_at, intents.c.planned_at, place, intents.c.proposal, intents.c.turn)
    return [_intent(row) for row in connection.execute(query).mappings() if _is_free(row, now)]


def claim(connection: sql.Connection, intent: Intent, now: datetime) -> bool:
    """Take it into this process's hands; nothing is sent yet."""
    where = (intents.c.intent == intent.intent, intents.c.state == intent.state, intents.c.attempts == intent.attempts)
    row = connection.execute(sql.select(intents).where(*where)).mappings().first()
    if row is None or not _is_free(row, now):
        return False
    taken = connection.execute(sql.update(intents).where(*where, _same(intents.c.owner, row["owner"])).values(owner=myself(), lease_until=text(now + LEASE)))
    return bool(taken.rowcount)


def sending(connection: sql.Connection, intent: Intent, now: datetime) -> bool:
    """From this commit on it may be done. False where it is not in our hands any more."""
    moved = connection.execute(sql.update(intents).where(
        intents.c.intent == intent.intent, intents.c.owner == myself(), intents.c.state == intent.state, intents.c.attempts == intent.attempts,
    ).values(state="sending", attempts=intent.attempts + 1, sent_at=text(now), answered_at=None, lease_until=text(now + LEASE))).rowcount
    if moved:
        audit.append(connection, at=now, who=intent.playbook, what="intent sending", subject=intent.intent, detail={"attempt": intent.attempts + 1})
    return bool(moved)


def answered(connection: sql.Connection, intent: Intent, now: datetime) -> bool:
    """The target said yes to the sending that `intent` is about."""
    return bool(connection.execute(sql.update(intents).where(
        intents.c.intent == intent.intent, intents.c.attempts == intent.attempts, intents.c.state == "sending").values(answered_at=text(now))).rowcount)


def move(
    connection: sql.Connection, intent: Intent, state: str, *, at: datetime, reason: str = "", due_at: datetime | None = None,
    after: Mapping[str, Any] | None = None, delayed: bool = False, who: str = "",
) -> bool:
    """What became of it, as `intent` says it was taken; False where it has moved on since. Out of our hands with it."""
    values: dict[str, Any] = {"state": state, "reason": reason, "owner": None, "lease_until": None, "delays": intent.delays + delayed}
    if due_at is not None:
        values["due_at"] = text(due_at)
    if after is not None:
        values["after"] = written(dict(after))
    if state not in OPEN:
        values |= {"ended_at": text(at), "open_key": None}
    moved = connection.execute(sql.update(intents).where(
        intents.c.intent == intent.intent, intents.c.attempts == intent.attempts, intents.c.state == intent.state).values(**values)).rowcount
    if moved and (state != intent.state or reason != intent.reason):
        audit.append(connection, at=at, who=who or intent.playbook, what=f"intent {state}", subject=intent.intent, detail={
            "reason": reason, **({"after": dict(after)} if after is not None else {})})
    return bool(moved)


def recover(connection: sql.Connection, now: datetime, settles: Mapping[str, timedelta]) -> list[Intent]:
    """What was being sent by somebody who is gone may have been done: it is unknown, to be looked at once it has settled. settles: action -> time."""
    found = []
    for row in connection.execute(sql.select(intents).where(intents.c.state == "sending")).mappings():
        if _is_free(row, now):
            intent = _intent(row)
            assert intent.sent_at is not None
            if move(connection, intent, "unknown", at=now, reason="whoever sent it is gone",
                    due_at=intent.sent_at + settles.get(intent.action, LEASE)):
                found.append(intent)
    return found


def is_open(connection: sql.Connection, playbook: str, work_key: str) -> bool:
    """Whether something is under way for a piece of work."""
    query = sql.select(intents.c.intent).where(intents.c.playbook == playbook, intents.c.work_key == work_key, intents.c.state.in_(OPEN)).limit(1)
    return connection.execute(query).first() is not None


def stuck(connection: sql.Connection, before: datetime) -> list[Intent]:
    """What left before an instant and is not ended yet: being sent still, or not known whether it was done."""
    query = sql.select(intents).where(intents.c.state.in_(("sending", "unknown")), intents.c.sent_at < text(before)).order_by(intents.c.sent_at)
    return [_intent(row) for row in connection.execute(query).mappings()]


def of_proposal(connection: sql.Connection, proposal: str, purpose: str | None = None) -> list[Intent]:
    where = [intents.c.proposal == proposal, *([intents.c.purpose == purpose] if purpose else [])]
    return [_intent(row) for row in connection.execute(sql.select(intents).where(*where).order_by(intents.c.planned_at, intents.c.turn)).mappings()]


def get(connection: sql.Connection, intent: str) -> Intent:
    return _intent(connection.execute(sql.select(intents).where(intents.c.intent == intent)).mappings().one())


def done(ledger: Ledger) -> list[tuple[Any, ...]]:
    """Every intent, oldest first: intent, proposal, playbook, purpose, work_key, step, target, action, mode, who agreed, state, attempts; then as text
    when it was proposed, planned and ended."""
    who = sql.select(sql.func.min(approvals.c.who)).where(
        approvals.c.proposal == intents.c.proposal, approvals.c.purpose == intents.c.purpose, approvals.c.decision == "approve").scalar_subquery()
    columns = [intents.c[name] for name in ("intent", "proposal", "playbook", "purpose", "work_key", "step", "target", "action")]
    query = sql.select(
        *columns, proposals.c.mode, who, intents.c.state, intents.c.attempts, proposals.c.proposed_at, intents.c.planned_at, intents.c.ended_at,
    ).join(proposals, proposals.c.proposal == intents.c.proposal).order_by(intents.c.planned_at, intents.c.intent)
    with ledger.begin() as connection:
        return [tuple(row) for row in connection.execute(query)]


def cancel(connection: sql.Connection, of_proposals: Sequence[str], *, at: datetime, reason: str, who: str) -> None:
    """What was never sent of these proposals is not sent any more."""
    query = sql.select(intents).where(intents.c.proposal.in_(list(of_proposals)), intents.c.state.in_(("planned", "waiting")))
    for row in connection.execute(query).mappings().all():
        move(connection, _intent(row), "cancelled", at=at, reason=reason, who=who)


def written(value: Any) -> str:
    """JSON in the one way in which it is written here."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def _is_free(row: sql.RowMapping, now: datetime) -> bool:
    return row["owner"] is None or owner_is_dead(row["owner"]) or row["lease_until"] < (text(now) or "")


def _same(column: Any, value: str | None) -> Any:
    return column.is_(None) if value is None else column == value


def _intent(row: sql.RowMapping) -> Intent:
    found: dict[str, Any] = {name: row[name] for name in Intent.__dataclass_fields__}
    found |= {name: instant(found[name]) for name in _INSTANTS} | {name: None if found[name] is None else json.loads(found[name]) for name in _JSON}
    return Intent(**found)
