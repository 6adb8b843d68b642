"""Approve: a form in Prefect's UI before the ledger. The run waits, whoever resumes it decides; the ledger alone knows what was decided.

A run whose process died decides nothing, resumed or not: what it would have done is booked by this process, or by nobody. A form cannot tell who fills it
in: where two people must agree, links and terminals count, and forms do not.
"""

from __future__ import annotations

from typing import Any, Literal

from prefect import flow
from prefect.client.schemas.objects import State
from prefect.flow_runs import pause_flow_run
from prefect.input import RunInput
from prefect.states import Completed, Failed
from pydantic import Field, create_model

from flows import automations
from flows.automation import approvals, notices
from flows.automation.approvals import Said
from flows.automation.playbook import Playbook
from flows.settings import load
from flows.store import ledger as ledgers
from flows.store import proposals
from flows.store.proposals import Proposal


def form(playbook: Playbook, asked: list[Proposal]) -> type[RunInput]:
    """The form that shows before → after, evidence, risk and expiry, and asks who decides what."""
    decision: Any = Literal["approve", "reject"]
    who: Any = Literal[playbook.approvers] if playbook.approvers else str
    made: type[RunInput] = create_model(
        "Decision", __base__=RunInput,
        decision=(decision, Field(title="Decision")),
        who=(who, Field(title="Who decides", description="Kept with the decision, as is that it came by a form.")))
    return made.with_initial_data(description=described(playbook, asked))


def described(playbook: Playbook, asked: list[Proposal]) -> str:
    lines = [f"## {playbook.title.en} · {playbook.title.zh}", f"Risk: {playbook.risk.en} · {playbook.risk.zh}",
             f"Closes, undone, at {asked[0].expires_at:%Y-%m-%d %H:%M} UTC.", "", "| | |", "|---|---|"]
    return "\n".join([*lines, *(f"| {one.row.get('subject') or one.work_key} | {notices.line(one, 'en')} |" for one in asked[:notices.MOST_ITEMS])])


@flow(name="approve", flow_run_name="approve {ask}", persist_result=False)
def approve(ask: str, config: str | None = None) -> State[Any]:
    """Ask for a decision on a proposal or an ask, as `meridian automations list` names them."""
    settings = load(config)
    ledger = ledgers.open_ledger(settings.ledger)
    playbooks = automations.load_playbooks(settings).playbooks
    try:
        with ledger.begin() as connection:
            asked = [one for one in proposals.find(connection, ask) if one.state in ("asked", "listed")]
    except proposals.NoSuchProposal as error:
        return Failed(name="Refused", message=str(error.args[0]))
    if not asked or asked[0].playbook not in playbooks:
        return Completed(name="Nothing to decide", message=f"{ask} is decided, or its playbook is gone")
    left = (asked[0].expires_at - settings.clock()).total_seconds()
    if left <= 0:
        return Completed(name="Nothing to decide", message=f"{ask} expired at {asked[0].expires_at:%Y-%m-%d %H:%M} UTC")
    said: Any = pause_flow_run(wait_for_input=form(playbooks[asked[0].playbook], asked), timeout=int(left) + 1)
    try:
        found = approvals.decide_now(ledger, playbooks, ask, Said(decision=said.decision, who=said.who, by=said.who, via="ui"), at=settings.clock())
    except approvals.NotTaken as refused:
        return Failed(name="Refused", message=str(refused))
    return Completed(message=", ".join(f"{one.work_key}: {one.state}" for one in found))
