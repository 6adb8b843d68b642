"""A real S3-compatible server for the tests, in an environment of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flows.environments import cache_folder
from sandbox import object_store as object_stores
from sandbox.object_store import ObjectStore


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    with object_stores.running(cache_folder() / "object-store", tmp_path_factory.mktemp("object store") / "log") as store:
        yield store
