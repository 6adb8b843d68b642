"""Look at the published lists and propose: once for each episode of a piece of work, with what is there and what would be there.

When nothing runs by itself although the mode is `auto`: over a cap; a source that was not read in time; a version of a day that was planned before (a
backfill, a rebuild, a rollback: what it brings up is not news, a person looks first). A version of an earlier day is not looked at at all. What is on a
list when a playbook sees it first may be old: within the caps it runs, the first of it alone.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sql

from flows.automation import agreement, approvals, gone, notices
from flows.automation.contract import ActionError, Refused, holds
from flows.automation.engine import Engine, Found, mode_of, sessions
from flows.automation.plan import OF_MODE, Work, chosen, over_cap, work_of
from flows.automation.playbook import Mode, Playbook
from flows.store import intents, leases, proposals, switches
from flows.store.intents import written
from flows.store.proposals import Proposal

STATES = {"is noted": "noted", "is listed": "listed", "asks": "asked", "runs": "asked"}
REPLACEABLE = ("noted", "listed", "asked", "approved", "handed_over", "gone")
Session = Callable[[str], Any]


@dataclass(frozen=True, kw_only=True)
class _Look:
    """What a playbook sees: its list, and what the ledger knows."""

    found: Found
    mode: Mode
    last: tuple[str, Any, datetime] | None
    episodes: Mapping[str, tuple[int, bool]]
    current: Mapping[tuple[str, int], Proposal]

    @property
    def is_new(self) -> bool:
        return self.last is None or self.last[0] != self.found.version

    def episode(self, key: str) -> int:
        """The work's episode; the next one where it was gone."""
        number, is_open = self.episodes.get(key, (0, False))
        return number if is_open else number + 1

    @property
    def is_again(self) -> bool:
        """A day that was planned before, in another version."""
        return self.last is not None and self.is_new and self.last[1] == self.found.as_of

    @property
    def tells_what_is_gone(self) -> bool:
        """A row that a frozen source or a rebuilt past does not bring up may be there in truth; the next night tells."""
        return self.is_new and not self.is_again and not self.found.stale


def propose(engine: Engine, *, only: str | None = None, by: str = "") -> Counter[str]:
    """Look at every list that is due; how many proposals were made, by state. by: who asked for it; '' where a schedule did."""
    done: Counter[str] = Counter()
    for name, playbook in engine.playbooks.items():
        if only not in (None, name):
            continue
        try:
            with leases.lease(engine.ledger, f"automate/{name}", purpose=f"proposing by {name}", now=engine.clock(), lasts=timedelta(hours=1)):
                done += _propose(engine, playbook, by)
                done += _close(engine, playbook, by)
        except leases.LeaseTaken:
            done["looked at elsewhere"] += 1
        except LookupError:                     # the list is not published here: no source tells it
            continue
    return done


def _propose(engine: Engine, playbook: Playbook, by: str) -> Counter[str]:
    now = engine.clock()
    look = _look(engine, playbook)
    if look is None or not _is_due(engine, playbook, look, now):
        return Counter()
    new: list[Proposal] = []
    seen: list[tuple[Proposal, bool]] = []
    waits = 0
    with sessions(engine) as session:
        for row in chosen(playbook, look.found.rows, look.found.firing):
            work = work_of(playbook, row)
            if not _is_news(playbook, look, work):
                continue
            try:
                new.append(_made(engine, playbook, look, session, work, by, now))
            except ActionError:                 # not to be had just now: the next look at the list, in minutes, makes up for it
                waits += 1
        there = {str(row["work_key"]) for row in look.found.rows}
        left = [key for key, (_, is_open) in look.episodes.items() if is_open and key not in there] if look.tells_what_is_gone else []
        for key in left:
            one = look.current.get((key, look.episode(key)))
            if one is not None and one.state == "noted" and (is_so := agreement.seen(engine, session, one)) is not None:
                seen.append((one, is_so))
    with engine.write() as connection:
        if mode_of(playbook, switches.read(connection)) != look.mode:
            return Counter()                    # a switch was turned while we looked
        agreement.book(connection, seen, now)
        for key in left:
            _withdraw(connection, playbook, look, key, now)
        made = _write_down(connection, engine, playbook, look, new, now)
        proposals.mark_list(connection, playbook.playbook, data_version=look.found.version, as_of=look.found.as_of, at=now)
    return made + Counter({"waits for its target": waits} if waits else {})


def _close(engine: Engine, playbook: Playbook, by: str) -> Counter[str]:
    """Propose what is to be done for work that has gone."""
    now, waits = engine.clock(), 0
    with engine.ledger.begin() as connection:
        mode, last = mode_of(playbook, switches.read(connection)), proposals.last_list(connection, playbook.playbook)
        left = gone.left(connection, playbook, now)
    if not left or mode in ("off", "shadow") or last is None or (found := engine.found(playbook)).as_of < last[1]:
        return Counter()
    closing = gone.closing(playbook)
    look = _Look(found=replace(found, rows=()), mode=mode, last=last, current={},
                 episodes={str(one.row["work_key"]): (one.proposal.episode, True) for one in left})
    new: list[Proposal] = []
    with sessions(engine) as session:
        for one in left:
            try:
                if (work := gone.work(playbook, one, engine.actions, session)) is not None:
                    new.append(_made(engine, closing, look, session, work, by, now))
            except ActionError:
                waits += 1
    with engine.write() as connection:
        if mode_of(playbook, switches.read(connection)) != mode:
            return Counter()
        return _write_down(connection, engine, closing, look, new, now) + Counter({"waits for its target": waits} if waits else {})


def _look(engine: Engine, playbook: Playbook) -> _Look | None:
    with engine.ledger.begin() as connection:
        mode = mode_of(playbook, switches.read(connection))
        look = None if mode == "off" else (
            mode, proposals.last_list(connection, playbook.playbook), proposals.last_episodes(connection, playbook.playbook),
            proposals.current(connection, playbook.playbook))
    if look is None:
        return None
    return _Look(found=engine.found(playbook), mode=look[0], last=look[1], episodes=look[2], current=look[3])


def _is_due(engine: Engine, playbook: Playbook, look: _Look, now: datetime) -> bool:
    if look.last is None:
        return True
    if look.found.as_of < look.last[1]:
        return False
    schedule = playbook.when.schedule
    return schedule is None or not look.is_new or look.last[2] < schedule.last(now, engine.zone)


def _is_news(playbook: Playbook, look: _Look, work: Work) -> bool:
    """Whether its episode has no proposal, or one that nobody has begun and that would be another one now."""
    one = look.current.get((work.key, look.episode(work.key)))
    if one is None:
        return True
    if one.state not in REPLACEABLE or one.begun_at is not None:
        return False
    plain = [{name: write[name] for name in ("number", "do", "target", "parameters")} for write in one.writes]
    would = [_plain(write) for write in work.writes]
    if one.state in ("handed_over", "gone"):
        return not work.lacking and would != plain
    return one.version != playbook.version or one.mode != look.mode or would != plain


def _plain(write: Any) -> dict[str, Any]:
    return {"number": write.number, "do": write.do, "target": write.target, "parameters": dict(write.parameters)}


def _made(engine: Engine, playbook: Playbook, look: _Look, session: Session, work: Work, by: str, now: datetime) -> Proposal:
    """The proposal of a row. Raises ActionError where its target is not to be had."""
    verdict, lacking = OF_MODE[look.mode], work.lacking
    writes: list[dict[str, Any]] = [] if lacking else [_plain(write) | {"before": None, "wanted": None} for write in work.writes]
    is_so = False
    if not lacking and (verdict in ("asks", "runs") or all(write["target"] in engine.targets for write in writes)):
        try:
            for write in writes:
                action = engine.actions[write["do"]]
                write["before"] = dict(action.look(session(write["target"]), write["parameters"], _marker(playbook, look, work, write)))
                write["wanted"] = dict(action.wanted(write["parameters"], write["before"]))
            is_so = all(holds(write["before"], write["wanted"]) for write in writes)
        except Refused as error:
            lacking = str(error)
    exact = proposals.exact(playbook.version, writes)
    name = hashlib.sha256(written([playbook.playbook, work.key, look.episode(work.key), exact, lacking, now.isoformat()]).encode()).hexdigest()[:12]
    return Proposal(
        proposal=name, playbook=playbook.playbook, version=playbook.version, work_key=work.key, episode=look.episode(work.key),
        data_version=look.found.version, ask="", place=0, mode=look.mode, row=dict(work.row), writes=writes, exact=exact, proposed_by=by, proposed_at=now,
        expires_at=now + playbook.expires_after,
        state="handed_over" if lacking else "done" if is_so else STATES[verdict], reason=lacking or ("it was so already" if is_so else ""))


def _marker(playbook: Playbook, look: _Look, work: Work, write: Mapping[str, Any]) -> str:
    """The marker that its intent will have."""
    return intents.marker_of(intents.name_of(
        playbook.version, write["target"], f"{playbook.playbook}/{work.key}/{look.episode(work.key)}", "do", write["number"], write["do"], write["parameters"]))


def _withdraw(connection: sql.Connection, playbook: Playbook, look: _Look, key: str, now: datetime) -> None:
    one = look.current.get((key, look.episode(key)))
    proposals.go(connection, playbook.playbook, key, data_version=look.found.version, at=now)
    if one is not None and one.begun_at is None and proposals.move(
            connection, one.proposal, "gone", at=now, who=playbook.playbook, was=proposals.OPEN, reason="the work is not on the list any more"):
        intents.cancel(connection, [one.proposal], at=now, reason="not called for any more", who=playbook.playbook)


def _write_down(
    connection: sql.Connection, engine: Engine, playbook: Playbook, look: _Look, new: Sequence[Proposal], now: datetime,
) -> Counter[str]:
    """All that is new, in one ask, and what becomes of it."""
    for row in chosen(playbook, look.found.rows, look.found.firing):
        proposals.come(connection, playbook.playbook, str(row["work_key"]), data_version=look.found.version, at=now)
    if not new:
        return Counter()
    waiting = [one for one in new if one.state == "asked"]
    why = _why_it_asks(connection, engine, playbook, look, waiting, now) if look.mode == "auto" and waiting else ""
    ask = hashlib.sha256(written([one.proposal for one in new]).encode()).hexdigest()[:12]
    made = [replace(one, ask=ask, place=place, reason=one.reason or (why if one.state == "asked" else ""))
            for place, one in enumerate(new)]
    for one in made:
        still = proposals.current(connection, playbook.playbook).get((one.work_key, one.episode))
        if still is not None and still.begun_at is not None:
            continue                            # begun while we looked
        if still is not None:
            intents.cancel(connection, [still.proposal], at=now, reason=f"replaced by {one.proposal}", who=playbook.playbook)
        proposals.add(connection, one, account=engine.account)
        if one.state == "asked" and look.mode == "auto" and not why and not intents.is_open(connection, one.playbook, one.work_key):
            approvals.by_caps(connection, playbook, one, at=now)
    tell(connection, engine, playbook, [one for one in made if one.state in ("asked", "listed")], why, look.mode, now)
    for one in made:
        if one.state == "handed_over":
            engine.post.put(connection, [str(one.row.get("owner") or "")], _telling(playbook, one), now)
    return Counter("approved" if one.state == "asked" and look.mode == "auto" and not why else one.state for one in made)


def _why_it_asks(
    connection: sql.Connection, engine: Engine, playbook: Playbook, look: _Look, waiting: Sequence[Proposal], now: datetime,
) -> str:
    """Why nothing of this runs by itself; '' when it does."""
    if look.is_again:
        return f"{look.found.as_of} was planned before; a backfill or a rebuild brought this up"
    if look.found.stale:
        return look.found.stale
    own = proposals.by_caps(connection, playbook.playbook, now - timedelta(days=8))
    planned = sum(one.data_version == look.found.version for one in own)
    today = sum(one.proposed_at >= engine.day_start(now) for one in own)
    return over_cap(playbook, [one.row for one in waiting], all_rows=len(look.found.rows), planned=planned, today=today)


def tell(connection: sql.Connection, engine: Engine, playbook: Playbook, asked: Sequence[Proposal], why: str, mode: Mode, now: datetime) -> None:
    if asked and (mode != "auto" or why):
        what: notices.Asking = "lists" if mode == "propose" else "asks"
        roles = playbook.approvers or [str(asked[0].row.get("owner") or "")]
        engine.post.put(connection, roles, lambda language, role: notices.ask(
            playbook, asked, what, language, role=role, link_of=engine.post.link_of), now)


def _telling(playbook: Playbook, one: Proposal) -> Callable[..., Any]:
    return lambda language, role: notices.needs_a_person(playbook, one, one.reason, one.proposed_at, language, role=role)


def sweep(engine: Engine) -> Counter[str]:
    """What only time brings: what nobody answered is told to somebody else at half time, and is closed, undone, at the end."""
    now, done, escalated = engine.clock(), Counter[str](), list[Proposal]()
    with engine.write() as connection:
        for one in proposals.select(connection, proposals.proposals.c.state.in_(("asked", "listed", "noted"))):
            playbook = engine.playbooks.get(one.playbook)
            if now >= one.expires_at and one.state != "noted":
                done["expired"] += proposals.move(connection, one.proposal, "expired", at=now, who=one.playbook, was=(one.state,), reason="nobody answered")
            elif (one.state == "asked" and playbook and playbook.escalate_to and now >= one.proposed_at + (one.expires_at - one.proposed_at) / 2
                    and proposals.escalate(connection, one.proposal, now)):
                escalated.append(one)
        for ask in dict.fromkeys(one.ask for one in escalated):
            of_it = [one for one in escalated if one.ask == ask]
            playbook = engine.playbooks[of_it[0].playbook]
            engine.post.put(connection, [playbook.escalate_to or ""], _escalating(engine, playbook, of_it), now)
    done["escalated"] += len(escalated)
    return Counter({what: number for what, number in done.items() if number})


def _escalating(engine: Engine, playbook: Playbook, of_it: Sequence[Proposal]) -> Callable[..., Any]:
    return lambda language, role: notices.ask(playbook, of_it, "escalates", language, role=role, link_of=engine.post.link_of)
