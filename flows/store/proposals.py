"""What playbooks proposed, for which piece of work, and what people said to it.

A *work episode* is a piece of work from the published version in which its list first has it to the one that no longer does; when it comes back, that is
another. An episode has one current proposal, whatever the number of nights on which the row stands there; where the row, the playbook or the target would
now lead to other parameters, the proposal is replaced, and who agreed to the old one has agreed to nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

import sqlalchemy as sql

from flows.store import audit
from flows.store.ledger import instant, metadata, text
from flows.store.rows import put

episodes = sql.Table(
    "work_episodes", metadata,
    sql.Column("playbook", sql.Text, primary_key=True),
    sql.Column("work_key", sql.Text, primary_key=True),
    sql.Column("episode", sql.Integer, primary_key=True, autoincrement=False),
    sql.Column("came_at", sql.Text, nullable=False),
    sql.Column("came_in", sql.Text, nullable=False),        # data version
    sql.Column("gone_at", sql.Text),
    sql.Column("gone_in", sql.Text),
)

planned_lists = sql.Table(                                  # how far each playbook has looked at its list
    "planned_lists", metadata,
    sql.Column("playbook", sql.Text, primary_key=True),
    sql.Column("data_version", sql.Text, nullable=False),
    sql.Column("as_of", sql.Text, nullable=False),
    sql.Column("at", sql.Text, nullable=False),
)

proposals = sql.Table(
    "proposals", metadata,
    sql.Column("proposal", sql.Text, primary_key=True),
    sql.Column("playbook", sql.Text, nullable=False),
    sql.Column("version", sql.Text, nullable=False),        # of the playbook
    sql.Column("work_key", sql.Text, nullable=False),
    sql.Column("episode", sql.Integer, nullable=False),
    sql.Column("current", sql.Text, unique=True),           # playbook/work_key/episode of the one that counts; null of those that were replaced
    sql.Column("data_version", sql.Text, nullable=False),
    sql.Column("ask", sql.Text, nullable=False),            # those that were proposed together, and are agreed to together
    sql.Column("place", sql.Integer, nullable=False),       # in the ask: the canary is the first
    sql.Column("mode", sql.Text, nullable=False),
    sql.Column("row", sql.Text, nullable=False),            # JSON: the worklist's row
    sql.Column("writes", sql.Text, nullable=False),         # JSON: for each step number, do, target, parameters, before, wanted
    sql.Column("exact", sql.Text, nullable=False),          # hash of the playbook's version and the writes: what is agreed to
    sql.Column("state", sql.Text, nullable=False),          # see STATES
    sql.Column("reason", sql.Text, nullable=False),
    sql.Column("proposed_by", sql.Text, nullable=False),    # '' : nobody asked for it, the list did
    sql.Column("proposed_at", sql.Text, nullable=False),
    sql.Column("expires_at", sql.Text, nullable=False),
    sql.Column("escalated_at", sql.Text),
    sql.Column("begun_at", sql.Text),
    sql.Column("ended_at", sql.Text),
    sql.Index("proposals_by_ask", "ask"),
)

approvals = sql.Table(
    "approvals", metadata,
    sql.Column("proposal", sql.Text, primary_key=True),
    sql.Column("purpose", sql.Text, primary_key=True),      # do, undo
    sql.Column("who", sql.Text, primary_key=True),          # the role or person, not the name that somebody wrote; 'caps': it was within them
    sql.Column("decision", sql.Text, nullable=False),       # approve, reject
    sql.Column("via", sql.Text, nullable=False),            # link, terminal, ui, caps
    sql.Column("by", sql.Text, nullable=False),             # as they called themselves
    sql.Column("exact", sql.Text, nullable=False),
    sql.Column("at", sql.Text, nullable=False),
    sql.Column("expires_at", sql.Text, nullable=False),
)

accounts = sql.Table(                                       # of the operating system, behind what people asked for and said, as far as it is known
    "proposal_accounts", metadata,
    sql.Column("proposal", sql.Text, primary_key=True),
    sql.Column("purpose", sql.Text, primary_key=True),      # ask, do
    sql.Column("who", sql.Text, primary_key=True),          # the role
    sql.Column("account", sql.Text, nullable=False),
)

# noted (shadow), listed (propose), asked, approved; then done, undone, accepted (by people, who do it by hand), failed, handed_over, rejected, expired,
# gone (the work went away before anything was done), replaced
OPEN = ("noted", "listed", "asked", "approved")
CAPS = "caps"
_INSTANTS = ("proposed_at", "expires_at", "escalated_at", "begun_at", "ended_at")


class NoSuchProposal(LookupError):
    """Nothing of that name; the text says what is there."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    proposal: str
    playbook: str
    version: str
    work_key: str
    episode: int
    data_version: str
    ask: str
    place: int
    mode: str
    row: Mapping[str, Any]
    writes: Sequence[Mapping[str, Any]]
    exact: str
    state: str
    reason: str
    proposed_by: str
    proposed_at: datetime
    expires_at: datetime
    escalated_at: datetime | None = None
    begun_at: datetime | None = None
    ended_at: datetime | None = None

    @property
    def current(self) -> str:
        return f"{self.playbook}/{self.work_key}/{self.episode}"


@dataclass(frozen=True, kw_only=True)
class Approval:
    who: str
    purpose: str
    decision: str
    via: str
    by: str
    exact: str
    at: datetime
    expires_at: datetime


def exact(version: str, writes: Sequence[Mapping[str, Any]]) -> str:
    return hashlib.sha256(json.dumps([version, [dict(write) for write in writes]], ensure_ascii=False, sort_keys=True).encode()).hexdigest()


def last_list(connection: sql.Connection, playbook: str) -> tuple[str, date, datetime] | None:
    """(data version, as of, when) of the list that was looked at last."""
    row = connection.execute(sql.select(planned_lists).where(planned_lists.c.playbook == playbook)).mappings().first()
    at = instant(row["at"]) if row else None
    return (row["data_version"], date.fromisoformat(row["as_of"]), at) if row and at else None


def mark_list(connection: sql.Connection, playbook: str, *, data_version: str, as_of: date, at: datetime) -> None:
    put(connection, planned_lists, {"playbook": playbook}, {"data_version": data_version, "as_of": as_of.isoformat(), "at": text(at)})


def last_episodes(connection: sql.Connection, playbook: str) -> dict[str, tuple[int, bool]]:
    """work_key -> its last episode, and whether the work is there."""
    query = sql.select(episodes.c.work_key, episodes.c.episode, episodes.c.gone_at).where(episodes.c.playbook == playbook).order_by(episodes.c.episode)
    return {work_key: (episode, gone_at is None) for work_key, episode, gone_at in connection.execute(query)}


def come(connection: sql.Connection, playbook: str, work_key: str, *, data_version: str, at: datetime) -> int:
    """The work is there: its episode, a new one where it was gone."""
    last = connection.execute(sql.select(episodes.c.episode, episodes.c.gone_at).where(
        episodes.c.playbook == playbook, episodes.c.work_key == work_key).order_by(episodes.c.episode.desc()).limit(1)).first()
    if last is not None and last.gone_at is None:
        return int(last.episode)
    number = last.episode + 1 if last else 1
    connection.execute(sql.insert(episodes).values(
        playbook=playbook, work_key=work_key, episode=number, came_at=text(at), came_in=data_version))
    return int(number)


def go(connection: sql.Connection, playbook: str, work_key: str, *, data_version: str, at: datetime) -> None:
    connection.execute(sql.update(episodes).where(
        episodes.c.playbook == playbook, episodes.c.work_key == work_key, episodes.c.gone_at.is_(None)).values(gone_at=text(at), gone_in=data_version))


def left(connection: sql.Connection, playbook: str, since: datetime, *, suffix: str) -> list[tuple[Proposal, date]]:
    """What was begun for work that has gone since then and whose closing (work_key + suffix) was not proposed yet; with the day as of which it was gone."""
    closing = proposals.alias()
    there = sql.exists().where(closing.c.current == proposals.c.playbook + "/" + proposals.c.work_key + f"{suffix}/" + sql.cast(proposals.c.episode, sql.Text))
    query = sql.select(proposals, episodes.c.gone_in).join(episodes, sql.and_(
        episodes.c.playbook == proposals.c.playbook, episodes.c.work_key == proposals.c.work_key, episodes.c.episode == proposals.c.episode,
    )).where(proposals.c.playbook == playbook, proposals.c.current.is_not(None), proposals.c.state.in_(("done", "failed", "handed_over")),
             proposals.c.begun_at.is_not(None), episodes.c.gone_at >= text(since), ~there).order_by(proposals.c.proposed_at, proposals.c.place)
    return [(_proposal(row), date.fromisoformat(row["gone_in"][:10])) for row in connection.execute(query).mappings()]


def add(connection: sql.Connection, made: Proposal, *, account: str = "") -> None:
    """Write down a proposal, in the place of the one that its episode had. account: of the operating system, of whoever asked for it."""
    old = connection.execute(sql.select(proposals.c.proposal).where(proposals.c.current == made.current)).scalar()
    if old is not None:
        move(connection, old, "replaced", at=made.proposed_at, who=made.playbook, reason=f"by {made.proposal}")
    row = {name: getattr(made, name) for name in Proposal.__dataclass_fields__} | {"current": made.current}
    row |= {name: text(row[name]) for name in _INSTANTS} | {name: json.dumps(row[name], ensure_ascii=False, sort_keys=True) for name in ("row", "writes")}
    connection.execute(sql.insert(proposals).values(**row))
    if made.proposed_by and account:
        keep_account(connection, made.proposal, "ask", made.proposed_by, account)
    audit.append(connection, at=made.proposed_at, who=made.proposed_by or made.playbook, what="proposed", subject=made.proposal, detail={
        "work": made.current, "state": made.state, "exact": made.exact, "writes": [dict(write) for write in made.writes], "reason": made.reason,
        **({"account": account} if made.proposed_by and account else {})})


def move(
    connection: sql.Connection, proposal: str, state: str, *, at: datetime, who: str, reason: str = "", was: Sequence[str] | None = None,
    detail: Mapping[str, Any] | None = None,
) -> bool:
    """Compare and set: False where it is no longer in one of the states `was`. What happened goes into the chain with it."""
    where = [proposals.c.proposal == proposal, *([proposals.c.state.in_(was)] if was is not None else [])]
    values: dict[str, Any] = {"state": state, "reason": reason, "ended_at": None if state in OPEN else text(at)}
    if state == "replaced":
        values["current"] = None
    if state in ("gone", "asked"):          # taken into hands at most: nothing was sent
        values["begun_at"] = None
    if not connection.execute(sql.update(proposals).where(*where).values(**values)).rowcount:
        return False
    audit.append(connection, at=at, who=who, what=f"proposal {state}", subject=proposal, detail={"reason": reason, **(detail or {})})
    return True


def find(connection: sql.Connection, name: str) -> list[Proposal]:
    """The proposal of this name, or of this beginning, or all of this ask. Raises NoSuchProposal, which names some that are open."""
    is_it = sql.or_(proposals.c.proposal == name, proposals.c.ask == name, *([proposals.c.proposal.startswith(name, autoescape=True)] if len(name) > 5 else []))
    found = select(connection, is_it)
    if not found:
        known = connection.execute(sql.select(proposals.c.proposal).where(proposals.c.state.in_(OPEN)).order_by(proposals.c.proposed_at).limit(5)).scalars()
        raise NoSuchProposal(f"there is no proposal {name!r}; open are: {', '.join(known) or 'none'}")
    return found


def select(connection: sql.Connection, *where: Any) -> list[Proposal]:
    query = sql.select(proposals).where(*where).order_by(proposals.c.proposed_at, proposals.c.ask, proposals.c.place)
    return [_proposal(row) for row in connection.execute(query).mappings()]


def current(connection: sql.Connection, playbook: str, states: Iterable[str] | None = None) -> dict[tuple[str, int], Proposal]:
    """(work_key, episode) -> the proposal that counts."""
    where = [proposals.c.playbook == playbook, proposals.c.current.is_not(None), *([proposals.c.state.in_(list(states))] if states else [])]
    return {(one.work_key, one.episode): one for one in select(connection, *where)}


def _proposal(row: sql.RowMapping) -> Proposal:
    found: dict[str, Any] = {name: row[name] for name in Proposal.__dataclass_fields__}
    found |= {name: instant(found[name]) for name in _INSTANTS} | {name: json.loads(found[name]) for name in ("row", "writes")}
    return Proposal(**found)


def decide(connection: sql.Connection, proposal: str, said: Approval) -> bool:
    """Keep what somebody said; False where they have said something already."""
    row = {**{name: getattr(said, name) for name in Approval.__dataclass_fields__}, "at": text(said.at), "expires_at": text(said.expires_at)}
    there = sql.select(approvals.c.who).where(approvals.c.proposal == proposal, approvals.c.purpose == said.purpose, approvals.c.who == said.who)
    if connection.execute(there).first():
        return False
    connection.execute(sql.insert(approvals).values(proposal=proposal, **row))
    return True


def decisions(connection: sql.Connection, proposal: str, purpose: str = "do") -> list[Approval]:
    query = sql.select(approvals).where(approvals.c.proposal == proposal, approvals.c.purpose == purpose).order_by(approvals.c.at)
    found = []
    for row in connection.execute(query).mappings():
        at, expires = instant(row["at"]), instant(row["expires_at"])
        assert at is not None and expires is not None
        found.append(Approval(**{**{name: row[name] for name in Approval.__dataclass_fields__}, "at": at, "expires_at": expires}))
    return found


def keep_account(connection: sql.Connection, proposal: str, purpose: str, who: str, account: str) -> None:
    put(connection, accounts, {"proposal": proposal, "purpose": purpose, "who": who}, {"account": account})


def accounts_of(connection: sql.Connection, proposal: str, purpose: str) -> set[str]:
    """Who asked for it (`ask`), or decided on it (`do`), as the operating system knows them."""
    return set(connection.execute(sql.select(accounts.c.account).where(accounts.c.proposal == proposal, accounts.c.purpose == purpose)).scalars())


def void(connection: sql.Connection, proposal: str) -> None:
    """What was said to a proposal counts no more: it asks again. The chain keeps it."""
    connection.execute(sql.delete(approvals).where(approvals.c.proposal == proposal))
    connection.execute(sql.delete(accounts).where(accounts.c.proposal == proposal, accounts.c.purpose == "do"))


def escalate(connection: sql.Connection, proposal: str, at: datetime) -> bool:
    return bool(connection.execute(sql.update(proposals).where(
        proposals.c.proposal == proposal, proposals.c.state == "asked", proposals.c.escalated_at.is_(None)).values(escalated_at=text(at))).rowcount)


def prolong(connection: sql.Connection, proposal: str, until: datetime) -> None:
    """It asks anew: as long as a new one would, and escalates anew."""
    connection.execute(sql.update(proposals).where(proposals.c.proposal == proposal).values(expires_at=text(until), escalated_at=None))


def begin(connection: sql.Connection, proposal: str, at: datetime) -> None:
    connection.execute(sql.update(proposals).where(proposals.c.proposal == proposal, proposals.c.begun_at.is_(None)).values(begun_at=text(at)))


def by_caps(connection: sql.Connection, playbook: str, since: datetime) -> list[Proposal]:
    """What a playbook was allowed to do by itself, of what it proposed since then."""
    of_caps = sql.select(approvals.c.proposal).where(approvals.c.who == CAPS)
    return select(connection, proposals.c.playbook == playbook, proposals.c.proposed_at >= text(since), proposals.c.proposal.in_(of_caps))
