"""A real PostgreSQL and a real MariaDB for the tests, each started once a session. Where one cannot be installed its tests say why and are skipped."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager

import pytest

from sandbox import databases
from sandbox.databases import Database


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Database]:
    yield from _running("postgresql", databases.postgres)


@pytest.fixture(scope="session")
def mariadb_server() -> Iterator[Database]:
    yield from _running("mariadb", databases.mariadb)


def _running(kind: databases.Kind, start: Callable[[], AbstractContextManager[Database]]) -> Iterator[Database]:
    try:
        databases.install(kind)
    except databases.CannotInstall as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the gate runs the tests of {kind}, but {reason}")
        pytest.skip(str(reason))
    with start() as database:
        yield database
