"""One real Tryton with the small company in it for all tests of a run: its cost is paid once, by the first test that asks.

Tryton's environment, the empty company and this one are kept in the user's cache from run to run, the last as long as nothing that makes it has changed; the
server is new in every run. Measured on 2 cores: first time ever 45 s of CPU more, then 18 s to load, once for all workers, and 3 s to start.
"""

from __future__ import annotations

import atexit
import fcntl
import functools
import json
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from connectors.stream import Window
from connectors.tryton import Tryton, connect
from flows.environments import made_once
from flows.store.warehouse import digest
from sandbox.company.plan import Plan
from sandbox.company.story import write_plan
from sandbox.tryton import server
from sandbox.tryton.__main__ import load, night_after
from sandbox.tryton.home import PROJECT, Home, key_of
from sandbox.tryton.install import cache_folder, install

MAKERS = (PROJECT / "sandbox" / "company", PROJECT / "sandbox" / "tryton")         # what decides how the plan becomes a database
EVER = Window(start=None, end=datetime(2100, 1, 1, tzinfo=UTC))


@dataclass(frozen=True, kw_only=True)
class Box:
    home: Home
    plan: Plan
    facts: Mapping[str, Any]
    key: str = field(repr=False)

    def connector(self, **changes: Any) -> Tryton:
        options = {name: value for name, value in self.facts.items() if name != "key_env"}
        return connect("erp", {**options, **changes}, secrets={"key": self.key}, sleep=lambda seconds: None)


def new_home() -> Home:
    """A home of its own that shares the environment."""
    home = Home(root=Path(tempfile.mkdtemp(prefix="meridian-tryton-")))
    share_environment(home)
    atexit.register(shutil.rmtree, home.root, ignore_errors=True)
    return home


def share_environment(home: Home) -> None:
    """One for all tests, made by whoever comes first: 45 s."""
    shared = Home(root=cache_folder() / "tests")
    shared.root.mkdir(parents=True, exist_ok=True)
    with (shared.root / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        install(shared)
    home.root.mkdir(parents=True, exist_ok=True)
    home.environment.symlink_to(shared.environment, target_is_directory=True)


def opened(home: Home, plan: Plan, at: datetime | None = None) -> Box:
    facts = server.start(home, at or night_after(plan))
    atexit.register(server.stop, home)
    return Box(home=home, plan=plan, facts=facts, key=key_of(home))


@functools.cache
def small_company() -> Box:
    """Only for reading: tests that change something take a copy."""
    plan = write_plan(seed=7, size="small")
    home, made_of = new_home(), [file for folder in MAKERS for file in (*folder.rglob("*.py"), *folder.glob("*.lock"))]
    kept = cache_folder() / "tests" / "companies" / f"small-{digest(sorted(made_of), PROJECT)[:16]}.tar.gz"
    kept.parent.mkdir(mode=0o700, exist_ok=True)            # its keys are in it
    archive = home.root / "small.tar"
    with (kept.parent / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        made_once(kept, archive, lambda file: _pack(plan, file))
    shutil.unpack_archive(archive, home.root, filter="data")
    archive.unlink()
    return opened(home, plan)


def _pack(plan: Plan, archive: Path) -> None:
    home = new_home()
    print("Tryton loaded:", json.dumps(load(home, plan, each=1)))
    with tarfile.open(archive, "w") as packed:
        for file in (*home.data.glob("company.*"), home.plan, home.secrets):
            packed.add(file, file.relative_to(home.root))


@functools.cache
def writable_company() -> Box:
    """A copy that all tests of actions share: each makes what it changes, or changes it back."""
    company = small_company()
    return opened(copy_of(company), company.plan)


def copy_of(box: Box) -> Home:
    """The same company in another home, not started."""
    home = new_home()
    home.data.mkdir()
    server.stop(box.home)
    try:
        for file in box.home.data.iterdir():
            if file.name.startswith(("company.", "plan.")):
                shutil.copy(file, home.data)
        shutil.copy(box.home.secrets, home.secrets)
    finally:
        server.start(box.home, night_after(box.plan))
    return home


def everything(connector: Tryton, window: Window = EVER) -> dict[str, dict[int, dict[str, Any]]]:
    """Stream → id → record."""
    return {stream.name: {record["id"]: dict(record) for page in connector.read(stream, window) for record in page.records} for stream in connector.streams()}


def instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
