"""dbt is parsed once a session; each test gets a warehouse of its own."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.warehouse_builder import PROJECT, WarehouseBuilder, run_dbt, run_settings
from tests.parsed import parsed


@pytest.fixture(scope="session")
def dbt_target(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("dbt")


@pytest.fixture(scope="session")
def dbt_manifest(dbt_target: Path) -> Any:
    # Never opened. DuckDB calls the database after the file, so the name must be that of the warehouses to come; the path is part of what
    # dbt remembers of a parse, so it must be the same in every session.
    with parsed(dbt_target, PROJECT, ""):
        return run_dbt(["parse"], run_settings(Path("warehouse.duckdb"), as_of="2026-10-31"), target=dbt_target)


@pytest.fixture
def company(tmp_path: Path, dbt_target: Path, dbt_manifest: Any) -> WarehouseBuilder:
    """Nothing is built yet: select a model with everything above it (`+model`)."""
    return WarehouseBuilder(folder=tmp_path, target=dbt_target, manifest=dbt_manifest)


@pytest.fixture(scope="session")
def empty_warehouse(tmp_path_factory: pytest.TempPathFactory, dbt_target: Path, dbt_manifest: Any) -> Path:
    """The whole project, built on nothing at all."""
    built = WarehouseBuilder(folder=tmp_path_factory.mktemp("empty"), target=dbt_target, manifest=dbt_manifest)
    built.build()
    return built.path


@pytest.fixture
def running_company(company: WarehouseBuilder, empty_warehouse: Path) -> WarehouseBuilder:
    """Every model is there already, so that a test builds only what its records reach (`stg_files__costs+`), as a night does."""
    shutil.copyfile(empty_warehouse, company.path)
    return company


@pytest.fixture
def project() -> Path:
    return PROJECT
