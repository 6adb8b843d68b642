"""Suites are YAML: batch/<kind>.yml (one list of checks a stream) and marts/<table>.yml (one list).

    tickets:                              # batch/zendesk.yml
      fields: {created_at: timestamp, score: satisfaction_rating.score}    # how a check reads a field: a type, a path, or both
      checks:
        - type: expect_column_values_to_be_in_set       # of Great Expectations, or one of our own (see OWN_CHECKS)
          kwargs: {column: status, value_set: [new, open]}
          severity: warning                             # critical stops publication, warning is reported
          why: a status that the models do not know falls out of the backlog

Checks in batch/every_stream.yml hold for every stream of every kind. What is misspelled is an error that names the file, the
line and the nearest valid name. Loading costs milliseconds and does not import Great Expectations; its names are read from the
names of its files, and the arguments of its expectations are checked when they are first used.
"""

from __future__ import annotations

import difflib
import importlib.util
import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any

import yaml

from expectations import batch_checks, marts_checks
from expectations.report import Severity

FOLDER = Path(__file__).parent
FIELD_TYPES = ("text", "integer", "number", "boolean", "date", "timestamp", "epoch")


class SuiteError(Exception):
    """A suite says something that nobody understands."""


@dataclass(frozen=True, kw_only=True)
class Expectation:
    type: str
    kwargs: Mapping[str, Any]
    severity: Severity
    why: str
    name: str                       # as it is reported
    file: Path
    line: int

    @property
    def is_own(self) -> bool:
        return self.type in batch_checks.CHECKS or self.type in marts_checks.CHECKS

    def wrong(self, text: str) -> SuiteError:
        return SuiteError(f"{self.file.name}, line {self.line}: {text}")


@dataclass(frozen=True, kw_only=True)
class Field:
    """How a check reads one field of a record. path: dotted, below the record. type: one of FIELD_TYPES; what cannot be read so is null."""

    path: str
    type: str = "text"


@dataclass(frozen=True, kw_only=True)
class Suite:
    """The checks of one stream or table. required: a missing table is critical (marts only)."""

    subject: str
    expectations: tuple[Expectation, ...] = ()
    fields: Mapping[str, Field] = field(default_factory=dict)
    required: bool = False


def batch_suite(kind: str, stream: str, folder: Path = FOLDER) -> Suite:
    """The checks of a stream: those of every stream and its own."""
    every = _read(folder / "batch" / "every_stream.yml")
    common = _expectations(every["checks"], folder / "batch" / "every_stream.yml", batch_checks.CHECKS)
    file = folder / "batch" / f"{kind}.yml"
    content = _read(file) if file.is_file() else {}
    if stream not in content:
        return Suite(subject=f"{kind}/{stream}", expectations=common)
    node = content[stream]
    _known(node, ("fields", "checks"), file)
    fields = {name: _field(name, text, file, node.get("__line__", 0)) for name, text in _plain(node.get("fields") or {}).items()}
    own = _expectations(node.get("checks") or [], file, batch_checks.CHECKS)
    for column in (column for expectation in (*common, *own) for column in columns_of(expectation)):
        fields.setdefault(column, Field(path=column))
    fields = {name: of for name, of in fields.items() if not name.startswith("_")}
    return Suite(subject=f"{kind}/{stream}", expectations=(*common, *own), fields=fields)


def marts_suites(folder: Path = FOLDER) -> list[Suite]:
    suites = []
    for file in sorted((folder / "marts").glob("*.yml")):
        content = _read(file)
        _known(content, ("required", "checks"), file)
        expectations = _expectations(content["checks"], file, marts_checks.CHECKS)
        suites.append(Suite(subject=file.stem, required=bool(content.get("required")), expectations=expectations))
    return suites


def streams_with_suites(folder: Path = FOLDER) -> list[tuple[str, str]]:
    """(kind, stream) of everything that has a suite of its own."""
    files = [file for file in sorted((folder / "batch").glob("*.yml")) if file.stem != "every_stream"]
    return [(file.stem, stream) for file in files for stream in _plain(_read(file))]


def columns_of(expectation: Expectation) -> list[str]:
    """The columns that an expectation names in its arguments."""
    kwargs = expectation.kwargs
    named = [kwargs[key] for key in ("column", "column_A", "column_B") if isinstance(kwargs.get(key), str)]
    return [*named, *kwargs.get("column_list", []), *kwargs.get("columns", [])]


def nearest(name: str, valid: Iterable[str]) -> str:
    """'; did you mean ...?' or the whole vocabulary when it is small."""
    known = sorted(valid)
    close = difflib.get_close_matches(name, known, n=1, cutoff=0.5)
    if close:
        return f"; did you mean {close[0]}?"
    return f"; valid are {', '.join(known)}" if len(known) <= 12 else ""


@cache
def great_expectations_types() -> frozenset[str]:
    """The names that Great Expectations knows, without importing it (3.9 s)."""
    found = importlib.util.find_spec("great_expectations")
    assert found is not None
    assert found.origin is not None
    return frozenset(path.stem for path in (Path(found.origin).parent / "expectations" / "core").glob("*.py") if not path.stem.startswith("_"))


def _expectations(items: list[dict[str, Any]], file: Path, own: Mapping[str, Any]) -> tuple[Expectation, ...]:
    found = []
    for item in items:
        line = item["__line__"]
        _known(item, ("type", "kwargs", "severity", "why", "name"), file)
        for wanted in ("type", "severity", "why"):
            if not item.get(wanted):
                raise SuiteError(f"{file.name}, line {line}: a check needs {wanted!r}")
        if item["severity"] not in ("critical", "warning"):
            raise SuiteError(f"{file.name}, line {line}: severity {item['severity']!r} is not known{nearest(str(item['severity']), ('critical', 'warning'))}")
        kwargs = _plain(item.get("kwargs") or {})
        valid = {*own, *great_expectations_types()}
        if item["type"] not in valid:
            raise SuiteError(f"{file.name}, line {line}: there is no check {item['type']!r}{nearest(item['type'], valid)}")
        if item["type"] in own:
            arguments = [name for name, of in inspect.signature(own[item["type"]]).parameters.items() if of.kind is of.KEYWORD_ONLY]
            for name in kwargs:
                if name not in arguments:
                    raise SuiteError(f"{file.name}, line {line}: {item['type']} has no argument {name!r}{nearest(name, arguments)}")
        expectation = Expectation(type=item["type"], kwargs=kwargs, severity=item["severity"], why=item["why"], name="", file=file, line=line)
        columns = ", ".join(columns_of(expectation))
        found.append(Expectation(**{**vars(expectation), "name": item.get("name") or (f"{item['type']}({columns})" if columns else item["type"])}))
    return tuple(found)


def _field(name: str, text: str, file: Path, line: int) -> Field:
    """'timestamp', 'satisfaction_rating.score' or 'sla.target integer'."""
    words = str(text).split()
    if len(words) == 1 and words[0] in FIELD_TYPES:
        return Field(path=name, type=words[0])
    if len(words) <= 2 and (len(words) == 1 or words[1] in FIELD_TYPES):
        return Field(path=words[0], type=words[1] if len(words) == 2 else "text")
    raise SuiteError(f"{file.name}, line {line}: field {name!r} is {text!r}; write a type, a path, or both{nearest(words[-1], FIELD_TYPES)}")


def _known(node: Mapping[str, Any], keys: tuple[str, ...], file: Path) -> None:
    for key in _plain(node):
        if key not in keys:
            raise SuiteError(f"{file.name}, line {node['__lines__'][key]}: unknown key {key!r}{nearest(key, keys)}")


def _plain(node: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _bare(value) for key, value in node.items() if key not in ("__line__", "__lines__")}


def _bare(value: Any) -> Any:
    if isinstance(value, dict):
        return _plain(value)
    return [_bare(item) for item in value] if isinstance(value, list) else value


@cache
def _read(file: Path) -> dict[str, Any]:
    try:
        content = yaml.load(file.read_text(encoding="utf-8"), Loader=_WithLines)  # noqa: S506 - a SafeLoader that keeps line numbers
    except yaml.YAMLError as error:
        raise SuiteError(f"{file.name}: {error}") from error
    if not isinstance(content, dict):
        raise SuiteError(f"{file.name}: a suite is a mapping")
    return content


class _WithLines(yaml.SafeLoader):
    """Every mapping also says where it and its keys stand."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        mapping = super().construct_mapping(node, deep=True)
        mapping["__line__"] = node.start_mark.line + 1
        mapping["__lines__"] = {key.value: key.start_mark.line + 1 for key, _ in node.value}
        return mapping


def _construct(loader: Any, node: Any) -> dict[Any, Any]:
    constructed: dict[Any, Any] = loader.construct_mapping(node)
    return constructed


_WithLines.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _construct)
