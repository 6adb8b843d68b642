"""Read rules: the shipped ones, a company's own, and what meridian.toml says differently. One that is wrong is said with file, line and nearest name.

A wrong rule does not silence the others: `load` gives what can be used and the problems beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import BaseModel, ValidationError

from flows.alerting import declared
from flows.alerting.declared import Text, not_yaml, read
from flows.alerting.options import Alerts
from flows.alerting.rule import CONDITIONS, PARTS, Rule, names_of
from flows.settings import line_of, nearest

SHIPPED = Path(__file__).parent / "rules"


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a rule may name. channels: as configured; without any, rules are judged all the same, and nobody is told."""

    kpis: Collection[str]
    channels: Collection[str]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """broken: the names of rules that are there and cannot be used; problems says why."""

    rules: Mapping[str, Rule]
    broken: frozenset[str]
    problems: tuple[str, ...]


def load(folders: Collection[Path], options: Alerts, known: Known, *, config: str = "meridian.toml", config_text: str = "") -> Loaded:
    """The rules of `folders` (a later one replaces a rule of the same name), changed as options say, without those that are off."""
    problems: list[str] = []
    broken: set[str] = set()
    texts: dict[str, Text] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.yml")):
            try:
                texts[file.stem] = read(file)
                broken.discard(file.stem)
            except yaml.YAMLError as error:
                broken.add(file.stem)
                problems.append(not_yaml(file, error))
    problems += _wrong_options(options, texts, known, config, config_text)
    rules = {}
    for name, text in texts.items():
        if name in options.off:
            continue
        changed = _changed(text, options.rules.get(name, {}), config, config_text)
        try:
            rule = Rule.model_validate({**changed.content, "rule": name})
        except ValidationError as error:
            problems += declared.problems(changed, "a rule", error, _keys_at)
            continue
        wrong = list(_unknown_names(rule, changed, known, set(texts)))
        problems += wrong
        if not wrong:
            rules[name] = rule
    broken |= {name for name in texts if name not in rules and name not in options.off}
    return Loaded(rules=rules, broken=frozenset(broken - set(options.off)), problems=tuple(problems))


def _changed(text: Text, changes: Mapping[str, Any], config: str, config_text: str) -> Text:
    """A rule as meridian.toml wants it. Another condition takes the place of the shipped one, and with it goes what ends it."""
    content = dict(text.content)
    if any(name in CONDITIONS for name in changes):
        content = {key: value for key, value in content.items() if key not in CONDITIONS}
        content["clear"] = {key: value for key, value in dict(content.get("clear") or {}).items() if key != "at"}
    places: dict[tuple[str, ...], str] = {(key,): f"{config}:{line_of(config_text, ('alerts', 'rules', text.name, key))}" for key in changes}
    kept = {path: place for path, place in text.places.items() if not path or path[0] not in changes}
    return Text(name=text.name, content={**content, **changes}, places={**kept, **places})


def _keys_at(location: tuple[str, ...]) -> list[str]:
    model: type[BaseModel] = PARTS[location[0]] if location and location[0] in PARTS else Rule
    return [name for name in names_of(model) if name != "rule"]


def _unknown_names(rule: Rule, text: Text, known: Known, rules: Collection[str]) -> Iterator[str]:
    if rule.kpi is not None and rule.kpi not in known.kpis:
        yield f"{text.place(('kpi',))}: kpi = {rule.kpi!r}: there is no such KPI{nearest(rule.kpi, sorted(known.kpis))}"
    for index, channel in enumerate(rule.channels):
        if channel not in known.channels:
            yield f"{text.place(('channels', str(index)))}: channels: {channel!r} is no channel{_nearest(channel, known.channels)}"
    for index, other in enumerate(rule.inhibited_by):
        if other not in rules:
            yield f"{text.place(('inhibited_by', str(index)))}: inhibited_by: {other!r} is no rule{nearest(other, sorted(rules))}"


def _nearest(wrong: str, valid: Collection[str]) -> str:
    return nearest(wrong, sorted(valid)) if valid else "; none is configured"


def _wrong_options(options: Alerts, rules: Collection[str], known: Known, config: str, config_text: str) -> Iterator[str]:
    def said(location: tuple[str, ...], what: str, wrong: str, valid: Collection[str]) -> str:
        return f"{config}:{line_of(config_text, location)}: {'.'.join(location)}: {wrong!r} is no {what}{_nearest(wrong, valid)}"

    for name in (*options.off, *options.rules):
        if name not in rules:
            yield said(("alerts", *(("rules", name) if name in options.rules else ("off",))), "rule", name, rules)
    for tier, channels in options.channels.items():
        yield from (said(("alerts", "channels", tier), "channel", channel, known.channels) for channel in channels if channel not in known.channels)
    for role, person in options.people.items():
        yield from (said(("alerts", "people", role, "channels"), "channel", channel, known.channels)
                    for channel in person.channels if channel not in known.channels)
