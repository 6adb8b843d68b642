"""Read playbooks: the shipped ones, a company's own, and what meridian.toml says differently. One that is wrong is said with file, line and nearest name.

A wrong playbook does nothing and keeps no other from what it does: `load` gives what can be used and the problems beside it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from flows.alerting import declared
from flows.alerting.declared import Text
from flows.alerting.rule import names_of
from flows.automation.contract import Action, Kind
from flows.automation.options import Automations
from flows.automation.playbook import COLUMNS, PARTS, Playbook, Step
from flows.settings import line_of, nearest

SHIPPED = Path(__file__).parent / "playbooks"
_NOT_OF_THE_FILE = {"targets"}


@dataclass(frozen=True, kw_only=True)
class Known:
    """What a playbook may name. worklists: name -> columns of its own, beside those of every list. roles: with somebody behind them."""

    worklists: Mapping[str, Collection[str]]
    rules: Collection[str]
    kpis: Collection[str]
    actions: Mapping[str, Action]
    kinds: Mapping[str, Kind]


@dataclass(frozen=True, kw_only=True)
class Loaded:
    """problems: of files and settings; a playbook with one is not among `playbooks`."""

    playbooks: Mapping[str, Playbook]
    problems: tuple[str, ...]


def load(
    folders: Collection[Path], options: Automations, known: Known, *, language: str = "en", config: str = "meridian.toml", config_text: str = "",
) -> Loaded:
    """The playbooks of `folders` (a later one replaces one of the same name), changed as options say. language: in which they write to people."""
    problems: list[str] = []
    texts: dict[str, Text] = {}
    for folder in folders:
        for file in sorted(folder.glob("*.yml")):
            try:
                texts[file.stem] = declared.read(file)
            except yaml.YAMLError as error:
                problems.append(declared.not_yaml(file, error))

    def place(*location: str) -> str:
        return f"{config}:{line_of(config_text, ('automations', *location))}: automations.{'.'.join(location)}"

    problems += _wrong_targets(options, known, place)
    for name in options.playbooks:
        if name not in texts:
            problems.append(f"{place('playbooks', name)}: there is no such playbook{nearest(name, sorted(texts)) if texts else '; there is none'}")
    found = {}
    for name, text in texts.items():
        changes = options.playbooks.get(name, {})
        changed = _changed(text, changes, config, config_text)
        try:
            playbook = Playbook.model_validate({**changed.content, "playbook": name})
        except ValidationError as error:
            problems += declared.problems(changed, "a playbook", error, _keys_at)
            continue
        playbook = _here(playbook, changes.get("targets", {}), options, known, language)
        wrong = list(_unknown_names(playbook, changed, options, known))
        problems += wrong
        if not wrong:
            found[name] = playbook
    return Loaded(playbooks=found, problems=tuple(problems))


def _here(playbook: Playbook, renamed: Mapping[str, str], options: Automations, known: Known, language: str) -> Playbook:
    """With its steps as they are done here; those that need what its target was not given are left out."""
    def placed(steps: Collection[Step]) -> tuple[Step, ...]:
        here = [_in_place(step, _target(step.target, renamed, options), options, known, language) for step in steps]
        return tuple(step for step in here if _is_set_up(step, options, known))

    steps, when_gone = placed(playbook.steps), playbook.when_gone
    if when_gone is not None:
        kept = tuple(name for name in when_gone.take_back if any(step.do.rpartition(".")[2] == name.rpartition(".")[2] for step in steps))
        when_gone = when_gone.model_copy(update={"take_back": kept, "steps": placed(when_gone.steps)})
    return playbook.model_copy(update={"steps": steps or playbook.steps, "when_gone": when_gone})


def _target(name: str, renamed: Mapping[str, str], options: Automations) -> str:
    """Tasks go to the target `tasks` where there is one, else to the helpdesk."""
    if name == "tasks" and name not in renamed and name not in options.targets:
        name = "helpdesk"
    return renamed.get(name, name)


def _is_set_up(step: Step, options: Automations, known: Known) -> bool:
    action, target = known.actions.get(step.do), options.targets.get(step.target)
    return action is None or target is None or not action.needs or bool(target.options.get(action.needs))


def _in_place(step: Step, target: str, options: Automations, known: Known, language: str) -> Step:
    """A step as it is done here: in which system, by that system's own action, in which language."""
    do = step.do
    if "." not in do:
        configured = options.targets.get(target)
        kinds = [configured.kind] if configured else list(known.kinds)
        do = next((name for kind in kinds if (name := f"{kind}.{do}") in known.actions), do)
    return step.in_(language).model_copy(update={"target": target, "do": do})


def _changed(text: Text, changes: Mapping[str, Any], config: str, config_text: str) -> Text:
    changes = {key: value for key, value in changes.items() if key not in _NOT_OF_THE_FILE}
    if isinstance(changes.get("caps"), dict):
        changes["caps"] = {**dict(text.content.get("caps") or {}), **changes["caps"]}
    places: dict[tuple[str, ...], str] = {(key,): f"{config}:{line_of(config_text, ('automations', 'playbooks', text.name, key))}" for key in changes}
    kept = {path: place for path, place in text.places.items() if not path or path[0] not in changes}
    return replace(text, content={**text.content, **changes}, places={**kept, **places})


def _keys_at(location: tuple[str, ...]) -> list[str]:
    part = next((PARTS[name] for name in reversed(location) if name in PARTS), Playbook)
    return [name for name in names_of(part) if name != "playbook"]


def _unknown_names(playbook: Playbook, text: Text, options: Automations, known: Known) -> Iterator[str]:
    def said(location: tuple[str, ...], what: str, wrong: str, valid: Collection[str]) -> str:
        return f"{text.place(location)}: {'.'.join(location)}: {wrong!r} is no {what}{nearest(wrong, sorted(valid)) if valid else '; there is none'}"

    when = playbook.when
    if when.worklist not in known.worklists:
        yield said(("when", "worklist"), "worklist", when.worklist, known.worklists)
    else:
        columns = {*COLUMNS, *known.worklists[when.worklist]}
        for location, column in playbook.columns():
            if column not in columns:
                yield said(location, f"column of {when.worklist}", column, columns)
    if when.alert is not None and when.alert not in known.rules:
        yield said(("when", "alert"), "rule", when.alert, known.rules)
    if playbook.kpi not in known.kpis:
        yield said(("kpi",), "KPI", playbook.kpi, known.kpis)
    numbered: list[tuple[tuple[str, ...], Step]] = [(("steps", str(number)), step) for number, step in enumerate(playbook.steps)]
    numbered += [(("when_gone", "steps", str(number)), step) for number, step in enumerate(playbook.when_gone.steps if playbook.when_gone else ())]
    for place, step in numbered:
        action = known.actions.get(step.do)
        if action is None:
            yield said((*place, "do"), "action", step.do, known.actions)
            continue
        given, known_ones = {name.rstrip("?") for name in step.with_}, {name.rstrip("?") for name in action.parameters}
        if extra := sorted(given - known_ones):
            yield said((*place, "with"), f"parameter of {step.do}", extra[0], known_ones)
        if lacking := sorted(name for name in action.parameters if not name.endswith("?") and name not in step.with_):
            yield f"{text.place((*place, 'with'))}: {'.'.join(place)}.with: {step.do} needs {lacking[0]}: {action.parameters[lacking[0]]}"
        target = options.targets.get(step.target)
        if target is not None and target.kind != action.kind:
            yield f"{text.place((*place, 'target'))}: {'.'.join(place)}.target: {step.target} is a {target.kind}, and {step.do} acts in a {action.kind}"
        if target is None and playbook.mode in ("approve", "auto"):
            yield (f"{text.place((*place, 'target'))}: {'.'.join(place)}.target: {step.target!r} is not configured, and mode {playbook.mode} acts there: "
                   f"add [automations.targets.{step.target}] to meridian.toml, or set mode = \"propose\"")


def _wrong_targets(options: Automations, known: Known, place: Any) -> Iterator[str]:
    for name, target in options.targets.items():
        kind = known.kinds.get(target.kind)
        if kind is None:
            yield f"{place('targets', name, 'kind')} = {target.kind!r} is no kind of target{nearest(target.kind, sorted(known.kinds))}"
            continue
        names = {option.rstrip("?") for option in kind.options}
        for option in target.options:
            if option not in names:
                yield f"{place('targets', name, option)} is not an option of {target.kind}{nearest(option, sorted(names))}"
        for option in kind.options:
            if not option.endswith("?") and option not in target.options:
                yield f"{place('targets', name)}.{option} is missing: {kind.options[option]}"
        for option, why in kind.wrong(target.options).items():
            yield f"{place('targets', name, option)} = {target.options[option]!r}: {why}"
