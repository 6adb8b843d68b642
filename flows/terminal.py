"""What every command at the terminal shares: its options, how it fails, how it finds the configuration."""

from __future__ import annotations

import os
import signal
import sys
from datetime import date
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer

from flows.settings import ConfigurationError, Settings, load

Config = Annotated[Path | None, typer.Option("--config", "-c", help="meridian.toml to use (default: MERIDIAN_CONFIG, ./meridian.toml, or the demo's).")]
Lang = Annotated[str | None, typer.Option("--lang", help="en or zh-CN (default: the first language of the company).")]


def fail(text: str, code: int = 1) -> NoReturn:
    typer.secho(text, fg="red", err=True)
    raise typer.Exit(code)


def fail_stopped(text: str) -> NoReturn:
    """Of a run that somebody told to end: say how far it came, and end as the signal would have ended us."""
    typer.secho(text, fg="red", err=True)
    sys.stdout.flush()
    sys.stderr.flush()
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.kill(os.getpid(), signal.SIGTERM)
    raise typer.Exit(143)


def settings_of(config: Path | None) -> Settings:
    try:
        return load(config)
    except ConfigurationError as error:
        fail(str(error), 2)


def language_of(settings: Settings, lang: str | None) -> Any:
    if lang is not None and lang not in ("en", "zh-CN"):
        fail(f"--lang {lang}: en or zh-CN", 2)
    return lang or settings.configuration.company.languages[0]


def day_of(option: str, value: str) -> date:
    try:
        return date.fromisoformat(value)
    except ValueError:
        fail(f"{option} {value}: a day is written YYYY-MM-DD", 2)


def painted(sign: str, colour: str) -> str:
    """In colour at a terminal; typer takes the colours out where it writes to something else."""
    return typer.style(sign, fg=colour)
