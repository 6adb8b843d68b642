"""What a click does: looking changes nothing (scanners of mail look at every link), pressing does it once, and all of it is written down."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sql

from flows.alerting import links
from flows.alerting.links import Ticket
from flows.alerting.notice import Language
from flows.store import audit, link_uses
from flows.store.ledger import Ledger

State = Literal["open", "done", "used", "over", "forged", "gone"]


@dataclass(frozen=True, kw_only=True)
class Click:
    """by: who pressed: the name that was written, or else whom the link was sent to. to: whom it was sent to, which nobody can write differently."""

    action: str
    subject: str
    by: str
    to: str
    at: datetime
    language: Language


class Gone(Exception):
    """It cannot be done any more; the text says why, in the reader's language."""


@dataclass(frozen=True, kw_only=True)
class Action:
    """title: what the button says. explains: what will happen. describe: what it concerns, in the reader's language; None when there is nothing (any more).
    act: does it, in the transaction that uses the link up and writes it down; returns what is said of it, raises Gone."""

    title: Mapping[Language, str]
    explains: Mapping[Language, str]
    describe: Callable[[sql.Connection, str, Language], str | None]
    act: Callable[[sql.Connection, Click], str]


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What is shown. about: what it concerns. said: what became of it."""

    state: State
    ticket: Ticket | None = None
    action: Action | None = None
    about: str = ""
    said: str = ""


def look(ledger: Ledger, actions: Mapping[str, Action], key: str, token: str, now: datetime) -> Answer:
    """What a link would do. Changes nothing."""
    try:
        ticket = links.read(token, key)
    except links.Forged:
        return Answer(state="forged")
    with ledger.begin() as connection:
        return _found(connection, actions, ticket, now)


def press(ledger: Ledger, actions: Mapping[str, Action], key: str, token: str, *, name: str, address: str, now: datetime) -> Answer:
    """Do what a link says. name: as the reader wrote it. address: of the reader's computer. Every press is written down, whatever comes of it."""
    try:
        ticket = links.read(token, key)
    except links.Forged:
        with ledger.begin() as connection:
            audit.append(connection, at=now, who="unknown", what="pressed a forged link", subject="", detail={"address": address})
        return Answer(state="forged")
    by = f"{name} ({ticket.to})" if name else ticket.to
    try:
        with ledger.begin() as connection:
            answer = _found(connection, actions, ticket, now)
            if answer.state == "open" and answer.action:
                link_uses.use(connection, ticket.nonce, by=by, at=now, expires=ticket.expires)
                said = answer.action.act(connection, Click(
                    action=ticket.action, subject=ticket.subject, by=by, to=ticket.to, at=now, language=ticket.language))
                answer = Answer(state="done", ticket=ticket, action=answer.action, about=answer.about, said=said)
                _write_down(connection, answer, ticket, by, address, now)
                return answer
    except sql.exc.IntegrityError:                  # pressed twice at the same moment, on a database that lets both begin
        with ledger.begin() as connection:
            answer = _found(connection, actions, ticket, now)
        if answer.state == "open":
            raise
    except Gone as gone:                            # nothing was changed, the link is not used up
        answer = Answer(state="gone", ticket=ticket, said=str(gone))
    with ledger.begin() as connection:
        _write_down(connection, answer, ticket, by, address, now)
    return answer


def _found(connection: sql.Connection, actions: Mapping[str, Action], ticket: Ticket, now: datetime) -> Answer:
    action = actions.get(ticket.action)
    if action is None:
        return Answer(state="gone", ticket=ticket)
    if ticket.is_over(now):
        return Answer(state="over", ticket=ticket, action=action)
    if used := link_uses.used(connection, ticket.nonce):
        return Answer(state="used", ticket=ticket, action=action, said=f"{used[0]:%Y-%m-%d %H:%M} UTC, {used[1]}")
    about = action.describe(connection, ticket.subject, ticket.language)
    return Answer(state="open" if about is not None else "gone", ticket=ticket, action=action, about=about or "")


def _write_down(connection: sql.Connection, answer: Answer, ticket: Ticket, by: str, address: str, now: datetime) -> None:
    audit.append(connection, at=now, who=by, what=f"pressed {ticket.action}", subject=ticket.subject,
                 detail={"result": answer.state, "said": answer.said, "address": address, "link": ticket.nonce})
