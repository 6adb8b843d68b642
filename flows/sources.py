"""Sources: add one to the configuration, ask each who we are there, look at a few of its records."""

from __future__ import annotations

import inspect
import json
import os
import re
import secrets
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date, datetime
from itertools import islice
from pathlib import Path
from typing import Any

from connectors import personal, registry
from connectors.personal import KEY_VARIABLE
from connectors.stream import Record, SourceError, Window
from flows.ingest import connect_source
from flows.privacy import policy_of
from flows.reading import read_pages
from flows.settings import ConfigurationError, Settings, parse, read_env_file
from flows.store import ledger as ledgers


class CannotAdd(Exception):
    """The source was not added; nothing was written."""


@dataclass(frozen=True, kw_only=True)
class Option:
    """An option of a kind. default: as it would stand in meridian.toml; None: it has to be given. is_text: its value is never a number or a list."""

    name: str
    default: str | None
    is_text: bool


@dataclass(frozen=True, kw_only=True)
class Checked:
    """said: who we are at the source and its version. failure: what is wrong instead, in the source's own words, and how to mend it."""

    name: str
    kind: str
    streams: tuple[str, ...] = ()
    said: str = ""
    failure: str = ""
    mend: str = ""


@dataclass(frozen=True, kw_only=True)
class Field:
    """One field of a stream's records. types: what its values look like. present: in how many of the records it is."""

    path: str
    types: tuple[str, ...]
    present: int
    example: str


# ---- add

def options_of(kind: str) -> list[Option]:
    """The options of a kind's own, those that have to be given first."""
    declared = registry.options_class(kind)
    if declared is None:
        named = registry.option_names(kind)
        return [Option(name=name, default=None if name == "folder" else "", is_text=name == "folder") for name in named if not name.endswith("_env")]
    missing = object()
    found = []
    for field in fields(declared):
        given = getattr(declared, field.name, missing)
        if not field.name.endswith("_env"):
            found.append(Option(name=field.name, default=None if given is missing else _written(given), is_text=str(field.type).startswith("str")))
    return sorted(found, key=lambda option: option.default is not None)


def stanza(kind: str, name: str, options: Mapping[str, str], variables: Mapping[str, str]) -> str:
    """[sources.<name>] with comments. options: as typed by a person; a dotted one (streams.orders) fills a table. variables: secret -> environment variable."""
    known = options_of(kind)
    is_text = {option.name: option.is_text for option in known}
    documentation = inspect.getdoc(registry.options_class(kind) or object) or ""
    lines = [f"[sources.{name}]", f"kind = {json.dumps(kind)}"]
    if not re.match(r"\w+\(|The base class", documentation):       # what Python writes itself where nobody did
        lines += [f"# {line}" for line in documentation.splitlines() if line]
    lines += [f"{option} = {_value(text, is_text=is_text.get(option, False))}" for option, text in options.items()]
    lines += [f"{secret}_env = {json.dumps(variable)}          # its value is in .env beside this file, or in the environment"
              for secret, variable in variables.items()]
    lines += [f"# {option.name} = {option.default}" for option in known if option.default and option.name not in options]
    return "\n".join(lines) + "\n"


def add(settings: Settings, kind: str, name: str, options: Mapping[str, str], variables: Mapping[str, str], values: Mapping[str, str]) -> Settings:
    """Write the source's stanza into meridian.toml and new secrets into .env (mode 600), with a key for personal data where there is none. Returns the
    settings with it.

    variables: secret -> environment variable. values: environment variable -> value, for those that are to be written. Raises CannotAdd, or SourceError
    when the options cannot work; then nothing was written.
    """
    if name in settings.configuration.sources:
        raise CannotAdd(f"{settings.path} has a source {name!r} already; give this one another --name")
    known = {option.name: option for option in options_of(kind)}
    lacking = [option for option, one in known.items() if one.default is None and not any(given.split(".")[0] == option for given in options)]
    if lacking:
        hint = " ".join(f"--set '{option}.<stream>={{...}}'" if option == "streams" else f"--set {option}=..." for option in lacking)
        raise CannotAdd(f"a source of kind {kind} needs {', '.join(lacking)}: {hint}; all it may have: {', '.join(sorted(known))}")
    text = settings.path.read_text(encoding="utf-8")
    text = text.rstrip("\n") + "\n\n" + stanza(kind, name, options, variables)
    try:
        configuration = parse(text, settings.path)
    except ConfigurationError as error:
        raise CannotAdd(f"it would not be a valid configuration, nothing was written:\n{error}") from None
    clashing = [variable for variable, value in values.items() if settings.secrets.get(variable, value) != value]
    if clashing:
        raise CannotAdd(f"{', '.join(clashing)} is set already, to another value; choose another variable with --env")
    if KEY_VARIABLE not in settings.secrets:
        values = {**values, KEY_VARIABLE: secrets.token_hex(32)}
    added = replace(settings, configuration=configuration, secrets={**settings.secrets, **values})
    connect_source(added, name, ledgers.open_ledger(added.ledger)).close()
    new = {variable: value for variable, value in values.items() if variable not in settings.secrets}
    if new:
        _write_secrets(settings.path.parent / ".env", new)
    _write(settings.path, text, mode=settings.path.stat().st_mode & 0o777)
    return added


def _write_secrets(path: Path, values: Mapping[str, str]) -> None:
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    text = before + ("\n" if before and not before.endswith("\n") else "") + "".join(f"{name}={value}\n" for name, value in values.items())
    aside = path.with_name(".env.tmp")
    _write(aside, text, mode=0o600)
    kept = read_env_file(aside)
    if any(kept.get(name) != value for name, value in values.items()):
        aside.unlink()
        raise CannotAdd("a line of .env cannot hold this secret (quotes or blanks at its ends, or several lines); set it in the environment instead")
    aside.replace(path)


def _write(path: Path, text: str, *, mode: int) -> None:
    """Whole or not at all, and never for a moment with a wider mode."""
    aside = path.with_name(path.name + ".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, mode), "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)


def _value(text: str, *, is_text: bool) -> str:
    """As TOML: what is valid there stays as it was typed, the rest is text."""
    if not is_text:
        try:
            tomllib.loads(f"x = {text}")
            return text
        except tomllib.TOMLDecodeError:
            pass
    return json.dumps(text, ensure_ascii=False)


def _written(default: Any) -> str:
    return "" if default is None or default == "" else json.dumps(list(default) if isinstance(default, tuple) else default)


# ---- check

def check(settings: Settings, names: Sequence[str] | None = None) -> Iterator[Checked]:
    """Ask the configured sources, or only these, one or two questions each; they fail apart."""
    ledger = ledgers.open_ledger(settings.ledger)
    for name in names or settings.configuration.sources:
        kind = settings.configuration.sources[name].kind
        try:
            connector = connect_source(settings, name, ledger)
            try:
                said, streams = connector.check(), connector.streams()
                for stream in streams:                # without a key for what is to be hashed nothing of it would land
                    personal.guard(name, stream, policy_of(settings, name))
                yield Checked(name=name, kind=kind, streams=tuple(stream.name for stream in streams), said=said)
            finally:
                connector.close()
        except SourceError as error:
            mend = error.mend or f"look at [sources.{name}] in {settings.path}"
            yield Checked(name=name, kind=kind, failure=str(error).removeprefix(f"{name}: ").removesuffix(f" — {error.mend}"), mend=mend)


# ---- sample

def sample(settings: Settings, name: str, stream: str, count: int) -> list[Record]:
    """The first records of a stream, as they would land: without what is personal. Costs one request or a few. Raises SourceError, LookupError."""
    connector = connect_source(settings, name, ledgers.open_ledger(settings.ledger))
    try:
        declared = {one.name: one for one in connector.streams()}
        if stream not in declared:
            raise LookupError(f"{name} has no stream {stream!r}; there are {', '.join(sorted(declared))}")
        guard = personal.guard(name, declared[stream], policy_of(settings, name))
        pages = read_pages(connector, declared[stream], Window(start=declared[stream].earliest, end=settings.clock()))
        return list(islice((guard.record(record) for page in pages for record in page.records), count))
    finally:
        connector.close()


def infer(records: Sequence[Record]) -> list[Field]:
    """What the fields look like; one that holds others is named by its path."""
    values: dict[str, list[Any]] = {}
    for record in records:
        for path, value in _leaves("", record):
            values.setdefault(path, []).append(value)
    return [
        Field(path=path, types=tuple(sorted({_type(value) for value in found})), present=len(found),
              example=next((_short(value) for value in found if value not in (None, "", [])), ""))
        for path, found in values.items()
    ]


def _leaves(path: str, value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping) and value:
        for name, inner in value.items():
            yield from _leaves(f"{path}.{name}" if path else str(name), inner)
    else:
        yield path, value


def _type(value: Any) -> str:
    if isinstance(value, list):
        return "list of " + (" or ".join(sorted({_type(one) for one in value})) or "nothing")
    if isinstance(value, str):
        return _type_of_text(value)
    return {bool: "true or false", int: "whole number", float: "number", dict: "object"}.get(type(value), "null")


def _type_of_text(text: str) -> str:
    if re.fullmatch(r"-?\d+(\.\d+)?", text):
        return "number as text"
    for kind, name in ((date, "date"), (datetime, "instant")):
        try:
            kind.fromisoformat(text)
            return name
        except ValueError:
            pass
    return "text"


def _short(value: Any) -> str:
    shown = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return shown if len(shown) <= 60 else shown[:57] + "..."
