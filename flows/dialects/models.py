"""The models of the current version as dbt compiles them for DuckDB, with everything worked out anew, in an order in which each finds what it reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from flows.build import run_dbt, run_environment, target_folder
from flows.settings import Settings
from flows.store import ledger as ledgers
from flows.store.checksums import literal, quoted
from flows.store.versions import PARQUET, VERSIONS, Version, flips

WAREHOUSE = "warehouse"     # what compiled SQL calls DuckDB's file


@dataclass(frozen=True, kw_only=True)
class Model:
    """sql: of DuckDB. parents: names of the models it reads. columns: name -> DuckDB's type. is_given: staging and seeds, which are not worked out
    again but read as they stand. landed: '<kind>__<table>' of the landing that a staging model reads; '' for every other model. comments: of the table ('')
    and its columns."""

    name: str
    schema: str
    sql: str
    parents: tuple[str, ...]
    columns: Mapping[str, str]
    is_given: bool
    comments: Mapping[str, str]
    landed: str = ""

    @property
    def relation(self) -> str:
        return f'"{WAREHOUSE}"."{self.schema}"."{self.name}"'


def compiled(settings: Settings, ledger: ledgers.Ledger, version: Version) -> dict[str, Any]:
    """dbt's manifest, with the SQL of every model as of `version`. Raises BuildFailed."""
    told = run_environment(settings, ledger, as_of=version.as_of, version=version.name, now=version.built_at)
    run_dbt(settings, ["compile", "--full-refresh", "--select", "resource_type:model"], told=told)
    manifest: dict[str, Any] = json.loads((target_folder(settings) / "manifest.json").read_text(encoding="utf-8"))
    return manifest


def open_warehouse(file: Path) -> duckdb.DuckDBPyConnection:
    """A DuckDB in memory that reads the warehouse, under the name that compiled SQL calls it by, and has the functions that only the builder has."""
    from flows.analysis import dbt_functions

    connection = duckdb.connect(config={"autoinstall_known_extensions": "false", "allow_community_extensions": "false"})
    connection.execute("set TimeZone = 'UTC'")
    connection.execute(f"attach {literal(file)} as {WAREHOUSE} (read_only)")
    dbt_functions.add_to(connection)
    return connection


def in_order(manifest: Mapping[str, Any], warehouse: duckdb.DuckDBPyConnection) -> list[Model]:
    """The models that the warehouse has, parents first."""
    columns: dict[tuple[str, str], dict[str, str]] = {}
    for schema, table, column, kind in warehouse.execute(
            f"select schema_name, table_name, column_name, data_type from duckdb_columns() where database_name = {literal(WAREHOUSE)} "
            "order by schema_name, table_name, column_index").fetchall():
        columns.setdefault((schema, table), {})[column.lower()] = kind       # Subject, as Salesforce spells it, is subject to DuckDB; to PostgreSQL it is not
    nodes = {key: node for key, node in manifest["nodes"].items()
             if node["resource_type"] in ("model", "seed") and (node["schema"], node["alias"]) in columns}
    found: dict[str, Model] = {}

    def visit(key: str) -> None:
        if key in found or key not in nodes:
            return
        node = nodes[key]
        for parent in node["depends_on"].get("nodes", ()):
            visit(parent)
        found[key] = Model(
            name=node["alias"], schema=node["schema"], sql=node.get("compiled_code") or "", columns=columns[node["schema"], node["alias"]],
            parents=tuple(nodes[parent]["alias"] for parent in node["depends_on"].get("nodes", ()) if parent in nodes),
            is_given=node["resource_type"] == "seed" or node["schema"] == "staging",
            landed=next((f"{kind}__{table}" for kind, table in node.get("sources", ()) if kind != "meridian"), ""),
            comments={"": node["description"].strip(), **{name: one["description"].strip() for name, one in node["columns"].items()}})

    for key in sorted(nodes):
        visit(key)
    return list(found.values())


def rows_of(model: Model, published: Path, version: Version) -> str:
    """A select of DuckDB for the rows of a given model. What readers had been shown before is read from the version before: `current` has turned since."""
    if not model.name.startswith("stg_meridian__previous_"):
        return f"select * from {model.relation}"
    table = model.name.removeprefix("stg_meridian__previous_")
    raw = f'"{WAREHOUSE}"."raw"."meridian__previous_{table}"'
    left = next((flip.left for flip in reversed(flips(published)) if flip.to == version.name and flip.action == "publish"), None)
    file = published / VERSIONS / (left or "") / PARQUET / f"{table}.parquet"
    before = f"read_parquet({literal(file)})" if left and file.is_file() else f"(select * from {raw} where false)"
    return model.sql.replace(raw, before)


def worked_out_here(model: Model, inputs: Mapping[str, str]) -> str:
    """The SQL of a model that DuckDB is to work out from other tables than the warehouse's. inputs: relation -> table."""
    said = model.sql
    for relation, table in inputs.items():
        said = said.replace(relation, quoted(table))
    return said
