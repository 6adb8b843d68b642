"""What `meridian source add` asks, of a person at a terminal or of its flags, before anything is written."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

import typer

from connectors import registry
from connectors.stream import SourceError
from flows import sources
from flows.settings import Settings, nearest, wrong_source_name
from flows.sources import CannotAdd


def add(settings: Settings, kind: str, name: str, given: Sequence[str], env: Sequence[str], *, secret_stdin: bool) -> Settings:
    """Collect options and secrets and write the source. given: '<option>=<value>'. env: '<secret>=<variable>'. secret_stdin: secrets come by the
    standard input, one a line, in the order in which the kind names them. Raises CannotAdd; a secret is in none of its texts."""
    if kind not in registry.KINDS:
        raise CannotAdd(f"{kind!r} is no kind of source{nearest(kind, list(registry.KINDS))}")
    if wrong := wrong_source_name(name):
        raise CannotAdd(wrong)
    if name in settings.configuration.sources:
        raise CannotAdd(f"{settings.path} has a source {name!r} already; give this one another --name")
    options = dict(_pair(text, "--set") for text in given)
    for option in sources.options_of(kind):
        if option.default is None and sys.stdin.isatty() and option.is_text and option.name not in options:
            options[option.name] = typer.prompt(option.name)
    variables, values = _secrets(settings, kind, name, dict(_pair(text, "--env") for text in env), secret_stdin=secret_stdin)
    try:
        return sources.add(settings, kind, name, options, variables, values)
    except SourceError as error:
        hint = "" if variables or not registry.SECRETS[kind] else "; give the secret with --secret-stdin, or set its environment variable"
        raise CannotAdd(f"{error}{hint}. Nothing was written") from None


def _secrets(settings: Settings, kind: str, name: str, env: dict[str, str], *, secret_stdin: bool) -> tuple[dict[str, str], dict[str, str]]:
    """(secret -> variable, variable -> value to write). What is in the environment or in .env is taken from there; nothing is taken from a command
    line, where every user of the machine could read it."""
    if unknown := sorted(set(env) - set(registry.SECRETS[kind])):
        raise CannotAdd(f"--env {unknown[0]}: {kind} has " + (f"the secrets {', '.join(registry.SECRETS[kind])}" if registry.SECRETS[kind] else "no secrets"))
    variables, values = {}, {}
    for secret in registry.SECRETS[kind]:
        variable = env.get(secret, f"{name}_{secret}".upper())
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", variable):
            raise CannotAdd(f"--env {secret}: {variable!r} cannot name an environment variable")
        value = ""
        if secret_stdin:
            value = sys.stdin.readline().rstrip("\r\n")
        elif not settings.secrets.get(variable) and sys.stdin.isatty():
            value = typer.prompt(f"{secret} (kept as {variable}; empty for none)", default="", hide_input=True, show_default=False)
        if value:
            values[variable] = value
        if value or settings.secrets.get(variable) or secret in env:
            variables[secret] = variable
    return variables, values


def _pair(text: str, flag: str) -> tuple[str, str]:
    name, separator, value = text.partition("=")
    if not separator or not name.strip():
        raise CannotAdd(f"{flag} {text}: write <name>=<value>")
    return name.strip(), value.strip()
