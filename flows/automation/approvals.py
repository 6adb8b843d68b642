"""Who agreed to what: said once, to exactly these parameters, in time, by somebody who may. What is refused is written down, too."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

import sqlalchemy as sql

from flows.alerting.notice import Language
from flows.automation.playbook import Playbook
from flows.store import audit, intents, proposals, switches
from flows.store.intents import Intent
from flows.store.ledger import Ledger
from flows.store.proposals import CAPS, Approval, Proposal

Decision = Literal["approve", "reject"]
Via = Literal["link", "terminal", "ui"]
WORDS: Mapping[str, tuple[str, str]] = {
    "not open": ("Nothing is left to decide: {what}.", "已无需审批：{what}。"),
    "over": ("It expired at {what} UTC; nothing is done. It is proposed again where it comes up again.", "已于 {what} UTC 过期，不会执行。"),
    "not yours": ("{what} may not decide on it; {may} may.", "{what} 无权审批，可由 {may} 审批。"),
    "your own": ("{what} asked for it: somebody else must agree.", "由 {what} 发起，须由他人批准。"),
    "again": ("{what} has decided on it already.", "{what} 已作出决定。"),
    "name not shown": ("Two people must agree, and a form cannot tell who fills it in: use the link in the message, or a terminal.",
                       "须由两人批准，而表单无法确认填写人身份：请使用消息中的链接或终端。"),
    "under way": ("What was done for {what} before is not finished yet; decide when it is.", "{what} 此前的操作尚未结束，请稍后再审批。"),
    "no playbook": ("The playbook {what} is not there any more, or is wrong.", "剧本 {what} 已不存在或有误。"),
}


class NotTaken(Exception):
    """A decision that does not count, and why."""

    def __init__(self, word: str, what: str = "", *, may: str = "") -> None:
        super().__init__(word, what)
        self.word, self.what, self.may = word, what, may

    def in_(self, language: Language) -> str:
        return WORDS[self.word][language == "zh-CN"].format(what=self.what, may=self.may)

    def __str__(self) -> str:
        return self.in_("en")


@dataclass(frozen=True, kw_only=True)
class Said:
    """What somebody said. who: a role that playbooks name as approver, as far as the way it came proves it. by: as they called themselves. account: of the
    operating system, as far as it is known. is_shared: several people work under that one."""

    decision: Decision
    who: str
    by: str
    via: Via
    account: str = ""
    is_shared: bool = False

    @property
    def how(self) -> dict[str, str]:
        """For the chain."""
        return {"via": self.via, "by": self.by, **({"account": self.account} if self.account else {})}

    @property
    def person(self) -> str:
        """Whom one account can be told from another by; '' where that is not known."""
        return "" if self.is_shared else self.account or (self.by if self.via == "terminal" else "")


def decide(connection: sql.Connection, playbooks: Mapping[str, Playbook], name: str, said: Said, *, at: datetime) -> list[Proposal]:
    """Book a decision on a proposal, or on all of an ask that are still open, in the caller's transaction. The proposals as they are then.

    Raises NotTaken, NoSuchProposal.
    """
    switches.lock(connection)           # two of whom both must agree see each other
    found = proposals.find(connection, name)
    standing = [one for one in found if one.state in ("asked", "listed", "noted")]
    if not standing:
        raise NotTaken("not open", ", ".join(sorted({one.state for one in found})))
    for one in standing:
        _decide(connection, playbooks, one, said, at)
    return [proposals.find(connection, one.proposal)[0] for one in standing]


def decide_now(ledger: Ledger, playbooks: Mapping[str, Playbook], name: str, said: Said, *, at: datetime) -> list[Proposal]:
    """`decide` in a transaction of its own; what is refused is written down before it is raised."""
    try:
        with ledger.begin() as connection:
            return decide(connection, playbooks, name, said, at=at)
    except (NotTaken, proposals.NoSuchProposal) as refused:
        with ledger.begin() as connection:
            audit.append(connection, at=at, who=said.who, what=f"{said.decision} refused", subject=name,
                         detail={"why": str(refused.args[0]) if isinstance(refused, LookupError) else str(refused), **said.how})
        raise


def _decide(connection: sql.Connection, playbooks: Mapping[str, Playbook], one: Proposal, said: Said, at: datetime) -> None:
    playbook = playbooks.get(one.playbook)
    if playbook is None:
        raise NotTaken("no playbook", one.playbook)
    if at >= one.expires_at and one.state != "noted":
        raise NotTaken("over", f"{one.expires_at:%Y-%m-%d %H:%M}")
    if playbook.approvers and said.who not in playbook.approvers:
        raise NotTaken("not yours", said.who, may=", ".join(playbook.approvers))
    if playbook.four_eyes and said.decision == "approve" and one.state == "asked":
        if said.via == "ui":
            raise NotTaken("name not shown")
        if said.who == one.proposed_by:
            raise NotTaken("your own", said.who)
        if said.person in proposals.accounts_of(connection, one.proposal, "ask"):
            raise NotTaken("your own", said.person)         # in another role
        if said.person and said.person in _people(connection, one.proposal):
            raise NotTaken("again", said.person)
    kept = Approval(who=said.who, purpose="do", decision=said.decision, via=said.via, by=said.by, exact=one.exact, at=at,
                    expires_at=at + playbook.expires_after)
    if not proposals.decide(connection, one.proposal, kept):
        raise NotTaken("again", said.who)
    if said.account:
        proposals.keep_account(connection, one.proposal, "do", said.who, said.account)
    detail = {"exact": one.exact, **said.how}
    if said.decision == "reject":
        proposals.move(connection, one.proposal, "rejected", at=at, who=said.who, was=(one.state,), detail=detail)
    elif one.state in ("listed", "noted"):
        proposals.move(connection, one.proposal, "accepted", at=at, who=said.who, was=(one.state,), detail=detail)
    elif is_enough(one, proposals.decisions(connection, one.proposal), four_eyes=playbook.four_eyes, now=at):
        approve(connection, one, at=at, who=said.who, detail=detail)
    else:
        audit.append(connection, at=at, who=said.who, what="approved, one more is needed", subject=one.proposal, detail=detail)


def _people(connection: sql.Connection, proposal: str) -> set[str]:
    """Who has decided on it, by their accounts; of decisions at a terminal before accounts were kept by the name there."""
    at_terminals = {other.by for other in proposals.decisions(connection, proposal) if other.via == "terminal"}
    return proposals.accounts_of(connection, proposal, "do") | at_terminals


def as_whom(connection: sql.Connection, playbooks: Mapping[str, Playbook], name: str, roles: Sequence[str]) -> str:
    """Which of somebody's roles decides on a proposal or an ask: the first that may. Where two people must agree, whoever asked for it in one of their roles
    does not agree to it in another one; where none may, the first, which is refused."""
    try:
        found = proposals.find(connection, name)
    except proposals.NoSuchProposal:            # whoever decides on it is told
        return roles[0]
    playbook = playbooks.get(found[0].playbook)
    own = [role for role in roles if any(role == one.proposed_by for one in found)]
    if playbook is None or (playbook.four_eyes and own):
        return (own or roles)[0]
    return next((role for role in roles if not playbook.approvers or role in playbook.approvers), roles[0])


def by_caps(connection: sql.Connection, playbook: Playbook, one: Proposal, *, at: datetime) -> None:
    """A proposal that is within the caps of a playbook that runs by itself."""
    proposals.decide(connection, one.proposal, Approval(
        who=CAPS, purpose="do", decision="approve", via=CAPS, by=one.playbook, exact=one.exact, at=at, expires_at=at + playbook.expires_after))
    approve(connection, one, at=at, who=CAPS)


def approve(connection: sql.Connection, one: Proposal, *, at: datetime, who: str, detail: Mapping[str, str] | None = None) -> None:
    """Compare and set: from `asked` only, once; its intents are planned with it. Raises NotTaken."""
    if intents.is_open(connection, one.playbook, one.work_key):
        raise NotTaken("under way", str(one.row.get("subject") or one.work_key))
    if not proposals.move(connection, one.proposal, "approved", at=at, who=who, was=("asked",), detail=detail):
        raise NotTaken("not open", "changed")
    for turn, write in enumerate(one.writes):
        intents.plan(connection, Intent(
            intent=intents.name_of(one.version, write["target"], one.current, "do", write["number"], write["do"], write["parameters"]),
            proposal=one.proposal, purpose="do", playbook=one.playbook, work_key=one.work_key, step=write["number"], turn=turn, target=write["target"],
            action=write["do"], parameters=write["parameters"], before=write["before"], wanted=write["wanted"], state="planned", due_at=at, planned_at=at,
        ), who=who)


def is_enough(one: Proposal, said: Sequence[Approval], *, four_eyes: bool, now: datetime) -> bool:
    """Whether what was said allows it now: to exactly this, not expired, by as many people as it takes. Nobody's no stands against it."""
    if any(approval.decision == "reject" for approval in said):
        return False
    valid = [approval for approval in said if approval.exact == one.exact and approval.expires_at > now]
    if any(approval.who == CAPS for approval in valid):
        return True
    people = {approval.who for approval in valid}
    if not four_eyes:
        return bool(people)
    others = people - {one.proposed_by}
    return bool(others) and len(others | ({one.proposed_by} - {""})) >= 2
