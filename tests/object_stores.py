"""A real S3-compatible server for the tests, in an environment of its own."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from flows.environments import CannotMake, cache_folder
from sandbox import object_store as object_stores
from sandbox.object_store import ObjectStore


@pytest.fixture(scope="session")
def object_store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ObjectStore]:
    environment = cache_folder() / "object-store"
    try:
        object_stores.install(environment)
    except CannotMake as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(str(reason))
        pytest.skip(str(reason))
    with object_stores.running(environment, tmp_path_factory.mktemp("object store") / "log") as store:
        yield store
