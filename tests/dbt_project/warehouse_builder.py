"""Lands records, lays the raw views and runs dbt on them, in this process: for tests of what the marts answer."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb

from connectors import personal, registry
from flows.build import ASKED_AS_WRITTEN
from flows.dbt_nodes import cheaper_nodes
from flows.dbt_shortcuts import Templates, compiled_once, no_debug_events, replaced
from flows.store import landing, warehouse

PROJECT = Path(os.environ.get("MERIDIAN_DBT_PROJECT") or Path(__file__).parents[2] / "dbt_project")
PRIVATE = personal.Policy(key="of these tests, and of nobody else", own_domains=frozenset({"lantern-oak.example"}))
FIRST_NIGHT = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)

GRAPHS: dict[tuple[int, bool], tuple[Any, Any]] = {}       # the manifest is kept, so that no other one gets its id
CODE = Templates()

# A record as the source says it (its key is its `id`, else its place), or (key, record); a record of None is a delete.
Landed = Mapping[str, Any] | tuple[str, Mapping[str, Any] | None]


@contextmanager
def environment(values: Mapping[str, str]) -> Iterator[None]:
    """Set environment variables for a while; dbt reads the run's settings from them."""
    before = {name: os.environ.get(name) for name in values}
    os.environ.update(values)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def what_dbt_remembers() -> Iterator[None]:
    """dbt links the nodes of a manifest once, not at every build of them, and Jinja compiles a text once: most of what a build of one model costs.

    And nobody reads the files that dbt writes of each node.
    """
    from dbt.compilation import Compiler
    from dbt.contracts.graph.nodes import ParsedNode

    link = Compiler.compile

    def linked(self: Any, manifest: Any, write: bool = True, add_test_edges: bool = False) -> Any:
        key = (id(manifest), add_test_edges)
        if key not in GRAPHS:
            GRAPHS[key] = manifest, link(self, manifest, write=write, add_test_edges=add_test_edges)
        self.initialize()
        return GRAPHS[key][1]

    with (replaced(Compiler, compile=linked), replaced(ParsedNode, write_node=lambda *_: None), no_debug_events(), cheaper_nodes(), compiled_once(CODE) as used):
        yield
        CODE.update(used)


def run_settings(
    path: Path, *, as_of: str, data_version: str = "v1", time_zone: str = "Europe/Berlin", currency: str = "EUR", built_as_of: str = "",
    robots: str = "", suggestions: str = "",
) -> dict[str, str]:
    return {
        "MERIDIAN_BUILT_AS_OF": built_as_of,
        "MERIDIAN_ROBOTS": robots,
        "MERIDIAN_SUGGESTIONS": suggestions,
        "MERIDIAN_WAREHOUSE": str(path),
        "MERIDIAN_AS_OF": as_of,
        "MERIDIAN_TIME_ZONE": time_zone,
        "MERIDIAN_CURRENCY": currency,
        "MERIDIAN_DATA_VERSION": data_version,
        "MERIDIAN_CODE_REVISION": "test",
        "MERIDIAN_BUILT_AT": "2026-11-01T02:30:00Z",
        "DO_NOT_TRACK": "1",
    }


def run_dbt(arguments: Sequence[str], settings: Mapping[str, str], *, target: Path, manifest: Any = None) -> Any:
    """One dbt command; raises AssertionError with every node that failed. Gives the file back when it returns."""
    from dbt.adapters.duckdb.connections import DuckDBConnectionManager
    from dbt.cli.main import dbtRunner

    command = [*arguments, "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT), "--target-path", str(target), "--log-path", str(target / "logs")]
    command += ["--log-level", "none", "--log-level-file", "none", "--use-fast-test-edges", "--no-write-json"]
    with environment(settings), what_dbt_remembers():
        try:
            outcome: Any = dbtRunner(manifest=manifest).invoke(command)
        finally:
            DuckDBConnectionManager.close_all_connections()
    if not outcome.success:
        if outcome.exception is not None:
            raise AssertionError(str(outcome.exception))
        failed = [f"{result.node.name}: {result.message}" for result in outcome.result if result.status in ("error", "fail")]
        raise AssertionError("\n".join(failed))
    return outcome.result


@dataclass(kw_only=True)
class WarehouseBuilder:
    """One private company: land records on as many nights as a test needs, build, and ask."""

    folder: Path
    target: Path
    manifest: Any
    batches: list[dict[str, Any]] = field(default_factory=list)
    tables: dict[str, list[Sequence[Any]]] = field(default_factory=dict)
    previous: Path | None = None
    nights: int = 0

    @property
    def path(self) -> Path:
        return self.folder / "warehouse.duckdb"

    def land(self, records: Mapping[tuple[str, str], Sequence[Landed]], *, source: str | None = None) -> None:
        """One batch for each (kind, stream), without what is personal in it, as a night lands it. The source is called as its kind unless named."""
        batch = (FIRST_NIGHT + timedelta(days=self.nights)).strftime("%Y%m%dT%H%M%SZ-000")
        self.nights += 1
        for (kind, stream), landed in records.items():
            declared = {one.name: one for one in registry.streams(kind)} if kind in registry.KINDS else {}
            guard = personal.guard(kind, declared[stream], PRIVATE) if stream in declared else None
            where = landing.place(self.folder / "landing", source or kind, stream, batch)
            lines = []
            for ordinal, entry in enumerate(landed):
                key, record = entry if isinstance(entry, tuple) else (str(entry.get("id", ordinal)), entry)
                lines.append(landing.line(key, ordinal, guard.record(record) if guard and record is not None else record))
            landing.append(where, lines, 0)
            landing.seal(where)
            self.batches.append(
                {
                    "source": where.source,
                    "stream": stream,
                    "batch": batch,
                    "feeds": f"{kind}.{stream}",
                    "path": where.relative,
                    "verdict": "passed",
                }
            )

    def build(
        self,
        select: str | None = None,
        *,
        as_of: str = "2026-10-31",
        data_version: str = "v1",
        rebuild: bool = False,
        unit_tests: bool = False,
        data_tests: bool = True,
        **settings: str,
    ) -> None:
        """What a night does between landing and publishing; data tests included unless told otherwise, so bad marts raise. Rules of rows always are.

        select: dbt's node selection, words apart by spaces; None builds everything. Tests run whose models are all there.
        """
        prepared = warehouse.prepare(
            self.path, landing=self.folder / "landing", project=PROJECT, batches=self.batches, tables=self.tables, previous=self.previous, rebuild=rebuild,
            as_of=date.fromisoformat(as_of), settings=f"{select} {sorted(settings.items())}",
        )
        settings["built_as_of"] = prepared.built_as_of.isoformat() if prepared.built_as_of else ""
        arguments = ["build", *(["--full-refresh"] if prepared.is_whole else []), *(["--indirect-selection", "buildable", "--select", *select.split()] if select else []), *([] if unit_tests else ["--exclude-resource-type", "unit_test"]),
                     *(["--exclude", *ASKED_AS_WRITTEN] if data_tests else ["--exclude-resource-type", "test"])]
        run_dbt(arguments, run_settings(self.path, as_of=as_of, data_version=data_version, **settings), target=self.target, manifest=self.manifest)
        warehouse.mark_absorbed(self.path, prepared)

    def unit_test(self, select: str = "test_type:unit") -> int:
        """Run dbt's unit tests on models that are built; returns how many ran."""
        results = run_dbt(["test", "--select", *select.split()], run_settings(self.path, as_of="2026-10-31"), target=self.target, manifest=self.manifest)
        return len(results.results)

    def data_test(self, select: str) -> dict[str, str]:
        """Run data tests on what is built; raises AssertionError with those that fail. Returns the SQL of each by its name."""
        results = run_dbt(["test", "--select", *select.split()], run_settings(self.path, as_of="2026-10-31"), target=self.target, manifest=self.manifest)
        return {result.node.name: result.node.compiled_code for result in results.results}

    def publish(self, *tables: str) -> None:
        """Keep these marts as the version that readers see, for the next build to compare with."""
        self.previous = self.folder / "previous"
        self.previous.mkdir(exist_ok=True)
        for table in tables:
            with warehouse.connect(self.path, read_only=True) as connection:
                connection.execute(f"copy marts.{table} to {warehouse.literal(str(self.previous / f'{table}.parquet'))} (format parquet)")

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The answer as dictionaries; schemas staging, intermediate and marts are searched in this order."""
        with warehouse.connect(self.path, read_only=True) as connection:
            connection.execute("set search_path = 'marts,intermediate,staging,raw'")
            answer = connection.execute(query)
            names = [column[0] for column in answer.description]
            return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]

    def value(self, query: str) -> Any:
        [row] = self.rows(query)
        [value] = row.values()
        return value

    def connection(self) -> duckdb.DuckDBPyConnection:
        """A read-only connection; close it before the next build."""
        return duckdb.connect(str(self.path), read_only=True)
