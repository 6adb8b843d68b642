"""dbt's parse of the project, 26 s of CPU, is made once for all workers and companies of a run, and of the next run when nothing of the project has changed."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path

from flows.dbt_shortcuts import PARSED, TEMPLATES
from flows.store.warehouse import digest

PLACE = "MERIDIAN_TESTS_PARSED"         # a folder, for processes that a test starts, too


@contextmanager
def parsed(target: Path, project: Path, kinds: str) -> Iterator[None]:
    """Around what has dbt parse `project` into `target`: there it finds what another one parsed, or others find what it did.

    kinds: what MERIDIAN_KINDS says, by which dbt parses other models.
    """
    if (target / PARSED).exists() or PLACE not in os.environ:
        yield
        return
    place = Path(os.environ[PLACE]) / hashlib.sha256(f"{project}|{_contents(project)}|{kinds}".encode()).hexdigest()[:16]
    place.mkdir(exist_ok=True)
    target.mkdir(parents=True, exist_ok=True)
    with (place / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (place / PARSED).exists():
            try:
                yield
            finally:
                for file in (*target.glob(f"{TEMPLATES}-*"), target / PARSED):       # what the next one looks for comes last
                    if file.exists():
                        shutil.copyfile(file, place / "part")
                        (place / "part").replace(place / file.name)
            return
    for file in place.iterdir():
        if file.name != "lock":
            shutil.copyfile(file, target / file.name)
    yield


@cache
def _contents(project: Path) -> str:
    return digest(sorted(path for path in project.rglob("*") if path.suffix in (".sql", ".yml", ".csv", ".md")), project)
