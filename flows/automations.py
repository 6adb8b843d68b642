"""The automations of a deployment: its playbooks, its targets with their secrets, one run now. Knows no Prefect; the flows are flows/automate.py and
flows/approve.py."""

from __future__ import annotations

import random
import time
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache, partial
from pathlib import Path
from threading import Lock
from typing import Any

import yaml

from flows import alerts, channels
from flows.alerting import rules
from flows.automation import agreement, executor, lists, playbooks, propose
from flows.automation.actions import ACTIONS, KINDS
from flows.automation.contract import Refused
from flows.automation.engine import Engine, Found
from flows.automation.notices import Post
from flows.automation.options import Automations
from flows.automation.plan import Firing
from flows.automation.playbook import COLUMNS, Playbook
from flows.settings import Settings, nearest
from flows.store import alerts as alert_store
from flows.store import published
from flows.store.ledger import Ledger
from flows.whoami import account

PATIENCE = timedelta(minutes=2)         # after which a run looks at nothing new; the next one comes in ten


@dataclass(frozen=True, kw_only=True)
class Ready:
    """problems: of files and settings; and of playbooks that may not do yet what they are set to."""

    engine: Engine
    problems: tuple[str, ...]


def load_playbooks(settings: Settings) -> playbooks.Loaded:
    """The shipped playbooks and the company's own, as its meridian.toml wants them."""
    options = settings.configuration.automations
    text = settings.path.read_text(encoding="utf-8") if settings.path.is_file() else ""
    own_rules = settings.path.parent / settings.configuration.alerts.folder
    known = playbooks.Known(
        worklists=known_worklists(settings.dbt_project), rules={file.stem for folder in (rules.SHIPPED, own_rules) for file in folder.glob("*.yml")},
        kpis=alerts.known_kpis(settings.dbt_project), actions=ACTIONS, kinds=KINDS)
    return playbooks.load([playbooks.SHIPPED, settings.path.parent / options.folder], options, known, language=settings.configuration.company.languages[0],
                          config=str(settings.path), config_text=text)


@cache
def known_worklists(project: Path) -> Mapping[str, frozenset[str]]:
    """Every worklist that a model defines, with its own columns."""
    found = {}
    for file in project.glob("models/marts/worklists/*.yml"):
        for model in yaml.load(file.read_text(encoding="utf-8"), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))["models"]:      # noqa: S506
            if model["name"].startswith("worklist_"):
                found[model["name"].removeprefix("worklist_")] = frozenset(column["name"] for column in model["columns"]) - set(COLUMNS)
    return found


def ready(settings: Settings, ledger: Ledger) -> Ready:
    """Everything that proposing and executing need."""
    loaded, options = load_playbooks(settings), settings.configuration.automations
    found, problems = {}, list(loaded.problems)
    for name, playbook in loaded.playbooks.items():
        found[name] = playbook
        if playbook.mode == "auto":
            with ledger.begin() as connection:
                why = agreement.why_not_auto(agreement.of(connection, playbook), options)
            if why:
                found[name] = playbook.model_copy(update={"mode": "approve"})
                problems.append(f"{name} may not run by itself yet, and asks: {why}")
    reader = _Reader(settings=settings, ledger=ledger)
    engine = Engine(
        ledger=ledger, playbooks=found, actions=ACTIONS, targets=options.targets, open=partial(open_target, settings),
        beside=lambda target, session: KINDS[options.targets[target].kind].beside(session), found=reader.found, clock=settings.clock,
        random=random.random, zone=settings.zone, account=account(),
        post=Post(channels_of=partial(_channels_of, settings), languages=alerts.languages(settings), link_of=channels.link_writer(settings)))
    return Ready(engine=engine, problems=tuple(problems))


@contextmanager
def open_target(settings: Settings, name: str) -> Iterator[Any]:
    """A session of a target. Raises ActionError."""
    target = settings.configuration.automations.targets[name]
    kind = KINDS[target.kind]
    variables = {end: secret_name(name, end) for end in kind.secrets}
    if lacking := sorted(variable for variable in variables.values() if not settings.secrets.get(variable)):
        raise Refused(f"{', '.join(lacking)} is not set: put it into {settings.path.parent / '.env'} or the environment")
    options = {name: str(settings.path.parent / value) if name in kind.paths else value for name, value in target.options.items()}
    with kind.open(options, {end: settings.secrets[variable] for end, variable in variables.items()}) as session:
        yield session


def secret_name(target: str, end: str) -> str:
    """The environment variable that holds a target's secret."""
    return f"MERIDIAN_{target.upper()}_{end}"


def run_now(settings: Settings, ledger: Ledger, *, only: str | None = None, by: str = "") -> tuple[Counter[str], tuple[str, ...]]:
    """Look at the lists, close what nobody answered, do what was agreed to. What became of how many, and problems. by: who asked; '' where a schedule did.

    Nothing of it happens where meridian.toml says nothing of automations.
    """
    if settings.configuration.automations == Automations():
        return Counter(), ()
    prepared = ready(settings, ledger)
    done = propose.propose(prepared.engine, only=only, by=by) + propose.sweep(prepared.engine)
    end = time.monotonic() + PATIENCE.total_seconds()
    while time.monotonic() < end:
        if not (now := executor.execute(prepared.engine)):
            break
        done += now
        if not set(now) & {"verified"}:         # what was verified may let others go: those behind a canary, the next steps
            break
    return done, prepared.problems


def sentence(done: Mapping[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in sorted(done.items())) or "nothing new"


def approver(settings: Settings, given: str | None) -> str:
    """Who decides at this terminal: as given, or the role that meridian.toml gives to its user. Raises LookupError for a role that it gives to others."""
    known, user = settings.configuration.automations.approvers, account()
    if given is None:
        return roles(settings)[0]
    if given in known and known[given].users and user not in known[given].users:
        raise LookupError(f"{given} is {', '.join(known[given].users)} at a terminal, not {user} (automations.approvers.{given}.users)")
    return given


def roles(settings: Settings) -> Sequence[str]:
    """What meridian.toml says that this terminal's user is; else the user's own name."""
    user = account()
    return [role for role, one in settings.configuration.automations.approvers.items() if user in one.users] or [user]


def is_shared(settings: Settings, user: str) -> bool:
    """Whether meridian.toml says that several people work under this account of the operating system, so that it tells nobody from another."""
    return user in settings.configuration.automations.shared_accounts


def account_of(settings: Settings, role: str) -> str:
    """The account behind a role that one person alone has; '' where that is not known."""
    one = settings.configuration.automations.approvers.get(role)
    return one.users[0] if one and len(one.users) == 1 else ""


def must_know(settings: Settings, name: str) -> None:
    """Raises LookupError for what is neither '*' nor a playbook nor a target of ours."""
    options = settings.configuration.automations
    files = [file for folder in (playbooks.SHIPPED, settings.path.parent / options.folder) for file in folder.glob("*.yml")]
    known = ["*", *(file.stem for file in files), *(f"target:{target}" for target in options.targets)]
    if name not in known:
        raise LookupError(f"{name!r} is no playbook{nearest(name, known)}")


def _channels_of(settings: Settings, role: str) -> tuple[str, ...]:
    """A role's channels, of those that exist."""
    own = settings.configuration.automations.approvers.get(role)
    person = settings.configuration.alerts.people.get(role)
    named = (own.channels if own else ()) or (person.channels if person else ())
    return tuple(channel for channel in named if channel in settings.configuration.channels)


@dataclass(kw_only=True)
class _Reader:
    """Reads each list once a version: an executor asks for it before every item, from as many threads as it has sessions."""

    settings: Settings
    ledger: Ledger
    version: str = ""

    def __post_init__(self) -> None:
        self.lists: dict[str, Found] = {}
        self.one_at_a_time = Lock()

    def found(self, playbook: Playbook) -> Found:
        with self.one_at_a_time:
            found = self._found(playbook)
        with self.ledger.begin() as connection:
            firing = alert_store.firing(connection, playbook.when.alert) if playbook.when.alert else []
        return replace(found, firing=[Firing(segment_type=kind, segment=segment) for kind, segment in firing])

    def _found(self, playbook: Playbook) -> Found:
        current = published.current(self.settings.published)
        if current is None:
            raise LookupError("nothing is published")
        if current.name != self.version:
            self.version, self.lists = current.name, {}
        if playbook.playbook not in self.lists:
            with closing(published.connect(self.settings.published)) as marts:
                self.lists[playbook.playbook] = lists.read(marts, playbook, (), expected=self.settings.as_of(self.settings.clock()) - timedelta(days=1))
        return self.lists[playbook.playbook]
