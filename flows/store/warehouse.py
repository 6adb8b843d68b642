"""The warehouse: one private DuckDB file, a cache of the landing. Deleting it costs time, never data.

`prepare` lays the landed batches before dbt as views in schema `raw`, one for each table that the project's sources declare.
A view holds only what staging has not absorbed yet; `mark_absorbed` is called once dbt has built. Killed in between, the
same batches are read again, and because staging keeps the newest batch per key the result is the same.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import duckdb
import yaml

from flows.store.checksums import literal, quoted

# A held batch keeps back the later ones of its stream: absorbed out of order, an old record would overwrite a newer one.
ABSORBABLE = ("passed", "warned", "accepted")
AUDIT_EVERY = timedelta(days=7)
LANDED_COLUMNS = {"_source": "varchar", "_batch": "varchar", "_ordinal": "bigint", "_key": "varchar", "_deleted": "boolean", "record": "json"}
MERIDIAN_TABLES: Mapping[str, Mapping[str, str]] = {
    "stream_states": {
        "source": "varchar", "kind": "varchar", "stream": "varchar", "last_success_at": "timestamp", "last_attempt_at": "timestamp",
        "is_stale": "boolean", "reason": "varchar",
    },
    "stream_completeness": {
        "source": "varchar", "kind": "varchar", "stream": "varchar", "day": "date", "part": "varchar", "window_start": "timestamp", "window_end": "timestamp",
        "method": "varchar", "rows_in_source": "bigint", "rows_landed": "bigint", "missing": "bigint", "superfluous": "bigint", "stale": "bigint",
        "figure": "double", "reason": "varchar", "examples": "varchar[]", "requests": "bigint", "compared_at": "timestamp",
    },
    "stream_days": {
        "source": "varchar", "kind": "varchar", "stream": "varchar", "feeds": "varchar", "day": "date", "state": "varchar", "why": "varchar", "who": "varchar",
        "records": "bigint", "job": "varchar", "read_at": "timestamp",
    },
    "automation_actions": {
        "intent": "varchar", "proposal": "varchar", "playbook": "varchar", "purpose": "varchar", "work_key": "varchar", "step": "integer",
        "target": "varchar", "action": "varchar", "mode": "varchar", "decided_by": "varchar", "state": "varchar", "attempts": "integer",
        "proposed_at": "timestamp", "planned_at": "timestamp", "ended_at": "timestamp", "kpi": "varchar",
    },
    "alerts": {
        "alert": "varchar", "rule": "varchar", "title_en": "varchar", "title_zh": "varchar", "kpi": "varchar", "tier": "varchar", "owner": "varchar",
        "severity": "varchar", "segment_type": "varchar", "segment": "varchar", "since": "date", "fired_on": "date", "fired_at": "timestamp",
        "times_told": "integer", "acknowledged_at": "timestamp", "resolved_at": "timestamp", "resolution": "varchar",
    },
    "calendars": {"calendar": "varchar", "time_zone": "varchar", "weekday": "varchar", "opens_at": "varchar", "closes_at": "varchar"},
    "holidays": {"calendar": "varchar", "day": "date"},
    "new_batches": {"batch": "varchar"},
}
_PREVIOUS: Mapping[str, Mapping[str, str]] = {
    "quarantine": {"source_name": "varchar", "entity": "varchar", "row_key": "varchar", "reason": "varchar", "first_seen_on": "date"},
    "kpis": {
        "kpi": "varchar", "period_grain": "varchar", "period_start": "date", "segment_type": "varchar", "segment": "varchar", "value": "double",
        "numerator": "double", "denominator": "double", "sample_size": "bigint", "target": "double", "status": "varchar", "data_version": "varchar",
    },
    "restatements": {
        "kpi": "varchar", "period_grain": "varchar", "period_start": "date", "segment_type": "varchar", "segment": "varchar",
        "old_value": "double", "new_value": "double", "old_version": "varchar", "new_version": "varchar", "reason": "varchar", "restated_at": "timestamp",
    },
}


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """What dbt will find: new batches by (source, stream), and whether everything is read anew.

    is_whole: nothing of the marts may be kept from the build before. built_as_of: the last day of that build, when it was finished.
    is_audit: every number is to be worked out by its second route, too. idle: ('kind', 'table') of which nothing is new.
    """

    new: Mapping[tuple[str, str], Sequence[str]]
    is_rebuild: bool
    is_whole: bool
    is_audit: bool
    built_as_of: date | None
    idle: Sequence[tuple[str, str]]
    held: Sequence[tuple[str, str, str]]


def declared_sources(project: Path) -> list[tuple[str, str]]:
    """(kind, table) of every dbt source in the project's staging folder, from its YAML."""
    declared = []
    for path in sorted((project / "models" / "staging").rglob("*.yml")):
        for source in _read_yaml(path).get("sources", ()):
            if source["name"] != "meridian":
                declared += [(source["name"], table["name"]) for table in source.get("tables", [])]
    return sorted(set(declared))


def _read_yaml(path: Path) -> dict[str, Any]:
    # The project's YAML is 0.1 s in C, 1.5 s without.
    return yaml.load(path.read_text(encoding="utf-8"), Loader=yaml.CSafeLoader) or {}


def staging_readers(project: Path) -> dict[tuple[str, str], str]:
    """('kind', 'table') → the staging model that reads it."""
    readers = {}
    for path in (project / "models" / "staging").rglob("stg_*.sql"):
        if found := re.search(r"source\('(\w+)', '(\w+)'\)", path.read_text(encoding="utf-8")):
            readers[found[1], found[2]] = path.stem
    return readers


def primary_keys(project: Path) -> dict[str, tuple[str, ...]]:
    """model -> the columns that its `primary_key` test says name one row. Read from the YAML: the nodes of a night are without their tests."""
    keys = {}
    for path in (project / "models" / "marts").rglob("*.yml"):
        for model in _read_yaml(path).get("models", ()):
            for test in model.get("data_tests", ()):
                if isinstance(test, dict) and "primary_key" in test:
                    keys[model["name"]] = tuple(test["primary_key"]["arguments"]["columns"])
    return keys


def digest(files: Iterable[Path], root: Path) -> str:
    """SHA-256 of these files, of their names below `root` and what is in them, in this order."""
    sha = hashlib.sha256()
    for path in files:
        sha.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return sha.hexdigest()


def staging_fingerprint(project: Path) -> str:
    """Changes when staging would parse old batches differently, so that they must all be read again."""
    read_by = (("models/staging", "*.sql"), ("macros", "landing*.sql"), ("macros", "time*.sql"))
    return digest((path for folder, pattern in read_by for path in sorted((project / folder).rglob(pattern))), project)


def project_fingerprint(project: Path) -> str:
    """Short name of the SQL, and of the functions it calls, that define the numbers: it changes when a definition may have changed."""
    functions = (project.parent / "flows" / "analysis").glob("*.py")
    files = [path for folder in ("models", "macros", "seeds") for path in (project / folder).rglob("*") if path.suffix in (".sql", ".yml", ".csv")]
    return digest(sorted([*files, *functions]), project.parent)[:12]


@contextmanager
def connect(path: Path, *, read_only: bool = False) -> Any:
    path.parent.mkdir(parents=True, exist_ok=True)
    connection = duckdb.connect(str(path), read_only=read_only)
    try:
        yield connection
    finally:
        connection.close()


def remove(path: Path) -> None:
    # The write-ahead log goes first: DuckDB refuses a new file beside an old log.
    path.with_name(path.name + ".wal").unlink(missing_ok=True)
    path.unlink(missing_ok=True)


def prepare(
    path: Path, *, landing: Path, project: Path, batches: Sequence[Mapping[str, Any]], tables: Mapping[str, Iterable[Sequence[Any]]],
    previous: Path | None, as_of: date, settings: str = "", rebuild: bool = False,
) -> Prepared:
    """Make the raw views for one build.

    batches: the ledger's rows (source, stream, batch, feeds, path, verdict) in order. tables: rows for `MERIDIAN_TABLES`.
    previous: folder with the Parquet files of the published version, for restatements. as_of: the last day that counts.
    settings: what else defines the numbers (time zone, currency, calendars ...), as one text.
    """
    staging, marts = staging_fingerprint(project), hashlib.sha256(f"{project_fingerprint(project)} {settings}".encode()).hexdigest()
    built = _built(path) if path.exists() and not rebuild else None
    if built is None or built.staging != staging:
        remove(path)
        built = None
    is_rebuild = built is None
    # What a killed build of a later day worked out must not stay for an earlier one, nor what was worked out by other rules.
    finished = built.finished_as_of if built is not None and built.marts == marts and as_of >= built.started_as_of else None
    with connect(path) as warehouse:
        warehouse.execute("create schema if not exists raw")
        warehouse.execute("create table if not exists raw.absorbed (source varchar, stream varchar, batch varchar, primary key (source, stream))")
        audited = built.audited_as_of if built is not None and finished is not None else None
        warehouse.execute("create or replace table raw.built as select ?::varchar as staging, ?::varchar as marts, ?::date as started_as_of, "
                          "?::date as finished_as_of, ?::date as audited_as_of", [staging, marts, as_of, finished, audited])
        absorbed = _absorbed(warehouse)

        files: dict[str, list[str]] = defaultdict(list)
        new: dict[tuple[str, str], list[str]] = defaultdict(list)
        held: list[tuple[str, str, str]] = []
        blocked: set[tuple[str, str]] = set()
        for row in batches:
            stream = (row["source"], row["stream"])
            if row["verdict"] == "rejected" or row["batch"] <= absorbed.get(stream, ""):
                continue
            if row["verdict"] not in ABSORBABLE:
                blocked.add(stream)
                held.append((*stream, row["batch"]))
            if stream not in blocked:
                files[row["feeds"]].append(str(landing / row["path"]))
                new[stream].append(row["batch"])
        declared = declared_sources(project)
        for kind, table in declared:
            warehouse.execute(f"create or replace view raw.{quoted(f'{kind}__{table}')} as {landed_lines(files.get(f'{kind}.{table}', []))}")
        _lay_tables(warehouse, {**tables, "new_batches": sorted({(batch,) for names in new.values() for batch in names})})
        _lay_previous(warehouse, previous)
    return Prepared(new=dict(new), is_rebuild=is_rebuild, is_whole=finished is None, is_audit=audited is None or as_of - audited >= AUDIT_EVERY,
                    built_as_of=finished, idle=[one for one in declared if f"{one[0]}.{one[1]}" not in files], held=held)


@dataclass(frozen=True, kw_only=True)
class _Built:
    """What the warehouse was built from. finished_as_of: the day of the last build that came to its end; None while a build from nothing has not."""

    staging: str
    marts: str
    started_as_of: date
    finished_as_of: date | None
    audited_as_of: date | None


def _built(path: Path) -> _Built | None:
    try:
        with connect(path, read_only=True) as warehouse:
            row = warehouse.execute("select staging, marts, started_as_of, finished_as_of, audited_as_of from raw.built").fetchone()
            return _Built(staging=row[0], marts=row[1], started_as_of=row[2], finished_as_of=row[3], audited_as_of=row[4]) if row else None
    except duckdb.Error:
        # Unreadable or half made: it is a cache, read the landing again.
        return None


def landed_lines(files: Sequence[str]) -> str:
    if not files:
        empty = ", ".join(f"null::{kind} as {name}" for name, kind in LANDED_COLUMNS.items())
        return f"select {empty} where false"
    listed = ", ".join(literal(file) for file in files)
    return (                                     # .../<source>/<stream>/<day>/<batch>.jsonl.zst, or .gz: each is unpacked by its name
        "select string_split(filename, '/')[-4] as _source, "
        "regexp_extract(filename, '([^/]+)[.]jsonl[.](zst|gz)$', 1) as _batch, "
        "ordinal as _ordinal, key as _key, deleted as _deleted, record "
        f"from read_json([{listed}], format = 'newline_delimited', filename = true, maximum_object_size = 33554432, "
        "columns = {key: 'varchar', ordinal: 'bigint', deleted: 'boolean', record: 'json'})"
    )


def _lay_tables(warehouse: Any, tables: Mapping[str, Iterable[Sequence[Any]]]) -> None:
    for name, columns in MERIDIAN_TABLES.items():
        described = ", ".join(f"{quoted(column)} {kind}" for column, kind in columns.items())
        warehouse.execute(f"create or replace table raw.{quoted('meridian__' + name)} ({described})")
        rows = list(tables.get(name, []))
        if rows:      # column by column: row by row, three months of comparisons take seconds
            listed = ", ".join(f"unnest(?::{kind}[])" for kind in columns.values())
            warehouse.execute(f"insert into raw.{quoted('meridian__' + name)} select {listed}", [list(column) for column in zip(*rows, strict=True)])


def _lay_previous(warehouse: Any, previous: Path | None) -> None:
    for name, columns in _PREVIOUS.items():
        file = previous / f"{name}.parquet" if previous else None
        if file is not None and file.exists():
            query = f"select * from read_parquet({literal(str(file))})"
        else:
            query = "select " + ", ".join(f"null::{kind} as {quoted(column)}" for column, kind in columns.items()) + " where false"
        warehouse.execute(f"create or replace view raw.{quoted('meridian__previous_' + name)} as {query}")


def unabsorbed(path: Path, batches: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """The batches that staging has not taken in; all of them when there is no warehouse."""
    try:
        with connect(path, read_only=True) as warehouse:
            absorbed = _absorbed(warehouse)
    except duckdb.Error:
        absorbed = {}
    return [row for row in batches if row["verdict"] != "rejected" and row["batch"] > absorbed.get((row["source"], row["stream"]), "")]


def _absorbed(warehouse: duckdb.DuckDBPyConnection, schema: str = "raw") -> dict[tuple[str, str], str]:
    """(source, stream) -> the last batch that staging has taken in."""
    return {(source, stream): batch for source, stream, batch in warehouse.execute(f"from {schema}.absorbed").fetchall()}


def absorbed_files(warehouse: duckdb.DuckDBPyConnection, batches: Sequence[Mapping[str, Any]], *, landing: Path, schema: str = "raw") -> dict[str, list[Path]]:
    """What staging has taken in, by '<kind>__<table>', in the order in which it came. batches: the ledger's rows, in order."""
    absorbed = _absorbed(warehouse, schema)
    files: dict[str, list[Path]] = defaultdict(list)
    for row in batches:
        if row["verdict"] in ABSORBABLE and row["batch"] <= absorbed.get((row["source"], row["stream"]), ""):
            files[row["feeds"].replace(".", "__", 1)].append(landing / row["path"])
    return files


def mark_absorbed(path: Path, prepared: Prepared) -> None:
    """The build is finished: staging has taken these batches in, and the marts followed."""
    with connect(path) as warehouse:
        warehouse.execute("begin")
        warehouse.execute("update raw.built set finished_as_of = started_as_of")
        if prepared.is_audit:
            warehouse.execute("update raw.built set audited_as_of = started_as_of")
        for (source, stream), names in prepared.new.items():
            if names:
                warehouse.execute("insert or replace into raw.absorbed values (?, ?, ?)", [source, stream, names[-1]])
        warehouse.execute("commit")
        warehouse.execute("checkpoint")

