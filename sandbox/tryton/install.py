"""Tryton's environment, and the empty company that every sandbox starts from.

The environment is made from the hash-pinned lock. The empty company (modules activated, accounts, fiscal years) costs about
25 s of CPU and is the same for everybody, so it is kept as one compressed file, named after everything that it depends on.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.tryton.home import DATABASE, HERE, Home, SandboxError, inside_environment

LOCK = HERE / "requirements.lock"


def install(home: Home) -> bool:
    """Make the environment unless it is there already, from this very lock. True when something was done."""
    wanted = hashlib.sha256(LOCK.read_bytes() + sys.version.encode()).hexdigest()
    stamp = home.environment / "installed"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return False
    shutil.rmtree(home.environment, ignore_errors=True)
    home.root.mkdir(parents=True, exist_ok=True)
    for command in (
        [sys.executable, "-m", "venv", str(home.environment)],
        [str(home.environment / "bin" / "pip"), "install", "--quiet", "--no-deps", "--require-hashes", "--requirement", str(LOCK)],
    ):
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines() or ["no message"]
            raise SandboxError(f"{' '.join(command[:3])} failed: {errors[-1]}")
    stamp.write_text(wanted, encoding="utf-8")
    return True


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meridian"


def empty_company(home: Home, cache: Path | None = None) -> bool:
    """Put the empty company's database into the home, replacing what is there. True when it came from the cache."""
    cache = cache or cache_folder()
    kept = cache / f"tryton-{fingerprint()}.sqlite.gz"
    home.data.mkdir(parents=True, exist_ok=True)
    for stale in (*home.data.glob(f"{DATABASE}.sqlite*"), home.plan, home.data / "company.pickle"):
        stale.unlink(missing_ok=True)
    if was_there := kept.exists():
        with gzip.open(kept, "rb") as packed, home.database.open("wb") as out:
            shutil.copyfileobj(packed, out)
        return was_there
    with tempfile.TemporaryDirectory(dir=home.data) as aside:
        done = subprocess.run(
            [str(home.python), str(HERE / "inside" / "create.py"), aside], env=inside_environment(), capture_output=True, text=True, check=False
        )
        if done.returncode:
            raise SandboxError(f"Tryton's database could not be made: {(done.stderr.strip().splitlines() or ['no message'])[-1]}")
        (Path(aside) / f"{DATABASE}.sqlite").replace(home.database)
    cache.mkdir(parents=True, exist_ok=True)
    half = kept.with_suffix(f".{os.getpid()}")
    with home.database.open("rb") as made, gzip.open(half, "wb") as packed:
        shutil.copyfileobj(made, packed)
    half.replace(kept)
    return was_there


def fingerprint() -> str:
    """Of everything that the empty company depends on."""
    parts = [LOCK, HERE / "inside" / "create.py", HERE / "inside" / "boot.py"]
    return hashlib.sha256(b"".join(part.read_bytes() for part in parts)).hexdigest()[:16]
