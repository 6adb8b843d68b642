"""A playbook, a list, a clock and a target: what proposing and executing need, and nothing else."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from flows.automation import executor, propose
from flows.automation.approvals import Said, decide_now
from flows.automation.contract import Action, Unavailable
from flows.automation.engine import Engine, Found, no_step
from flows.automation.notices import Post
from flows.automation.playbook import Playbook
from flows.store import audit, intents, proposals
from flows.store import ledger as ledgers
from flows.store.intents import Intent
from flows.store.proposals import Proposal
from tests.flows.automation.target import ACTIONS, SETTLES

NOW = datetime(2026, 3, 2, 3, tzinfo=UTC)
SET = {"do": "http.set", "target": "shop", "with": {"subject": "{order_id}", "value": "{carrier}"}}
NOTE = {"do": "http.note", "target": "shop", "with": {"subject": "{order_id}", "text": "moved to {carrier}"}}
COUNT = {"do": "http.count", "target": "shop", "with": {"subject": "{order_id}"}}
WORDS = {"en": "x", "zh": "x"}


def playbook(**changes: Any) -> Playbook:
    """Moves orders to another carrier; agreed to by one of two."""
    return Playbook.model_validate({
        "playbook": "move", "title": {"en": "Move orders", "zh": "移动订单"}, "when": {"worklist": "orders"}, "mode": "approve", "caps": {"per_run": 5},
        "approvers": ["mira", "jonas"], "escalate_to": "boss", "steps": [SET], "risk": {"en": "The customer is told twice", "zh": "客户可能收到两次通知"},
        "kpi": "revenue", "runbook": {"en": ["look", "act"], "zh": ["看", "做"]}, "tests": [{"holds": "x", "rows": [{"work_key": "o1"}], "says": {}}], **changes})


def row(key: str, carrier: str | None = "DPD", **more: Any) -> dict[str, Any]:
    return {"worklist": "orders", "work_key": key, "subject": f"Order {key}", "evidence_en": "3 days late", "evidence_zh": "晚 3 天", "owner": "mira", "severity": "act",
            "value": 10.0, "order_id": key, "carrier": carrier, **more}


@dataclass
class World:
    """Everything that an engine asks for, to be changed between its runs."""

    path: str
    url: str
    playbooks: dict[str, Playbook]
    now: datetime = NOW
    rows: list[dict[str, Any]] = field(default_factory=list)
    version: str = "2026-03-01.001"
    as_of: date = date(2026, 3, 1)
    stale: str = ""
    step: Callable[[str], None] = no_step
    is_down: bool = False
    actions: Mapping[str, Action] = field(default_factory=lambda: ACTIONS)
    session: Callable[[], AbstractContextManager[Any]] | None = None        # of the target 'shop'; None: tests/flows/automation/target.py at `url`
    beside: Callable[[Any], Sequence[AbstractContextManager[Any]]] = lambda session: ()
    languages: dict[str, Any] = field(default_factory=lambda: {"mira_mail": "en", "jonas_mail": "zh-CN", "boss_mail": "en"})
    account: str = ""
    _ledger: ledgers.Ledger | None = None

    @property
    def ledger(self) -> ledgers.Ledger:
        if self._ledger is None:
            self._ledger = ledgers.open_ledger(self.path)
        return self._ledger

    def engine(self) -> Engine:
        @contextmanager
        def open_target(name: str) -> Iterator[Any]:
            if self.is_down:
                raise Unavailable("it is down")
            with self.session() if self.session else nullcontext(self.url) as session:
                yield session

        return Engine(
            ledger=self.ledger, playbooks=self.playbooks, actions=self.actions, targets={"shop"}, open=open_target,
            found=lambda asked: Found(version=self.version, as_of=self.as_of, rows=self.rows, stale=self.stale), clock=lambda: self.now, random=lambda: 0.5,
            zone=ZoneInfo("UTC"), step=self.step, account=self.account, beside=lambda target, session: self.beside(session),
            post=Post(channels_of=lambda role: (f"{role}_mail",), languages=self.languages, link_of=lambda action, ask, role, language: f"https://x/{action}/{ask}/{role}"))

    def night(self, rows: Sequence[dict[str, Any]] | None = None) -> None:
        """The next version is published."""
        self.as_of, self.now = self.as_of + timedelta(days=1), self.now + timedelta(days=1)
        self.version = f"{self.as_of}.001"
        if rows is not None:
            self.rows = list(rows)

    def propose(self, **named: Any) -> Mapping[str, int]:
        return propose.propose(self.engine(), **named)

    def execute(self) -> Mapping[str, int]:
        return executor.execute(self.engine())

    def run(self) -> None:
        self.propose()
        self.execute()

    def until_done(self, target: Any, rounds: int = 12) -> None:
        """Execute until nothing is open, time passing as long as anything has to settle."""
        for _ in range(rounds):
            self.execute()
            if not any(intent.state in intents.OPEN for intent in self.intents()):
                return
            target.settle()
            self.now += SETTLES + timedelta(minutes=61)

    def proposals(self) -> list[Proposal]:
        with self.ledger.begin() as connection:
            return proposals.select(connection)

    def states(self) -> dict[str, str]:
        """work_key -> state of the proposal that counts."""
        with self.ledger.begin() as connection:
            return {one.work_key: one.state for one in proposals.select(connection, proposals.proposals.c.current.is_not(None))}

    def intents(self) -> list[Intent]:
        with self.ledger.begin() as connection:
            return [intent for one in proposals.select(connection) for intent in intents.of_proposal(connection, one.proposal)]

    def decide(self, name: str | None = None, who: str = "mira", decision: Any = "approve", via: Any = "link") -> list[Proposal]:
        standing = [one for one in self.proposals() if one.state in ("asked", "listed", "noted")]
        return decide_now(self.ledger, self.playbooks, name or standing[0].ask, Said(decision=decision, who=who, by=who, via=via), at=self.now)

    def audited(self) -> list[str]:
        with self.ledger.begin() as connection:
            assert audit.verify(connection).broken_at is None
            return [f"{what} by {who}" for what, who in connection.execute(audit.audit.select().with_only_columns(audit.audit.c.what, audit.audit.c.who).order_by(audit.audit.c.number))]


def world(folder: Path, url: str, **changes: Any) -> World:
    made = playbook(**changes)
    return World(path=str(folder / "ledger.sqlite"), url=url, playbooks={made.playbook: made})
