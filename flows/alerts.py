"""The alerts of a deployment: its rules, one evaluation of them now, and what the commands print. Knows no Prefect; the flow is flows/alert.py."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path

import duckdb
import yaml

from flows import channels
from flows.alerting import episodes, facts, judge, replay, rule_tests, rules
from flows.alerting import evaluate as evaluation
from flows.alerting.compose import LinkOf
from flows.alerting.episodes import Alert, Message, Reading
from flows.alerting.evaluate import Evaluation, Setup
from flows.alerting.notice import Language
from flows.alerting.rule import Rule
from flows.reporting import scorecard
from flows.settings import Settings, nearest
from flows.store import alerts as store
from flows.store import ledger as ledgers
from flows.store import published

ENOUGH = 28                     # days of kept versions from which a rate a year is worked out
MANY = 5                        # alerts of one rule and message that are listed one by one
REPLAY_HEADS = ("rule", "tier", "episodes", "a year", "messages", "a year")


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """problems: of rules that cannot be used; all others were evaluated."""

    evaluation: Evaluation
    problems: tuple[str, ...]

    @property
    def sentence(self) -> str:
        found = self.evaluation
        told = ", ".join(map(_in_short, found.messages)) or "nothing new to tell"
        if found.is_past:
            return f"{found.version} is as of {found.as_of}, and alerts have been told of a later day: what was is no news; {told}"
        counted = f"{found.promised} messages promised, {len(found.frozen)} rules frozen, {len(found.unjudged)} cannot be judged"
        return f"alerts as of {found.as_of}: {told}; {counted}"


def _in_short(message: Message) -> str:
    rules = dict.fromkeys(alert.rule for alert in message.alerts)
    about = next(iter(rules)) if len(rules) == 1 else f"of {len(rules)} rules"
    return f"{message.kind} {about}" + (f" ({len(message.alerts)})" if len(message.alerts) > 1 else "")


def load_rules(settings: Settings) -> rules.Loaded:
    """The shipped rules and the company's own, as its meridian.toml wants them."""
    options = settings.configuration.alerts
    text = settings.path.read_text(encoding="utf-8") if settings.path.is_file() else ""
    known = rules.Known(kpis=known_kpis(settings.dbt_project), channels=languages(settings))
    return rules.load([rules.SHIPPED, settings.path.parent / options.folder], options, known, config=str(settings.path), config_text=text)


def languages(settings: Settings) -> dict[str, Language]:
    """The channels of a deployment, and in which language each is told."""
    first = settings.configuration.company.languages[0]
    return {name: channel.language or first for name, channel in settings.configuration.channels.items()}


@cache
def known_kpis(project: Path) -> frozenset[str]:
    """Every KPI that a model defines, whether it is published here or not."""
    found = set()
    for file in project.glob("models/marts/kpis/**/kpi_*.yml"):
        text = file.read_text(encoding="utf-8")
        if "meta:" not in text:         # a table about KPIs: the catalogue, signals, drivers
            continue
        found.add(file.stem.removeprefix("kpi_"))
        if "also:" in text:
            found |= {name for model in yaml.safe_load(text)["models"] for name in model["config"].get("meta", {}).get("kpi", {}).get("also", {})}
    return frozenset(found)


def setup_of(settings: Settings, loaded: rules.Loaded, link_of: LinkOf | None) -> Setup:
    return Setup(rules=loaded.rules, broken=loaded.broken, options=settings.configuration.alerts, languages=languages(settings),
                 currency=settings.configuration.company.currency, link_of=link_of)


def last_night(settings: Settings, ledger: ledgers.Ledger, now: datetime) -> facts.Night:
    """What rules ask of the nights: the checks that failed in the last one, and for how many nights no version came."""
    # a night that found nothing new, or died, has asked no checks of the marts
    checked = ("published", "published with stale sources", "stopped by checks")
    ended = next((night for night in ledgers.list_nights(ledger, limit=60) if night["state"] in checked and night["report"]), None)
    current = published.current(settings.published)
    # a version as of yesterday comes in the night; until then the one before it is the newest there can be
    behind = (settings.as_of(now) - current.as_of).days - 1 if current else 0
    return facts.Night(failed_checks=ended["report"]["failed_checks"] if ended else (), days_behind=max(0, behind), feeds=ledgers.feeds_of(ledger))


def evaluate_now(settings: Settings, ledger: ledgers.Ledger) -> Evaluated:
    """Evaluate the current version at this instant; messages have links where `MERIDIAN_LINK_KEY` is set. Raises PublishError where nothing is
    published, LeaseTaken where somebody else is at it."""
    now = settings.clock()
    loaded = load_rules(settings)
    with closing(published.connect(settings.published)) as marts:
        found = evaluation.evaluate(ledger, marts, setup_of(settings, loaded, channels.link_writer(settings)), night=last_night(settings, ledger, now), now=now)
    return Evaluated(evaluation=found, problems=loaded.problems)


def listing(settings: Settings, language: scorecard.Language) -> str:
    """What is open, what is silenced, and which rules cannot say anything, and why."""
    ledger, loaded, now = ledgers.open_ledger(settings.ledger), load_rules(settings), settings.clock()
    with ledger.begin() as connection:
        told = store.told(connection)
    lines = [f"alerts told up to {told.last_as_of}" if told.last_as_of else "no evaluation yet: `meridian alerts check` makes one, and so does every night"]
    groups: dict[tuple[str, str, str], list[Alert]] = {}
    for alert in sorted((alert for alert in told.alerts if alert.is_open), key=lambda one: (one.severity != "critical", one.rule, one.label)):
        groups.setdefault((alert.rule, alert.group, _state(alert, now)), []).append(alert)
    for (_, group, state), members in groups.items():
        for alert in members if len(members) <= MANY else ():
            why = episodes.held(loaded.rules, told.silences, alert, told.alerts, now)
            lines += [f"{state:<13} {_title(loaded, alert, language)}", f"{'':<13} since {alert.since}, {alert.alert}" + (f", {why}" if why else "")]
        if len(members) > MANY:
            shown = f"{_title(loaded, members[0], language)}, {', '.join(alert.label for alert in members[1:MANY])} ... {len(members)} in all"
            lines += [f"{state:<13} {shown}", f"{'':<13} meridian alerts show {members[0].rule}; meridian alerts ack '{group}' takes all of the message"]
    for silence in told.silences:
        if now < silence.ends_at:
            lines.append(f"silence {silence.silence}: {silence.rule or 'every rule'} {silence.segment or ''} until {silence.ends_at:%Y-%m-%d %H:%M} UTC, "
                         f"by {silence.by}: {silence.reason}")
    with closing(published.connect(settings.published)) as marts:
        found = facts.read(marts, loaded.rules, night=last_night(settings, ledger, now))
        has_rosters = bool(facts.shifts(marts, found.as_of))
    fired = {(alert.rule, alert.segment_type, alert.segment) for alert in told.alerts if alert.is_open}
    for name, reading in ((name, reading) for name, readings in found.readings.items() for reading in readings):
        rule = loaded.rules[name]
        if (run := judge.pending(reading.points, rule.for_)) and (name, reading.segment_type, reading.segment) not in fired:
            subject = "" if reading.segment_type == "all" else f": {reading.label or reading.segment}"
            lines.append(f"{'pending':<13} {rule.title.in_(language)}{subject}, {run} of {rule.for_}")
    lines += _by_reason("frozen", found.frozen) + _by_reason("cannot be judged", found.unjudged)
    if not has_rosters:
        lines.append("no rosters are published: escalation goes by the clock")
    if not languages(settings):
        lines.append("no channel is configured: alerts are kept here, and nobody is told")
    return "\n".join([*lines, *(f"PROBLEM {problem}" for problem in loaded.problems)])


def showing(settings: Settings, name: str, language: scorecard.Language) -> str:
    """One alert: its rule, what to do, whom it climbs to, and what happened. An alert's name, or a rule's for all that are open. Raises NoSuchAlert."""
    ledger, loaded = ledgers.open_ledger(settings.ledger), load_rules(settings)
    with ledger.begin() as connection:
        found = [alert for alert in store.told(connection).alerts if alert.is_open and alert.rule == name] or [store.find(connection, name)]
        logs = {alert.alert: store.history(connection, alert.alert) for alert in found}
    lines = []
    for alert in found:
        lines += [f"{_state(alert, settings.clock())}  {_title(loaded, alert, language)}", f"  {alert.alert}, since {alert.since}, in version {alert.version}"]
        rule = loaded.rules.get(alert.rule)
        lines += [f"  {number}. {step}" for number, step in enumerate(rule.runbook.in_(language) if rule else (), start=1)]
        if rule:
            raci = rule.raci
            lines.append(f"  {rule.owner} answers for it; responsible {raci.responsible}, accountable {raci.accountable}, "
                         f"consulted {raci.consulted or '–'}, informed {raci.informed or '–'}")
        lines += [f"  {step.due_at:%Y-%m-%d %H:%M} UTC → {step.to} ({step.why})" for step in alert.ladder]
        lines += [f"  {row['at'][:16].replace('T', ' ')}  {row['what']} by {row['by']}" + (f": {row['note']}" if row["note"] else "")
                  for row in logs[alert.alert]]
    return "\n".join(lines)


def tested(settings: Settings, name: str | None) -> tuple[list[str], list[str]]:
    """(what holds, what does not) of the rules' own tests and files. Raises LookupError for a rule that is not there."""
    loaded = load_rules(settings)
    if name in loaded.broken:
        return [], list(loaded.problems)
    _must_know(loaded, name)
    chosen = [loaded.rules[name]] if name else list(loaded.rules.values())
    wrong = [line for rule in chosen for line in rule_tests.failures(rule)]
    holds = [f"{rule.rule}: {len(rule.tests)} tests" for rule in chosen if not rule_tests.failures(rule)]
    return holds, [*wrong, *(loaded.problems if name is None else ())]


def replayed(settings: Settings, *, days: int, name: str | None = None) -> str:
    """The table of what each rule would have said over the last `days` days of the published history. Raises LookupError for an unknown rule."""
    loaded = load_rules(settings)
    _must_know(loaded, name)
    chosen = {rule: value for rule, value in loaded.rules.items() if name in (None, rule)}
    with closing(published.connect(settings.published)) as marts:
        found = facts.read(marts, chosen, night=facts.Night(), whole=True)
        (begin,) = marts.execute("select min(period_start) from kpis").fetchone() or (None,)
    first = max(found.as_of - timedelta(days=days - 1), begin or date.min)
    kept = _kept(settings, chosen, first)
    lived = replay.replay(chosen, found.readings, first=first, last=found.as_of, kept=kept)
    rows = [REPLAY_HEADS, *(
        (one.rule + ("*" if one.is_by_version else ""), one.tier, str(len(one.episodes)), _a_year(one, len(one.episodes)), str(one.notices),
         _a_year(one, one.notices)) for one in lived)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(REPLAY_HEADS))]
    lines = ["  ".join(cell.ljust(width) if column < 2 else cell.rjust(width) for column, (cell, width) in enumerate(zip(row, widths, strict=True)))
             for row in rows]
    if name is not None:
        lines += [f"  {alert.label}: beyond it since {alert.since}, fired {alert.fired_on}, {alert.resolution or 'open'} {alert.resolved_on or ''}".rstrip()
                  for one in lived for alert in one.episodes]
    if by_version := [one for one in lived if one.is_by_version]:
        lines.append(f"* tells only how it is: as the kept versions of {max(one.days for one in by_version)} days told it, {min(kept)} to {max(kept)}")
    unreplayed = sorted(rule for rule in chosen if rule not in {one.rule for one in lived})
    return "\n".join([f"{first} to {found.as_of}, as published in {found.version}, nobody acknowledging", *lines,
                      *([f"no published history: {', '.join(unreplayed)}"] if unreplayed else [])])


def _a_year(one: replay.Replayed, count: int) -> str:
    """A rate from a few days is none."""
    return "–" if one.is_by_version and one.days < ENOUGH else f"{one.per_year(count):.1f}"


def _kept(settings: Settings, chosen: Mapping[str, Rule], first: date) -> dict[date, Mapping[str, Sequence[Reading]]]:
    """Day -> what its newest version that was not withdrawn told of the rules that have no history of their own."""
    present = {name: rule for name, rule in chosen.items() if not rule.has_history and rule.missing not in ("check", "version")}
    if not present:
        return {}
    newest = {one.as_of: one for one in published.list_versions(settings.published) if one.withdrawn is None and one.as_of >= first}
    told = {}
    for day, one in newest.items():
        with closing(duckdb.connect(str(one.marts), read_only=True)) as marts:
            told[day] = facts.read(marts, present, night=facts.Night()).readings
    return told


def _must_know(loaded: rules.Loaded, name: str | None) -> None:
    if name is not None and name not in loaded.rules:
        raise LookupError(f"there is no rule {name!r}{nearest(name, sorted(loaded.rules.keys() | loaded.broken))}")


def _by_reason(what: str, reasons: Mapping[str, str]) -> list[str]:
    """One line for all rules that share a reason."""
    return [f"{what}: {', '.join(sorted(name for name in reasons if reasons[name] == why))}: {why}" for why in sorted(set(reasons.values()))]


def _state(alert: Alert, now: datetime) -> str:
    if not alert.is_open:
        return "over"
    return "acknowledged" if alert.is_acknowledged(now) else "firing" if alert.told_at else "held"


def _title(loaded: rules.Loaded, alert: Alert, language: scorecard.Language) -> str:
    rule = loaded.rules.get(alert.rule)
    title = rule.title.in_(language) if rule else alert.rule
    return title if alert.segment_type == "all" else f"{title}: {alert.label}"
