"""The schema that the last release published: tables, their columns in order, their types. `dbt_project/published_schema.yml` holds it.

    python -m tests.dbt_project.published_schema        # writes it anew, with every release and where a change is meant; deprecations stay

People's reports are built on these names. A column at the end of a table, or a table, may come at any time. What goes, gets another type or another
place is announced first: an entry under `deprecations` says when it goes and what to take instead.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import yaml

from tests.dbt_project.warehouse_builder import PROJECT, run_dbt, run_settings

FILE = PROJECT / "published_schema.yml"
NOTICE = timedelta(days=30)
Schema = Mapping[str, Mapping[str, str]]
"""table -> column -> type, in the order of the columns."""


def schema_of(manifest: Any) -> dict[str, dict[str, str]]:
    published = (node for node in manifest.nodes.values() if node.resource_type == "model" and "published" in node.tags)
    return {node.alias: {column.name: column.data_type for column in node.columns.values()} for node in sorted(published, key=lambda node: node.alias)}


def broken(released: Schema, now: Schema, deprecations: Mapping[str, Mapping[str, Any]]) -> list[str]:
    """What readers of the last release would trip over and nobody announced, one sentence each."""
    found = []
    for name, entry in deprecations.items():
        missing = [key for key in ("announced", "goes", "instead") if not entry.get(key)]
        if missing:
            found.append(f"deprecations.{name}: no {' and no '.join(missing)}")
        elif entry["goes"] < entry["announced"] + NOTICE:
            found.append(f"deprecations.{name}: goes {entry['goes']}, less than {NOTICE.days} days after it was announced")
    for table, columns in released.items():
        if table not in now:
            found += [] if table in deprecations else [f"{table} is not published any more: announce it under deprecations"]
            continue
        for column, kind in columns.items():
            if f"{table}.{column}" in deprecations:
                continue
            if column not in now[table]:
                found.append(f"{table}.{column} is gone: announce it under deprecations")
            elif now[table][column] != kind:
                found.append(f"{table}.{column} was {kind} and is {now[table][column]}: give it another name, or announce it under deprecations")
        kept = [column for column in columns if column in now[table]]
        if list(now[table])[:len(kept)] != kept:
            found.append(f"{table}: its columns are in another order; what is new stands at the end")
    return found


def main() -> None:
    before = yaml.safe_load(FILE.read_text(encoding="utf-8")) if FILE.exists() else {}
    manifest = run_dbt(["parse"], run_settings(Path("warehouse.duckdb"), as_of="2026-10-31"), target=PROJECT.parent / "var" / "schema")
    content = {"deprecations": before.get("deprecations") or {}, "tables": schema_of(manifest)}
    head = "# What the last release published; tests/dbt_project/published_schema.py says how it is kept.\n"
    FILE.write_text(head + yaml.safe_dump(content, sort_keys=False, allow_unicode=True, width=160), encoding="utf-8")
    print(f"wrote {FILE}: {len(content['tables'])} tables, {sum(map(len, content['tables'].values()))} columns")


if __name__ == "__main__":
    main()
