"""dbt is parsed once a session; each test gets a warehouse of its own."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.warehouse_builder import PROJECT, WarehouseBuilder, run_dbt, run_settings


@pytest.fixture(scope="session")
def dbt_target(request: pytest.FixtureRequest) -> Path:
    """A folder that outlives the session, one for each worker: the parsed project in it makes the next session start 4 s sooner."""
    worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
    folder: Path = request.config.cache.mkdir("dbt") / worker  # type: ignore[union-attr]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@pytest.fixture(scope="session")
def dbt_manifest(dbt_target: Path) -> Any:
    # Never opened. DuckDB calls the database after the file, so the name must be that of the warehouses to come; the path is part of what
    # dbt remembers of a parse, so it must be the same in every session.
    return run_dbt(["parse"], run_settings(Path("warehouse.duckdb"), as_of="2026-10-31"), target=dbt_target)


@pytest.fixture
def company(tmp_path: Path, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    return WarehouseBuilder(folder=tmp_path, target=dbt_target, manifest=dbt_manifest)


@pytest.fixture
def project() -> Path:
    return PROJECT
