"""Tryton's environment, and the empty company that every sandbox starts from.

The environment is made from the hash-pinned lock. The empty company (modules activated, accounts, fiscal years) costs about
25 s of CPU and is the same for everybody, so it is kept as one compressed file, named after everything that it depends on.
"""

from __future__ import annotations

import hashlib
import subprocess
from pathlib import Path

from flows.environments import CannotMake, cache_folder, made_once, make_environment
from sandbox.tryton.home import DATABASE, HERE, Home, SandboxError, inside_environment

LOCK = HERE / "requirements.lock"


def install(home: Home) -> bool:
    """Make the environment unless it is there already, from this very lock. True when something was done."""
    try:
        return make_environment(home.environment, LOCK)
    except CannotMake as problem:
        raise SandboxError(str(problem)) from None


def empty_company(home: Home, cache: Path | None = None) -> bool:
    """Put the empty company's database into the home, replacing what is there. True when it came from the cache."""
    home.data.mkdir(parents=True, exist_ok=True)
    for stale in (*home.data.glob(f"{DATABASE}.sqlite*"), home.plan, home.data / "company.pickle"):
        stale.unlink(missing_ok=True)

    def make(database: Path) -> None:
        done = subprocess.run(
            [str(home.python), str(HERE / "inside" / "create.py"), str(database.parent)], env=inside_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SandboxError(f"Tryton's database could not be made: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")

    return made_once((cache or cache_folder()) / f"tryton-{fingerprint()}.sqlite.gz", home.database, make)


def fingerprint() -> str:
    """Of everything that the empty company depends on."""
    parts = [LOCK, HERE / "inside" / "create.py", HERE / "inside" / "boot.py"]
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:16]
