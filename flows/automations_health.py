"""What `meridian doctor` finds of automations: targets, playbooks, who is asked, what is stuck, what is switched off."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from flows import automations
from flows.automation.actions import KINDS
from flows.automation.contract import ActionError
from flows.automation.options import Automations
from flows.settings import Settings
from flows.store import intents, switches
from flows.store import ledger as ledgers
from flows.store.switches import EVERYTHING

STUCK = timedelta(hours=1)          # an executor comes every ten minutes, and no target takes longer to settle than a quarter of an hour


@dataclass(frozen=True, kw_only=True)
class Found:
    """mend: the next move where it is not well."""

    subject: str
    is_well: bool
    detail: str
    mend: str = ""


def examine(settings: Settings) -> Iterator[Found]:
    """Asks every target one harmless question, with the credentials that may write. Nothing where meridian.toml says nothing of automations."""
    options = settings.configuration.automations
    if options == Automations():
        return
    yield from _targets(settings)
    ledger = ledgers.open_ledger(settings.ledger)
    yield from _playbooks(settings, ledger)
    yield from _switches(settings, ledger)
    yield from _stuck(settings, ledger)


def _targets(settings: Settings) -> Iterator[Found]:
    for name, target in settings.configuration.automations.targets.items():
        subject = f"target {name} ({target.kind})"
        try:
            with automations.open_target(settings, name) as session:
                yield Found(subject=subject, is_well=True, detail=KINDS[target.kind].check(session))
        except KeyError as error:
            wrong = f"{error.args[0]} is missing" if target.kind in KINDS else f"there is no kind {target.kind!r}; kinds are {', '.join(sorted(KINDS))}"
            yield Found(subject=subject, is_well=False, detail=wrong, mend=f"see [automations.targets.{name}] in {settings.path}")
        except ActionError as error:
            secrets = ", ".join(automations.secret_name(name, end) for end in KINDS[target.kind].secrets)
            mend = f"see [automations.targets.{name}] in {settings.path}" + (f", and {secrets} in {settings.path.parent / '.env'}" if secrets else "")
            yield Found(subject=subject, is_well=False, detail=str(error), mend=mend)


def _playbooks(settings: Settings, ledger: ledgers.Ledger) -> Iterator[Found]:
    ready, options = automations.ready(settings, ledger), settings.configuration.automations
    wrong = automations.load_playbooks(settings).problems
    for problem in wrong:
        yield Found(subject="playbooks", is_well=False, detail=problem, mend="correct it there; until then this playbook does nothing")
    for problem in ready.problems:
        if problem not in wrong:
            yield Found(subject="playbooks", is_well=True, detail=problem)
    acting = [playbook for playbook in ready.engine.playbooks.values() if playbook.mode in ("approve", "auto")]
    if not wrong:
        yield Found(subject="playbooks", is_well=True, detail=f"{len(ready.engine.playbooks)}, of which {len(acting)} act")
    asked: dict[str, list[str]] = {}
    for playbook in acting:
        for role in dict.fromkeys((*playbook.approvers, *([playbook.escalate_to] if playbook.escalate_to else []))):
            asked.setdefault(role, []).append(playbook.playbook)
    first = next(iter(settings.configuration.channels), "")
    for role, names in sorted(asked.items()):
        if ready.engine.post.channels_of(role):
            continue
        is_at_terminal = bool(options.approvers.get(role) and options.approvers[role].users)
        instead = f"what {', '.join(sorted(names))} asks goes to {first}" if first else f"nobody is told what {', '.join(sorted(names))} asks"
        yield Found(subject=f"approver {role}", is_well=is_at_terminal,
                    detail=f"has no channel: {instead}" + ("; it is seen at a terminal" if is_at_terminal else ""),
                    mend=f"add channels to [automations.approvers.{role}] or [alerts.people.{role}] in {settings.path}"
                    + ("" if first else ", and a [channels.<name>]"))


def _switches(settings: Settings, ledger: ledgers.Ledger) -> Iterator[Found]:
    with ledger.begin() as connection:
        turned = switches.read(connection)
    for name, one in sorted(turned.items()):
        if one.state != "on":
            what = "everything" if name == EVERYTHING else name
            yield Found(subject="automations", is_well=False, mend=f"`meridian automations on{'' if name == EVERYTHING else ' ' + name}` when it may go on",
                        detail=f"{what} is {one.state} since {one.at:%Y-%m-%d %H:%M} UTC by {one.by}: {one.reason or 'no reason given'}")


def _stuck(settings: Settings, ledger: ledgers.Ledger) -> Iterator[Found]:
    with ledger.begin() as connection:
        found = intents.stuck(connection, settings.clock() - STUCK)
    for one in found:
        what = "it is not known whether it was done" if one.state == "unknown" else "whoever sends it has not come back"
        why = f": {one.reason}" if one.reason else ""
        yield Found(subject=f"{one.playbook} in {one.target}", is_well=False,
                    detail=f"{one.action} for {one.work_key} left at {one.sent_at:%Y-%m-%d %H:%M} UTC, and {what}{why}",
                    mend=f"`meridian automations run` looks at it again; `meridian automations show {one.proposal}` says what is there")
