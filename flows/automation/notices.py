"""What people are told of proposals: what is asked of them, with before → after, evidence, risk and expiry; what needs them; what was stopped."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sql

from flows.alerting.notice import Item, Language, Link, Notice, to_json
from flows.automation.playbook import Playbook, is_closing
from flows.store import outbox
from flows.store.proposals import Proposal

MOST_ITEMS = 40
Asking = Literal["asks", "escalates", "lists"]
# action ("approve", "reject"), ask, whom the link is for, language -> address; None: nothing serves links
LinkOf = Callable[[str, str, str, Language], str]

WORDS: Mapping[str, tuple[str, str]] = {
    "asks": ("Your decision: {title} ({n})", "待您审批：{title}（{n} 项）"),
    "escalates": ("Still undecided: {title} ({n})", "仍未审批：{title}（{n} 项）"),
    "lists": ("Proposed, to be done by hand: {title} ({n})", "建议人工处理：{title}（{n} 项）"),
    "gone": ("{title}: what is no longer needed", "{title}：收尾"),
    "lead": ("Nothing is done before somebody agrees. It closes, undone, at {until} UTC.",
             "在有人批准之前不会执行任何操作。{until} UTC 未批准则自动关闭，不执行。"),
    "lead_lists": ("Meridian does nothing here. Say what you decided: meridian automations approve or reject {ask}.",
                   "系统不会自动执行。请记录您的决定：meridian automations approve 或 reject {ask}。"),
    "over": ("It would run by itself, but {why}.", "本可自动执行，但：{why}。"), "risk": ("Risk: {risk}", "风险：{risk}"),
    "four_eyes": ("Two people must agree.", "须由两人批准。"),
    "approve": ("Approve", "批准"), "reject": ("Reject", "拒绝"), "nothing": ("nothing", "无"),
    "needs": ("Needs you: {title}: {subject}", "需要人工处理：{title}：{subject}"),
    "stopped": ("Stopped: nothing more is done in {target}", "已停止：不再对 {target} 执行任何操作"),
    "stopped_step": ("Look at it there, then: meridian automations on target:{target}", "请在该系统中检查，然后执行：meridian automations on target:{target}"),
    "show": ("meridian automations show {proposal}", "meridian automations show {proposal}"),
}


@dataclass(frozen=True, kw_only=True)
class Post:
    """Puts notices into the outbox, in the caller's transaction. channels_of: a role's channels. languages: of every channel."""

    channels_of: Callable[[str], Sequence[str]] = lambda role: ()
    languages: Mapping[str, Language] = field(default_factory=dict)
    link_of: LinkOf | None = None

    def put(self, connection: sql.Connection, roles: Collection[str], make: Callable[[Language, str], Notice], at: datetime) -> int:
        """make: (language, role) -> the notice. How many messages were promised; a role without a channel is told by whoever has the first one."""
        count = 0
        for role in dict.fromkeys(roles):
            for channel in self.channels_of(role) or list(self.languages)[:1]:
                notice = make(self.languages[channel], role)
                count += outbox.put(connection, key=notice.key, channel=channel, notice=to_json(notice), at=at)
        return count


def say(word: str, language: Language, **parts: Any) -> str:
    return WORDS[word][language == "zh-CN"].format(**parts)


def title_of(playbook: Playbook, asked: Sequence[Proposal], language: Language) -> str:
    title = playbook.title.in_(language)
    return say("gone", language, title=title) if all(is_closing(one.work_key) for one in asked) else title


def ask(playbook: Playbook, asked: Sequence[Proposal], what: Asking, language: Language, *, role: str, link_of: LinkOf | None) -> Notice:
    """The notice that asks a role for a decision on proposals of one ask."""
    first = asked[0]
    lead = say("lead_lists", language, ask=first.ask) if what == "lists" else say("lead", language, until=f"{first.expires_at:%Y-%m-%d %H:%M}")
    more = [say("over", language, why=first.reason)] if first.reason else []
    if playbook.four_eyes and what != "lists":
        more.append(say("four_eyes", language))
    links = () if link_of is None or what == "lists" else tuple(
        Link(text=say(action, language), url=link_of(action, first.ask, role, language), is_action=True) for action in ("approve", "reject"))
    return Notice(
        key=f"automations/{first.ask}/{what}/{first.expires_at.isoformat()}/{role}/{language}", thread=f"automations/{first.ask}", kind="approval",
        severity="warning", language=language, title=say(what, language, title=title_of(playbook, asked, language), n=len(asked)), lead=" ".join([lead, *more]),
        items=tuple(Item(subject=str(one.row.get("subject") or one.work_key), text=line(one, language)) for one in asked[:MOST_ITEMS]),
        why=(say("risk", language, risk=playbook.risk.in_(language)),), steps=playbook.runbook.in_(language), owner=role, links=links,
        footer=f"{first.data_version} · {playbook.playbook} · meridian automations show {first.ask}")


def line(proposal: Proposal, language: Language) -> str:
    """Evidence, and before → after of every step."""
    evidence = proposal.row.get("evidence_zh" if language == "zh-CN" else "evidence_en") or ""
    return " · ".join(part for part in [str(evidence), *(change(write, language) for write in proposal.writes)] if part)


def change(write: Mapping[str, Any], language: Language) -> str:
    """What a step changes, name by name; its parameters where nobody has looked at what is there. What it does not set is not said."""
    before, wanted = write["before"], write["wanted"]
    if before is None or wanted is None:        # nobody has looked, or what was seen forbids it
        return f"{write['do']}: " + ", ".join(f"{name} = {value}" for name, value in write["parameters"].items())
    nothing = say("nothing", language)
    names = [name for name in wanted if before.get(name) != wanted[name]]
    return f"{write['do']}: " + ", ".join(f"{name} {shown(before.get(name), nothing)} → {shown(wanted.get(name), nothing)}" for name in names)


def shown(value: Any, nothing: str) -> str:
    return nothing if value is None or value == {} else str(value)


def needs_a_person(playbook: Playbook | None, proposal: Proposal, reason: str, at: datetime, language: Language, *, role: str) -> Notice:
    title = title_of(playbook, [proposal], language) if playbook else proposal.playbook
    return Notice(
        key=f"automations/{proposal.proposal}/{at.isoformat()}/{role}/{language}", thread=f"automations/{proposal.ask}", kind="trouble", severity="warning",
        language=language, title=say("needs", language, title=title, subject=proposal.row.get("subject") or proposal.work_key), lead=reason,
        items=(Item(subject=str(proposal.row.get("subject") or proposal.work_key), text=line(proposal, language)),),
        steps=(*(playbook.runbook.in_(language) if playbook else ()), say("show", language, proposal=proposal.proposal)), owner=role,
        footer=f"{proposal.data_version} · {proposal.playbook}")


def stopped(target: str, reason: str, at: datetime, language: Language, *, role: str) -> Notice:
    return Notice(
        key=f"automations/stopped/{target}/{at.isoformat()}/{role}/{language}", thread=f"automations/stopped/{target}", kind="trouble", severity="critical",
        language=language, title=say("stopped", language, target=target), lead=reason, steps=(say("stopped_step", language, target=target),), owner=role)
