"""What a playbook does once its work has gone: close the task that it opened, take back what was for the time being.

A closing is a proposal like any other, of the same episode, under the work's key with ` (gone)` behind it: it asks or runs as the playbook's steps do,
its intents are its own, and there is one an episode. What is closed is what was verified and not taken back. Work has gone when a version with fresh
sources, of a day that was not planned before, lacks its row (see `propose`); a row that is off its list by its age alone (`listed_until`) says nothing,
and nothing is done.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sql

from flows.automation.contract import Action, Refused
from flows.automation.plan import Row, Work, Write, work_of
from flows.automation.playbook import GONE, Playbook, is_closing
from flows.store import intents, proposals
from flows.store.intents import Intent, written
from flows.store.proposals import Proposal

LATELY = timedelta(days=60)         # what went before is not closed any more: people have looked after it


@dataclass(frozen=True, kw_only=True)
class Left:
    """What a proposal did, whose work has gone as of a day."""

    proposal: Proposal
    as_of: date
    done: Sequence[Intent]

    @property
    def row(self) -> Row:
        """As it was when it was proposed, with the ticket that a step opened and as what."""
        opened = next((intent.after for intent in self.done if intent.after and "ticket" in intent.after), {})
        known = {"task": opened["ticket"], "task_status": opened.get("status")} if opened else {}
        was = self.proposal.row
        return {**was, **known, "work_key": f"{self.proposal.work_key}{GONE}",
                "evidence_en": f"Not on the list any more as of {self.as_of}. It said: {was.get('evidence_en') or ''}",
                "evidence_zh": f"截至 {self.as_of} 已不在清单上。原依据：{was.get('evidence_zh') or ''}"}


def closing(playbook: Playbook) -> Playbook:
    """The playbook that a closing is of: the same in everything but its steps, its version, and the share of a list that it has left."""
    gone = playbook.when_gone
    assert gone is not None
    return _Closing.model_construct(**{**dict(playbook), "steps": gone.steps, "caps": playbook.caps.model_copy(update={"share": None})})


class _Closing(Playbook):
    @property
    def version(self) -> str:
        """Another one than the playbook's: who agrees to close what is over has said nothing about what is to be done."""
        assert self.when_gone is not None
        return hashlib.sha256(json.dumps(["gone", self.when_gone.model_dump(mode="json")], sort_keys=True).encode()).hexdigest()[:16]


def left(connection: sql.Connection, playbook: Playbook, now: datetime) -> list[Left]:
    """What is to be closed: nothing of it is under way or was taken back, and it did not leave the list by its age."""
    if playbook.when_gone is None:
        return []
    found, needed = [], _still_needed(connection, playbook)
    for one, as_of in proposals.left(connection, playbook.playbook, now - LATELY, suffix=GONE):
        until = one.row.get(playbook.when_gone.listed_until) if playbook.when_gone.listed_until else None
        if is_closing(one.work_key) or intents.is_open(connection, one.playbook, one.work_key) or (until is not None and as_of.isoformat() >= str(until)[:10]):
            continue
        if any(_written(write) in needed for write in one.writes if _is_taken_back(playbook, write["do"])):
            continue
        of_it = intents.of_proposal(connection, one.proposal)
        done = [intent for intent in of_it if intent.purpose == "do" and intent.state == "verified" and intent.attempts]
        if done and not any(intent.purpose == "undo" for intent in of_it):
            found.append(Left(proposal=one, as_of=as_of, done=done))
    return found


def _still_needed(connection: sql.Connection, playbook: Playbook) -> set[str]:
    """What other work that has not gone wants to be as it is: one automatic reply is for all surges."""
    episodes = proposals.last_episodes(connection, playbook.playbook)
    return {_written(write) for (key, episode), one in proposals.current(connection, playbook.playbook, ("approved", "done")).items()
            if episodes.get(key) == (episode, True) for write in one.writes}


def _written(write: Mapping[str, Any]) -> str:
    return written([write["do"], write["target"], write["parameters"]])


def _is_taken_back(playbook: Playbook, do: str) -> bool:
    return playbook.when_gone is not None and do.rpartition(".")[2] in {name.rpartition(".")[2] for name in playbook.when_gone.take_back}


def work(playbook: Playbook, one: Left, actions: Mapping[str, Action], session: Callable[[str], Any]) -> Work | None:
    """What closing it writes; None where nothing of it was done. Raises ActionError where a target is not to be had."""
    assert playbook.when_gone is not None
    row = one.row
    try:
        writes = [_back(actions, intent, session) for intent in reversed(one.done) if _is_taken_back(playbook, intent.action)]
    except Refused as error:
        return Work(row=row, lacking=str(error))
    steps = [step for step in playbook.when_gone.steps if row.get("task") or not set(step.columns()) & {"task", "task_status"}]
    if not steps and not writes:
        return None
    own = work_of(closing(playbook).model_copy(update={"steps": tuple(steps)}), row) if steps else Work(row=row)
    numbered = [*writes, *own.writes]
    return Work(row=row, lacking=own.lacking if steps else "", writes=tuple(
        Write(number=number, do=write.do, target=write.target, parameters=write.parameters) for number, write in enumerate(numbered)))


def _back(actions: Mapping[str, Action], intent: Intent, session: Callable[[str], Any]) -> Write:
    """The way back of a step. Raises Refused where somebody changed since what it left."""
    action = actions.get(intent.action)
    if action is None:
        raise Refused(f"there is no action {intent.action} any more")
    there = action.look(session(intent.target), intent.parameters, intent.marker)
    if written(there) != written(intent.after):
        raise Refused(f"step {intent.step} was changed since: it was left as {written(intent.after)}, it is {written(there)}; a person decides")
    back = action.undo(intent.parameters, intent.before, intent.after or {})
    if back is None or back.action not in actions:
        raise Refused(f"{intent.action} cannot be taken back: {written(intent.before)} → {written(intent.after)}; do it by hand")
    return Write(number=0, do=back.action, target=intent.target, parameters=dict(back.parameters))
