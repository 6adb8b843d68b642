"""Everything a deployment may set: one `meridian.toml`, read once into frozen objects.

Secrets are never in it: a source names the environment variable that holds its key, and the value comes from the process
environment or from a `.env` file beside the configuration (mode 600). Errors name the file, the line and the nearest valid key.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlencode
from zoneinfo import ZoneInfo

from pydantic import BaseModel, ValidationError

from flows.clock import clock_of
from flows.sections import Configuration, dotted, nearest
from flows.store.postgres_options import ALLOW_PLAIN, TLS_CA

PROJECT = Path(__file__).resolve().parent.parent
CONFIG_NAME = "meridian.toml"
DEMO_CONFIG = PROJECT / "var" / "demo" / CONFIG_NAME
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = re.compile(r"([01]\d|2[0-3]):[0-5]\d|24:00")


class ConfigurationError(Exception):
    """meridian.toml cannot be used. The text has one line per problem: file, line, what, and what would be right."""


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What every flow gets: the checked configuration, the folders, the secrets, and a clock."""

    path: Path
    configuration: Configuration
    secrets: Mapping[str, str] = field(repr=False)
    clock: Callable[[], datetime]

    @property
    def home(self) -> Path:
        return (self.path.parent / self.configuration.state.home).resolve()

    @property
    def landing(self) -> Path:
        return self.home / "landing"

    @property
    def warehouse(self) -> Path:
        return self.home / "warehouse" / "warehouse.duckdb"

    @property
    def published(self) -> Path:
        return self.home / "published"

    @property
    def ledger(self) -> str:
        """Its address, which may have a password: not for people's eyes. Raises ConfigurationError."""
        state = self.configuration.state
        if not state.ledger_env:
            return state.ledger or str(self.home / "ledger.sqlite")
        if not (address := self.secrets.get(state.ledger_env)):
            raise ConfigurationError(f"state.ledger_env: {state.ledger_env} is not set: put postgresql://user:password@host/database under this name into "
                                     f"{self.path.parent / '.env'}")
        options = {TLS_CA: str(self.path.parent / state.ledger_tls_ca)} if state.ledger_tls_ca else {}
        options |= {ALLOW_PLAIN: "yes"} if state.ledger_allow_plain else {}
        return f"{address}{'&' if '?' in address else '?'}{urlencode(options)}" if options else address

    @property
    def dbt_project(self) -> Path:
        return PROJECT / "dbt_project"

    @property
    def zone(self) -> ZoneInfo:
        """In which a day begins and ends."""
        return ZoneInfo(self.configuration.company.time_zone)

    def as_of(self, now: datetime) -> date:
        """The last day that is over in the reporting time zone."""
        return now.astimezone(self.zone).date() - timedelta(days=1)

    def read_from(self, source: str) -> datetime | None:
        """From when on the nights read a source; None: as far back as it tells."""
        day = self.configuration.sources[source].read_from
        return datetime.combine(day, time.min, self.zone) if day else None


def find_config(given: str | Path | None = None) -> Path:
    """The configuration in force: as given, MERIDIAN_CONFIG, ./meridian.toml, or the demo's. Raises ConfigurationError when there is none."""
    chosen = given or os.environ.get("MERIDIAN_CONFIG")
    if chosen:
        if not Path(chosen).is_file():
            raise ConfigurationError(f"{chosen}: there is no such file — `meridian init` writes one")
        return Path(chosen).resolve()
    for candidate in (Path.cwd() / CONFIG_NAME, DEMO_CONFIG):
        if candidate.is_file():
            return candidate.resolve()
    raise ConfigurationError(f"no {CONFIG_NAME} in {Path.cwd()} — `meridian init` writes one, `make demo` sets up a company to try")


def load(given: str | Path | None = None, *, environment: Mapping[str, str] | None = None) -> Settings:
    path = find_config(given)
    configuration = parse(path.read_text(encoding="utf-8"), path)
    environment = os.environ if environment is None else environment
    return Settings(
        path=path, configuration=configuration, secrets={**read_env_file(path.parent / ".env"), **environment},
        clock=clock_of(path.parent, configuration.night.clock_file),
    )


def parse(text: str, path: Path) -> Configuration:
    """The checked configuration, or ConfigurationError with a line for each problem."""
    try:
        content = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigurationError(f"{path}: not valid TOML: {error}") from None
    problems: list[str] = []
    configuration = None
    try:
        configuration = Configuration.model_validate(content)
    except ValidationError as error:
        problems += [_problem(text, path, dict(issue)) for issue in error.errors(include_url=False, include_context=False)]
    for name, source in _table(content, "sources").items():
        if isinstance(source, dict):
            problems += _source_problems(text, path, name, source)
    if isinstance(content.get("channels"), dict):
        from flows import channels

        problems += channels.problems(text, path, content["channels"])
    problems += _unknown_channels(text, path, content)
    if problems or configuration is None:
        raise ConfigurationError("\n".join(problems))
    return configuration


def _table(content: Mapping[str, Any], name: str) -> dict[str, Any]:
    return found if isinstance(found := content.get(name), dict) else {}          # what is none, pydantic has named


def _unknown_channels(text: str, path: Path, content: Mapping[str, Any]) -> Iterator[str]:
    there = sorted(_table(content, "channels"))
    for section, key in (("reports", "channels"), ("watch", "late_to")):
        chosen = _table(content, section).get(key)
        for name in chosen if isinstance(chosen, list) else ():
            if name not in there:
                yield f"{path}:{line_of(text, (section, key))}: {section}.{key} names {name!r}, which is no channel" + (
                    nearest(str(name), there) if there else "; there is none: [channels.<name>] declares one")


def wrong_source_name(name: str) -> str | None:
    """What is wrong with a source's name; None when it is right."""
    return None if re.fullmatch(r"[a-z][a-z0-9_]*", name) else f"source name {name!r} — small letters, digits and '_' only: it names folders and columns"


def _personal_problems(text: str, path: Path, name: str, source: Mapping[str, Any]) -> Iterator[str]:
    from connectors import personal, registry

    choices = dotted(source["personal"]) if isinstance(source.get("personal"), dict) else {}
    streams = registry.streams(source["kind"])
    wrong = personal.wrong_choices(choices, streams) if streams else {}
    for choice, what in choices.items():
        where = f"{path}:{line_of(text, ('sources', name, 'personal', *choice.split('.')))}: sources.{name}.personal: {choice}"
        allowed = [*personal.TREATMENTS, *(personal.DECLARABLE if "." in choice else ())]
        if what not in allowed:
            yield f"{where} = {what!r}{nearest(str(what), allowed)}"
        elif choice in wrong:
            yield f"{where} names nothing personal of {source['kind']}{nearest(choice, list(wrong[choice]))}"


def _source_problems(text: str, path: Path, name: str, source: Mapping[str, Any]) -> list[str]:
    from connectors import registry

    kind = source.get("kind")
    where = f"{path}:{line_of(text, ('sources', name))}"
    if wrong := wrong_source_name(name):
        return [f"{where}: {wrong}"]
    if not isinstance(kind, str):
        return []                    # pydantic has said so
    if kind not in registry.KINDS:
        return [f"{path}:{line_of(text, ('sources', name, 'kind'))}: sources.{name}.kind = {kind!r} is no kind of source{nearest(kind, list(registry.KINDS))}"]
    known = {"kind", "stale_after_hours", "read_from", "personal", *registry.option_names(kind)}
    return [
        *(f"{path}:{line_of(text, ('sources', name, option))}: sources.{name}.{option} is not an option of {kind}{nearest(option, sorted(known))}"
          for option in source if option not in known),
        *_personal_problems(text, path, name, source),
    ]


def _problem(text: str, path: Path, issue: Mapping[str, Any]) -> str:
    location = tuple(str(part) for part in issue["loc"] if not isinstance(part, int))
    dotted = ".".join(location)
    where = f"{path}:{line_of(text, location)}"
    if issue["type"] == "extra_forbidden":
        return f"{where}: {dotted} is not a setting{nearest(location[-1], _keys_at(location[:-1]))}"
    if issue["type"] == "missing":
        return f"{where}: {dotted} is missing"
    given = re.sub(r"://[^/@\s]+@", "://***@", repr(issue["input"]))       # a password that somebody wrote into an address
    if "store_options" in given or location[-1:] == ("store_options",):
        given = "***"                                                     # or a key among options
    return f"{where}: {dotted} = {given}: {issue['msg'].removeprefix('Value error, ')}"


def _keys_at(location: tuple[str, ...]) -> list[str]:
    model: Any = Configuration
    for part in location:
        if isinstance(model, type) and issubclass(model, BaseModel) and part in model.model_fields:
            annotation = model.model_fields[part].annotation
            arguments: tuple[Any, ...] = getattr(annotation, "__args__", ())
            model = arguments[1] if getattr(annotation, "__origin__", None) is dict else annotation
    return sorted(field.alias or name for name, field in model.model_fields.items()) if isinstance(model, type) and issubclass(model, BaseModel) else []


def line_of(text: str, location: tuple[str, ...]) -> int:
    """The line on which a dotted key stands, or that of the nearest table above it; 1 when it is nowhere."""
    table: tuple[str, ...] = ()
    best = (0, 1)
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if header := re.match(r"\[+([^\]]+)\]+", stripped):
            table = tuple(part.strip().strip("\"'") for part in header.group(1).split("."))
            found = table
        elif assignment := re.match(r"([A-Za-z0-9_.\"'-]+)\s*=", stripped):
            found = (*table, *(part.strip("\"'") for part in assignment.group(1).split(".")))
        else:
            continue
        if found == location[: len(found)] and len(found) > best[0]:
            best = (len(found), number)
    return best[1]


def read_env_file(path: Path) -> dict[str, str]:
    """The NAME=value lines of a .env file; {} without one. Raises ConfigurationError when others may read it."""
    if not path.exists():
        return {}
    if path.stat().st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise ConfigurationError(f"{path}: others on this machine can read your secrets — chmod 600 {path}")
    try:
        written = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise ConfigurationError(f"{path}: not UTF-8: save it as such") from None
    pairs = (line.split("=", 1) for line in written.splitlines() if "=" in line and not line.lstrip().startswith("#"))
    return {name.strip(): value.strip().strip("\"'") for name, value in pairs}
