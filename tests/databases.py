"""A real PostgreSQL and a real MariaDB for the tests, each started once a session. Where one cannot be installed its tests say why and are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from sandbox import databases
from sandbox.databases import Database


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Database]:
    with running("postgresql") as server:
        yield server


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Database]:
    with running("mariadb") as server:
        yield server


@contextmanager
def running(kind: databases.Kind) -> Iterator[Database]:
    try:
        databases.install(kind)
    except databases.CannotInstall as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the gate runs the tests of {kind}, but {reason}")
        pytest.skip(str(reason))
    with {"postgresql": databases.postgres, "mariadb": databases.mariadb}[kind]() as server:
        yield server
