"""What is declared in YAML files of a folder, each part with the line on which it stands: for whoever has to say what is wrong with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError

from flows.settings import nearest

LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)     # the one in C reads thirty rules in 30 ms instead of 300


@dataclass(frozen=True, kw_only=True)
class Text:
    """A file's content and where each part of it stands: path of keys -> 'file:line'."""

    name: str
    content: dict[str, Any]
    places: Mapping[tuple[str, ...], str]

    def place(self, location: tuple[str, ...]) -> str:
        while location not in self.places:
            location = location[:-1]
        return self.places[location]


def read(file: Path) -> Text:
    """Raises YAMLError, for what is not UTF-8 or no date, too."""
    try:
        loader = LOADER(file.read_text(encoding="utf-8"))
        node = loader.get_single_node()
        content = loader.construct_document(node) if node is not None else {}
    except (ValueError, TypeError, RecursionError) as error:
        raise yaml.YAMLError(str(error)) from None
    places = {path: f"{file}:{line}" for path, line in _lines(node)}
    return Text(name=file.stem, content=content if isinstance(content, dict) else {}, places={**places, (): f"{file}:1"})


def not_yaml(file: Path, error: yaml.YAMLError) -> str:
    return f"{file}: not valid YAML: {' '.join(str(error).split())}"


def problems(text: Text, what: str, error: ValidationError, keys_at: Callable[[tuple[str, ...]], Sequence[str]]) -> Iterator[str]:
    """A line for each thing that is wrong. what: 'a rule'. keys_at: the keys that the part of a location may have."""
    for issue in error.errors(include_url=False, include_context=False):
        location = tuple(str(part) for part in issue["loc"])
        where, dotted = text.place(location), ".".join(location)
        if issue["type"] == "extra_forbidden":
            yield f"{where}: {dotted} is no key of {what}{nearest(location[-1], list(keys_at(location[:-1])))}"
        elif issue["type"] == "missing":
            yield f"{where}: {dotted} is missing"
        else:
            given = "" if isinstance(issue["input"], dict) else f" = {issue['input']!r}"
            yield f"{where}: {dotted or text.name}{given}: {issue['msg'].removeprefix('Value error, ')}"


def _lines(node: Any, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], int]]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield (*above, key.value), key.start_mark.line + 1
            yield from _lines(value, (*above, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield (*above, str(index)), value.start_mark.line + 1
            yield from _lines(value, (*above, str(index)))
