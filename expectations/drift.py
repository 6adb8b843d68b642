"""Schema drift at a source: what fields a batch has and of which types, against what the stream had before.

Nothing is ever dropped or refused because of drift: a record is landed as the source said it. Drift is remembered and said, so that a
person learns of a renamed field before a KPI goes quiet. The schema is a plain mapping that the ledger keeps:
{'satisfaction_rating.score': {'types': ['VARCHAR'], 'records': 812, 'present': 790, 'inside': 'satisfaction_rating'}}.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from expectations.batch_table import LIMITS, landed
from expectations.report import CheckReport, CheckResult

DriftKind = Literal["new", "missing", "retyped", "nested"]
Schema = Mapping[str, Mapping[str, Any]]

DEPTH = 2
"""Levels of nesting that are compared: a record's fields and those of the objects in it. Lists are one field."""

FEWEST_TO_MISS = 20
"""A field that was in every record before is missed when it is in none of at least so many."""

SAMPLE = 20_000
"""Records looked at; a larger batch is sampled evenly. A field present in one record of a thousand is found with 99.99 %."""


@dataclass(frozen=True, kw_only=True)
class Drift:
    """One difference. field: dotted path. before, now: types in words, '' when not there."""

    kind: DriftKind
    field: str
    before: str = ""
    now: str = ""
    detail: str = ""


def infer(files: Sequence[Path], *, sample: int = SAMPLE) -> dict[str, dict[str, Any]]:
    """Fields of the records in a batch: their JSON types, in how many of the records looked at they have a value."""
    connection = duckdb.connect()
    try:
        connection.execute(LIMITS)
        connection.execute(f"""
            create table sampled as
            select record from (
                select record from {landed()} where not deleted
            ) using sample reservoir({sample:d} rows) repeatable (1)""", [[str(file) for file in files]])
        schema: dict[str, dict[str, Any]] = {}
        _fields(connection, "select record as value from sampled", "", DEPTH, schema)
        return schema
    finally:
        connection.close()


def _fields(connection: duckdb.DuckDBPyConnection, objects: str, inside: str, depth: int, schema: dict[str, dict[str, Any]]) -> None:
    """Add the fields of the objects that the query `objects` yields in column `value`."""
    total = connection.execute(f"select count(*) from ({objects})").fetchall()[0][0]
    rows = connection.execute(f"""
        select field, list(distinct kind order by kind) filter (where kind != 'NULL'), count(*) filter (where kind != 'NULL')
        from (
            select field, json_type(json_extract(value, '$."' || replace(field, '"', '\\"') || '"')) as kind
            from (select value, unnest(json_keys(value)) as field from ({objects}))
        ) group by field order by field""").fetchall()
    for field, kinds, present in rows:
        # 17 and 17.5 are one field of numbers; what is null everywhere has no type yet
        types = sorted({"NUMBER" if kind in ("BIGINT", "UBIGINT", "DOUBLE", "HUGEINT") else kind for kind in kinds or []})
        name = f"{inside}.{field}" if inside else field
        schema[name] = {"types": types, "records": total, "present": present, "inside": inside}
        if "OBJECT" in types and depth > 1 and '"' not in field:
            path = '$."' + field.replace("'", "''") + '"'
            deeper = f"select json_extract(value, '{path}') as value from ({objects}) where json_type(value, '{path}') = 'OBJECT'"
            _fields(connection, deeper, name, depth - 1, schema)


def compare(files: Sequence[Path], remembered: Schema | None) -> tuple[dict[str, dict[str, Any]], list[dict[str, Any]]]:
    """(the schema to remember from now on, what changed as JSON-able rows) for the batch in `files`. Nothing is written anywhere."""
    drifts, schema = merge(remembered, infer(files))
    return schema, [asdict(drift) for drift in drifts]


def merge(remembered: Schema | None, seen: Schema) -> tuple[list[Drift], dict[str, dict[str, Any]]]:
    """(what changed, the schema to remember from now on). Of the first batch everything is known and nothing is new.

    A changed type is remembered beside the old one and a field gone missing is remembered as gone, so each is said once.
    """
    if not remembered:
        return [], {field: dict(described) for field, described in seen.items()}
    found: list[Drift] = []
    merged = {field: dict(described) for field, described in remembered.items()}
    for field, now in seen.items():
        before = remembered.get(field)
        if before is None:
            parent = now["inside"]
            if not parent or "OBJECT" in remembered.get(parent, {}).get("types", ()):     # of a new object its fields are not said one by one
                found.append(Drift(kind="new", field=field, now=_words(now["types"]), detail=f"in {now['present']:,} of {now['records']:,} records"))
            merged[field] = dict(now)
            continue
        added = [kind for kind in now["types"] if kind not in before["types"]]
        if added and before["types"]:
            kind: DriftKind = "nested" if "OBJECT" in added or "ARRAY" in added else "retyped"
            found.append(Drift(kind=kind, field=field, before=_words(before["types"]), now=_words(now["types"])))
        merged[field] = {"types": sorted({*before["types"], *now["types"]}), "inside": now["inside"],
                         **{name: before[name] + now[name] for name in ("records", "present")}}
    top = max((described["records"] for described in seen.values() if not described["inside"]), default=0)
    for field, before in remembered.items():
        parent = before["inside"]
        if before.get("gone") or seen.get(field, {}).get("present") or (parent and parent not in seen):
            continue
        among = seen[parent]["present"] if parent else top
        if before["records"] and before["present"] >= 0.999 * before["records"] and among >= FEWEST_TO_MISS:
            found.append(Drift(kind="missing", field=field, before=_words(before["types"]), detail=f"in none of {among:,} records, in all before"))
            merged[field]["gone"] = True
    return found, merged


def report(drifts: Sequence[Drift], *, subject: str) -> CheckReport:
    """Drift as check results: always warnings, for nothing is lost by it. subject: '<source>/<stream>'."""
    said = {"new": "a new field", "missing": "the field is gone", "retyped": "another type", "nested": "the value became nested"}
    return CheckReport(results=tuple(
        CheckResult(border="batch", subject=subject, check=f"schema_stays_the_same({drift.field})", severity="warning", passed=False,
                    observed=f"{said[drift.kind]}{': ' + drift.now if drift.now else ''}", expected=drift.before or "not there", detail=drift.detail,
                    why="staging reads fields by name: a renamed one turns into nulls, a new one stays unread until a model names it")
        for drift in drifts))


def _words(types: Sequence[str]) -> str:
    words = {"VARCHAR": "text", "NUMBER": "number", "BOOLEAN": "true/false", "OBJECT": "object", "ARRAY": "list"}
    return " or ".join(words.get(kind, kind.lower()) for kind in types) or "null"
