"""What `meridian automations` prints."""

from __future__ import annotations

from flows import automations
from flows.alerting.notice import Language
from flows.automation import agreement, notices, playbook_tests
from flows.automation.actions import KINDS
from flows.automation.contract import ActionError
from flows.automation.engine import mode_of
from flows.settings import Settings
from flows.store import intents, proposals, switches
from flows.store import ledger as ledgers
from flows.store.proposals import Proposal


def listing(settings: Settings, language: Language, *, everything: bool = False) -> str:
    """Playbooks with mode, switch and agreement; then proposals by ask."""
    ready = automations.ready(settings, ledgers.open_ledger(settings.ledger))
    lines = []
    with ready.engine.ledger.begin() as connection:
        turned = switches.read(connection)
        for name, playbook in sorted(ready.engine.playbooks.items()):
            asks = f", asks {', '.join(playbook.approvers)}" if playbook.approvers else ""
            lines.append(f"{mode_of(playbook, turned):<8} {name}: {playbook.title.in_(language)}{asks}; {agreement.of(connection, playbook)}")
        lines += [f"{one.state} {'everything' if name == '*' else name} since {one.at:%Y-%m-%d %H:%M} UTC by {one.by}: {one.reason or 'no reason given'}"
                  for name, one in turned.items() if one.state != "on"]
        chosen = proposals.select(connection, *([] if everything else [proposals.proposals.c.state.in_(proposals.OPEN)]))
    ask = None
    for one in chosen:
        if one.ask != ask:
            ask = one.ask
            lines.append(f"{ask}  {one.playbook}, {one.data_version}, until {one.expires_at:%Y-%m-%d %H:%M} UTC" + (f": {one.reason}" if one.reason else ""))
        lines.append(f"  {one.state:<11} {one.proposal}  {one.row.get('subject') or one.work_key}: {notices.line(one, language)}")
    return "\n".join([*lines, *(f"PROBLEM {problem}" for problem in ready.problems)]) or "no playbooks"


def showing(settings: Settings, name: str, language: Language) -> str:
    """Raises NoSuchProposal."""
    ledger, loaded = ledgers.open_ledger(settings.ledger), automations.load_playbooks(settings)
    if (playbook := loaded.playbooks.get(name)) is not None:
        with ledger.begin() as connection:
            agreed = agreement.of(connection, playbook)
        steps = [f"  {number}. {step.do} in {step.target}: " + ", ".join(f"{key} = {text}" for key, text in step.with_.items())
                 for number, step in enumerate(playbook.steps, start=1)]
        if playbook.when_gone:
            steps += [f"  when it is gone: {name} is taken back" for name in playbook.when_gone.take_back]
            steps += [f"  when it is gone: {step.do} in {step.target}: " + ", ".join(f"{key} = {text}" for key, text in step.with_.items())
                      for step in playbook.when_gone.steps]
        caps = playbook.caps.model_dump(exclude_none=True)
        return "\n".join([
            f"{playbook.playbook}: {playbook.title.in_(language)}", f"  mode {playbook.mode}, on worklist {playbook.when.worklist}; {agreed}", *steps,
            f"  caps {caps or 'none'}, canary {playbook.canary}, closes after {playbook.expires_after}"
            + (", two people must agree" if playbook.four_eyes else ""),
            f"  {notices.say('risk', language, risk=playbook.risk.in_(language))}", f"  KPI: {playbook.kpi}",
            *(f"  {number}. {text}" for number, text in enumerate(playbook.runbook.in_(language), start=1))])
    with ledger.begin() as connection:
        found = proposals.find(connection, name)
        return "\n".join(line for one in found for line in _shown(connection, one, language))


def _shown(connection: ledgers.sql.Connection, one: Proposal, language: Language) -> list[str]:
    lines = [f"{one.proposal}  {one.state}  {one.row.get('subject') or one.work_key}" + (f": {one.reason}" if one.reason else ""),
             f"  {one.playbook} of {one.version}, episode {one.episode} of {one.work_key}, in {one.data_version}, ask {one.ask}",
             f"  {one.row.get('evidence_zh' if language == 'zh-CN' else 'evidence_en') or ''}"]
    lines += [f"  {notices.change(write, language)}" for write in one.writes]
    lines.append(f"  proposed {one.proposed_at:%Y-%m-%d %H:%M} UTC by {one.proposed_by or 'the list'}, closes {one.expires_at:%Y-%m-%d %H:%M} UTC")
    for purpose in ("do", "undo"):
        lines += [f"  {said.at:%Y-%m-%d %H:%M}  {purpose}: {said.decision} by {said.who} ({said.by}) via {said.via}"
                  for said in proposals.decisions(connection, one.proposal, purpose)]
    for intent in intents.of_proposal(connection, one.proposal):
        sent = f", sent {intent.attempts} times" if intent.attempts else ""
        lines.append(f"  {intent.purpose} step {intent.step} {intent.action}: {intent.state}{sent}" + (f": {intent.reason}" if intent.reason else ""))
    return lines


def checked(settings: Settings) -> tuple[list[str], list[str]]:
    """(what is well, what is not)."""
    loaded = automations.load_playbooks(settings)
    good, bad = [], list(loaded.problems)
    for name, playbook in loaded.playbooks.items():
        if wrong := playbook_tests.failures(playbook):
            bad += wrong
        else:
            good.append(f"{name}: {len(playbook.tests)} tests")
    for name, target in settings.configuration.automations.targets.items():
        try:
            with automations.open_target(settings, name) as session:
                good.append(f"{name} ({target.kind}): {KINDS[target.kind].check(session)}")
        except (ActionError, KeyError) as error:
            bad.append(f"{name} ({target.kind}): {error}")
    return good, bad
