"""The sandbox company's first published version, for tests that only read: one night serves all workers of a run.

tests/test_company.py lives that night and keeps a copy here; whoever needs it and finds none lives a night of its own.
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PLACE = "first-version"


@contextmanager
def alone(factory: pytest.TempPathFactory, place: str = PLACE) -> Iterator[Path]:
    """The folder of this run that its workers share; one at a time."""
    mine = factory.getbasetemp()
    shared = (mine.parent if os.environ.get("PYTEST_XDIST_WORKER") else mine) / place
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield shared


def keep(home: Path, shared: Path) -> None:
    """home: the company's folder, after its first night."""
    deployment = shared / "deployment"
    for file in ("meridian.toml", ".env", "sandbox/clock", "state/ledger.sqlite", "state/warehouse/warehouse.duckdb"):
        (deployment / file).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(home / file, deployment / file)        # with its mode: .env is nobody else's
    shutil.copytree(home / "state" / "published", shared / "published", symlinks=True)


def copy(folder: Path, factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Into `folder`, to do with as the test likes. Returns the published folder. The Prefect server is asked for only when a night has to be lived."""
    with _kept(factory, request) as shared:
        return Path(shutil.copytree(shared / "published", folder / "published", symlinks=True))


def copy_deployment(folder: Path, factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """Configuration, ledger, warehouse and what is published, without the systems and what landed. Returns its meridian.toml."""
    with _kept(factory, request) as shared:
        shutil.copytree(shared / "deployment", folder, dirs_exist_ok=True)
        shutil.copytree(shared / "published", folder / "state" / "published", symlinks=True)
    return folder / "meridian.toml"


@contextmanager
def _kept(factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Iterator[Path]:
    with alone(factory) as shared:
        if not (shared / "published").exists():
            from tests import test_company

            with test_company.after_first_night(factory.mktemp("company"), request.getfixturevalue("prefect_api")) as home:
                keep(home.folder, shared)
        yield shared
