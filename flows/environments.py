"""Environments of their own, made from hash-pinned locks, and what is costly to make once and kept for the next time.

For programs whose libraries cannot live beside Meridian's (the sandbox's Tryton, Superset). Only the standard library is used: the gate and the
sandbox call this before anything is installed.
"""

from __future__ import annotations

import gzip
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path


class CannotMake(Exception):
    """The environment could not be installed; the text has pip's reason."""


def make_environment(folder: Path, lock: Path) -> bool:
    """Make the environment unless it is there already, from this very lock. True when something was done. Raises CannotMake."""
    wanted = hashlib.sha256(lock.read_bytes() + sys.version.encode()).hexdigest()
    stamp = folder / "installed"
    if stamp.exists() and stamp.read_text(encoding="utf-8") == wanted:
        return False
    shutil.rmtree(folder, ignore_errors=True)
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Python compiles what is imported; all of it beforehand took Superset 27 of 79 s of CPU.
    install = ["install", "--quiet", "--no-compile", "--no-deps", "--require-hashes", "--requirement", str(lock)]
    # What PYTHONPATH reaches, pip takes for installed, and whoever starts without it misses it.
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    for command in ([sys.executable, "-m", "venv", str(folder)], [str(folder / "bin" / "pip"), *install]):
        done = subprocess.run(command, capture_output=True, text=True, env=environment, check=False)
        if done.returncode:
            errors = [line for line in done.stderr.splitlines() if "ERROR" in line] or done.stderr.splitlines() or ["no message"]
            raise CannotMake(f"{' '.join(command[:3])} failed: {errors[-1]}")
    stamp.write_text(wanted, encoding="utf-8")
    return True


def cache_folder() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "meridian"


def made_once(kept: Path, file: Path, make: Callable[[Path], None]) -> bool:
    """Put a copy of `kept` (compressed) to `file`, which must be of no use to anybody; the first time `make` writes it. True when it was kept already."""
    file.parent.mkdir(parents=True, exist_ok=True)
    if was_there := kept.exists():
        with gzip.open(kept, "rb") as packed, file.open("wb") as out:
            shutil.copyfileobj(packed, out)
        return was_there
    with tempfile.TemporaryDirectory(dir=file.parent) as aside:
        made = Path(aside) / file.name
        make(made)
        made.replace(file)
    kept.parent.mkdir(parents=True, exist_ok=True)
    half = kept.with_suffix(f".{os.getpid()}")
    with file.open("rb") as source, gzip.open(half, "wb") as packed:
        shutil.copyfileobj(source, packed)
    half.replace(kept)
    return was_there
