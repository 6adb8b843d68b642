"""Superset as one process of this deployment: installed, prepared, started on 127.0.0.1, found again and stopped by pid.

    .venv-bi/                    Superset's environment (SQLAlchemy 1.4; Meridian's is 2.0)
    <home>/bi/secrets.json       the key of its sessions and the administrator's password, readable by its owner alone
    <home>/bi/superset.sqlite    its own database: who may see what, and the dashboards as they were imported
    <home>/bi/superset.json, .log    pid and port of the running server; what it says
"""

from __future__ import annotations

import hashlib
import json
import os
import secrets
import subprocess
import time
from pathlib import Path

import requests

from flows import up
from flows.environments import cache_folder, made_once, make_environment
from flows.settings import PROJECT

HERE = Path(__file__).resolve().parent
LOCK = HERE / "requirements.lock"
INSIDE = HERE / "inside"
ENVIRONMENT = PROJECT / ".venv-bi"
NAME = "superset"
PATIENCE = 240.0        # seconds to the first answer; 9 on an idle machine, 25 the first time, when Python compiles what it imports


class NotStarted(Exception):
    """Superset could not be prepared or started; the text says where its log is."""


def install(environment: Path = ENVIRONMENT) -> bool:
    """True when something was done. Raises flows.environments.CannotMake."""
    return make_environment(environment, LOCK)


def prepare(home: Path, environment: Path, cache: Path | None = None) -> None:
    """Secrets and database, unless they are there. The empty database costs 17 s of CPU and is the same for everybody: it is kept."""
    home.mkdir(parents=True, exist_ok=True)
    keep_secrets(home / "secrets.json")
    database = home / "superset.sqlite"
    if database.exists():
        return

    def make(aside: Path) -> None:
        aside.with_name("secrets.json").write_text(json.dumps({"secret_key": "of no use: nothing is in there yet"}), encoding="utf-8")
        done = subprocess.run(_command(environment, "prepare.py"), env=_told(aside.parent), capture_output=True, text=True, check=False)
        if done.returncode:
            raise NotStarted(f"Superset's database could not be made: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        aside.with_name("superset.sqlite").replace(aside)

    kept = hashlib.sha256(b"".join(path.read_bytes() for path in (LOCK, INSIDE / "prepare.py"))).hexdigest()[:16]
    new = home / "superset.sqlite.new"
    made_once((cache or cache_folder()) / f"superset-{kept}.sqlite.gz", new, make)
    new.replace(database)


def keep_secrets(path: Path) -> None:
    """Random ones, written once, readable by their owner alone from the first byte on."""
    if path.exists():
        return
    aside = path.with_suffix(".new")
    aside.unlink(missing_ok=True)
    with os.fdopen(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump({"secret_key": secrets.token_urlsafe(48), "admin_password": secrets.token_urlsafe(18)}, out, indent=1)
    aside.replace(path)


def password(home: Path) -> str:
    return str(json.loads((home / "secrets.json").read_text(encoding="utf-8"))["admin_password"])


def start(home: Path, environment: Path, port: int) -> str:
    """The running server's address, or that of a new one: on `port`, or on any that is free when it is taken. Raises NotStarted."""
    if (process := up.find_in(home, NAME)) and is_answering(address := f"http://127.0.0.1:{process.port}"):
        return address
    stop(home)
    ready = home / "port"
    ready.unlink(missing_ok=True)
    process = up.start(home, NAME, _command(environment, "serve.py", str(port), str(ready)), _told(home))
    deadline = time.monotonic() + PATIENCE
    while process.is_alive and time.monotonic() < deadline:
        if ready.exists() and is_answering(address := f"http://127.0.0.1:{ready.read_text(encoding='utf-8')}"):
            (home / f"{NAME}.json").write_text(
                json.dumps({"name": NAME, "pid": process.pid, "started": process.started, "port": int(address.rsplit(":", 1)[1])}), encoding="utf-8"
            )
            return address
        time.sleep(0.2)
    stop(home)
    raise NotStarted(f"Superset did not start; its log is {home / (NAME + '.log')}")


def stop(home: Path) -> bool:
    """True when there was one."""
    process = up.find_in(home, NAME)
    if process is not None:
        up.stop(process)
    (home / f"{NAME}.json").unlink(missing_ok=True)
    return process is not None


def is_answering(address: str) -> bool:
    try:
        return requests.get(f"{address}/health", timeout=5).status_code == 200
    except requests.RequestException:
        return False


def _command(environment: Path, script: str, *arguments: str) -> list[str]:
    return [str(environment / "bin" / "python"), str(INSIDE / script), *arguments]


def _told(home: Path) -> dict[str, str]:
    """What Superset's processes are told. Nothing else of ours: Meridian's secrets stay with Meridian."""
    passed = {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "TMPDIR", "OPENBLAS_CORETYPE") if name in os.environ}
    return {**passed, "MERIDIAN_BI_HOME": str(home), "SUPERSET_HOME": str(home), "PYTHONPATH": str(INSIDE)}
