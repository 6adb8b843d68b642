"""Where the sandbox's Tryton keeps its things, and how its scripts are run.

<home>/tryton-env/          Tryton's own environment
<home>/tryton/              database, the company's plan, server's pid, port and log
<home>/tryton.json          how to connect: options of a source of kind 'tryton'
<home>/secrets.env          the API key, readable by its owner alone
"""

from __future__ import annotations

import json
import os
import pickle
import secrets
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

DATABASE = "company"
KEY_NAME = "MERIDIAN_TRYTON_KEY"                # what is read with
WRITE_KEY_NAME = "MERIDIAN_ERP_WRITE_KEY"       # what automations write with: another user, with fewer rights
HERE = Path(__file__).resolve().parent
PROJECT = HERE.parent.parent


class SandboxError(Exception):
    """What went wrong, in one line, and what to do."""


@dataclass(frozen=True, kw_only=True)
class Home:
    root: Path

    @property
    def environment(self) -> Path:
        return self.root / "tryton-env"

    @property
    def python(self) -> Path:
        return self.environment / "bin" / "python"

    @property
    def data(self) -> Path:
        return self.root / "tryton"

    @property
    def database(self) -> Path:
        return self.data / f"{DATABASE}.sqlite"

    @property
    def plan(self) -> Path:
        return self.data / "plan.pickle"

    @property
    def log(self) -> Path:
        return self.data / "server.log"

    @property
    def secrets(self) -> Path:
        return self.root / "secrets.env"

    @property
    def facts(self) -> Path:
        return self.root / "tryton.json"


def run_inside(home: Home, script: str, *arguments: str, environment: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Run one script of inside/ to its end in Tryton's environment. Returns the JSON on its last line, or {}."""
    if not home.python.exists():
        raise SandboxError(f"{home.environment} is missing: run `python -m sandbox.tryton install --home {home.root}`")
    done = subprocess.run(
        [str(home.python), str(HERE / "inside" / script), *arguments], env=inside_environment(environment), capture_output=True, text=True, check=False
    )
    with (home.data / "scripts.log").open("a", encoding="utf-8") as log:
        log.write(f"--- {script} {datetime.now(UTC):%Y-%m-%d %H:%M:%S}\n{done.stderr}")
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise SandboxError(f"Tryton's {script} failed: {last} (more in {home.data / 'scripts.log'})")
    lines = done.stdout.strip().splitlines()
    return dict(json.loads(lines[-1])) if lines else {}


def inside_environment(more: Mapping[str, str] | None = None) -> dict[str, str]:
    """Enough to run, and nothing of the caller's: no foreign PYTHONPATH, no real time zone."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR") if name in os.environ}
    return {**kept, "PYTHONPATH": str(PROJECT), "TZ": "UTC", "PYTHONUNBUFFERED": "1", **(more or {})}


def save_plan(home: Home, plan: Any) -> None:
    aside = home.plan.with_suffix(".new")
    aside.write_bytes(pickle.dumps(plan))
    aside.replace(home.plan)


def saved_plan(home: Home) -> Any:
    """The company at the end of the last day that Tryton lived. Our own file, so it may be unpickled."""
    if not home.plan.exists():
        raise SandboxError(f"{home.data} holds no company: run `python -m sandbox.tryton load --home {home.root}`")
    return pickle.loads(home.plan.read_bytes())


def key_of(home: Home, name: str = KEY_NAME) -> str:
    """An API key, made on first use. Other lines in secrets.env stay."""
    lines = home.secrets.read_text(encoding="utf-8").splitlines() if home.secrets.exists() else []
    found = [line.split("=", 1)[1] for line in lines if line.startswith(f"{name}=")]
    if found:
        return found[0]
    key = secrets.token_urlsafe(48)
    home.root.mkdir(parents=True, exist_ok=True)
    aside = home.secrets.with_suffix(".tryton")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        out.writelines(f"{line}\n" for line in [*lines, f"{name}={key}"])
    aside.replace(home.secrets)
    return key
