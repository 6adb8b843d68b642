"""What every build begins with: the current version, its models as dbt compiles them, and the warehouse that it was made of."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import duckdb

from flows.dialects.models import WAREHOUSE, Model, compiled, in_order, open_warehouse
from flows.settings import Settings
from flows.store import ledger as ledgers
from flows.store import published
from flows.store import warehouse as warehouses
from flows.store.checksums import OWN_TABLES
from flows.store.versions import Version


class CannotBuild(Exception):
    """Nothing was built; the text says why and what to do."""


@dataclass(frozen=True, kw_only=True)
class Report:
    """place: schema or folder. there: how many models the engine worked out. here: model -> why this process did. tables, rows: what readers have now."""

    version: str
    place: str
    there: int
    here: Mapping[str, str]
    tables: int
    rows: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Current:
    """models: parents first. landed: what the warehouse was made of, by '<kind>__<table>'."""

    version: Version
    models: list[Model]
    warehouse: duckdb.DuckDBPyConnection
    landed: Mapping[str, list[Path]]


@contextmanager
def opened(settings: Settings, say_what: Callable[[str], None]) -> Iterator[Current]:
    """Raises CannotBuild, BuildFailed (dbt)."""
    version, ledger = _what_stands(settings), ledgers.open_ledger(settings.ledger)
    say_what(f"compiling the models of {version.name}")
    manifest = compiled(settings, ledger, version)
    warehouse = open_warehouse(settings.warehouse)
    try:
        models = in_order(manifest, warehouse)
        if missing := set(version.tables) - OWN_TABLES - {model.name for model in models}:
            raise CannotBuild(f"the warehouse has no {', '.join(sorted(missing))} any more: run `meridian nightly`, then build again")
        landed = warehouses.absorbed_files(warehouse, ledgers.list_batches(ledger), landing=settings.landing, schema=f"{WAREHOUSE}.raw")
        yield Current(version=version, models=models, warehouse=warehouse, landed=landed)
    finally:
        warehouse.close()


def _what_stands(settings: Settings) -> Version:
    """The current version, when the warehouse holds just what it was made of."""
    version = published.current(settings.published)
    if version is None or not settings.warehouse.is_file():
        raise CannotBuild("nothing is published yet: run `meridian nightly`")
    with warehouses.connect(settings.warehouse, read_only=True) as warehouse:
        row = warehouse.execute("select finished_as_of from raw.built").fetchone()
    if row is None or row[0] != version.as_of or warehouses.project_fingerprint(settings.dbt_project) != version.code_revision:
        raise CannotBuild(f"the warehouse does not hold what {version.name} was made of (a later build did not come to its end, or the models have changed): "
                          "run `meridian nightly`, then build again")
    return version
