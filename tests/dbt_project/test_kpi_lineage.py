"""What dbt says of itself while it runs, against its manifest read from outside: lineage, definitions, revisions."""

from __future__ import annotations

import hashlib
import shutil
from pathlib import Path
from typing import Any

import pytest

from tests.dbt_project.warehouse_builder import WarehouseBuilder


@pytest.fixture
def described(tmp_path: Path, dbt_target: Path, dbt_manifest: Any, empty_warehouse: Path) -> WarehouseBuilder:
    shutil.copyfile(empty_warehouse, tmp_path / "warehouse.duckdb")
    return WarehouseBuilder(folder=tmp_path, target=dbt_target, manifest=dbt_manifest)


def kpi_models(manifest: Any) -> dict[str, Any]:
    return {node.name: node for node in manifest.nodes.values() if node.resource_type == "model" and node.config.meta.get("kpi")}


def ancestors(manifest: Any, node: Any) -> tuple[list[Any], set[tuple[str, str]]]:
    """The models and seeds (itself included) and the (kind, stream) pairs that a model is built from."""
    seen: dict[str, Any] = {node.unique_id: node}
    streams: set[tuple[str, str]] = set()
    waiting = [node]
    while waiting:
        # A seed has no parents, and no list of them either.
        for parent in getattr(waiting.pop().depends_on, "nodes", []):
            if parent in manifest.sources:
                source = manifest.sources[parent]
                streams.add((source.source_name, source.name))
            elif parent not in seen:
                seen[parent] = manifest.nodes[parent]
                waiting.append(seen[parent])
    return list(seen.values()), streams


def test_a_kpi_is_linked_to_every_stream_below_it(described: WarehouseBuilder, dbt_manifest: Any) -> None:
    found: dict[str, set[tuple[str, str]]] = {}
    for row in described.rows("select kpi, kind, stream from int_kpi_sources"):
        found.setdefault(row["kpi"], set()).add((row["kind"], row["stream"]))
    for name, node in kpi_models(dbt_manifest).items():
        _, streams = ancestors(dbt_manifest, node)
        for kpi in (name.removeprefix("kpi_"), *(node.config.meta["kpi"].get("also") or {})):
            assert found.get(kpi, set()) == {stream for stream in streams if stream[0] != "meridian"}, kpi


def test_the_revision_of_a_definition_is_that_of_all_the_sql_below_it(described: WarehouseBuilder, dbt_manifest: Any) -> None:
    found = {row["model"]: row["definition_revision"] for row in described.rows("select model, definition_revision from kpi_catalogue")}
    expected = {}
    for name, node in kpi_models(dbt_manifest).items():
        models, _ = ancestors(dbt_manifest, node)
        checksums = " ".join(model.checksum.checksum for model in sorted(models, key=lambda model: model.name))
        expected[name] = hashlib.md5(checksums.encode(), usedforsecurity=False).hexdigest()[:12]
    assert found == expected


def test_the_catalogue_repeats_what_stands_beside_the_sql(described: WarehouseBuilder, dbt_manifest: Any) -> None:
    rows = {row["kpi"]: row for row in described.rows("select * from kpi_catalogue")}
    stated = {}
    for name, node in kpi_models(dbt_manifest).items():
        main = node.config.meta["kpi"]
        stated[name.removeprefix("kpi_")] = main
        for kpi, own in (main.get("also") or {}).items():
            stated[kpi] = {**main, "target": None, "warn_at": None, "act_at": None, **own}
    assert rows.keys() == stated.keys()
    for kpi, main in stated.items():
        for key in ("title_en", "title_zh", "question", "owner", "unit", "direction", "grain", "min_sample", "perspective", "target", "warn_at", "act_at"):
            expected = main[key].strip() if isinstance(main[key], str) else main[key]
            assert rows[kpi][key] == expected, f"{kpi}: {key}"
