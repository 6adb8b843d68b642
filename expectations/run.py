"""Checks at the two borders: `check_batch` on what landed, `check_marts` on what is about to be published.

Great Expectations is imported only when a suite has an expectation of its kind and there are rows to hold against it: a
night on which nothing landed costs nothing here.
"""

from __future__ import annotations

import tempfile
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import duckdb

from expectations import batch_checks, batch_table, marts_checks
from expectations.batch_checks import Declaration, Observation, PastBatch, Seen
from expectations.marts_checks import SeenMart
from expectations.report import Border, CheckReport, CheckResult
from expectations.suites import FOLDER, Expectation, batch_suite, marts_suites


def check_batch(
    files: Sequence[Path], *, kind: str, stream: str, stream_declaration: Declaration, history: Sequence[PastBatch], now: datetime,
    source: str | None = None, hours: float | None = None, scratch: Path | None = None, folder: Path = FOLDER,
) -> CheckReport:
    """Check what one run landed for one stream.

    files: its batch files (.jsonl, .jsonl.zst or .jsonl.gz); none: only what can be said of a night without a batch. kind, stream: the dbt source and
    table that it feeds. history: earlier batches, oldest first (batch_checks.past_batches makes it from ledger rows).
    hours: how much of the source's time the reading covered; None: everything. now: aware. scratch: where to put the temporary database.
    """
    suite = batch_suite(kind, stream, folder)
    subject = f"{source or kind}/{stream}"
    if not files:
        seen = Seen(connection=None, records=0, deletes=0, hours=hours, history=history, declaration=stream_declaration, now=now)
        return _report("batch", subject, [(expectation, batch_checks.CHECKS[expectation.type](seen, **expectation.kwargs))
                                          for expectation in suite.expectations if expectation.type in batch_checks.WITHOUT_A_BATCH])
    with tempfile.TemporaryDirectory(prefix="meridian-check-", dir=scratch) as temporary, batch_table.opened(Path(temporary)) as connection:
        records, deletes = batch_table.lay_out(connection, files, suite)
        seen = Seen(connection=connection, files=files, records=records, deletes=deletes, hours=hours, history=history, declaration=stream_declaration, now=now,
                    typed_fields=frozenset(name for name, field in suite.fields.items() if field.type != "text"))
        own = [expectation for expectation in suite.expectations if expectation.is_own]
        rows = [(expectation, batch_checks.CHECKS[expectation.type](seen, **expectation.kwargs)) for expectation in own]
        asked = [expectation for expectation in suite.expectations if not expectation.is_own]
        if asked and records:
            from expectations.engine import ask

            rows += ask(connection, {"records": asked}).get("records", [])
    return _report("batch", subject, rows)


def check_marts(
    candidate: Path, *, previous: Path | None = None, as_of: date, accepted: Collection[str] = (), read_back_to: date | None = None, folder: Path = FOLDER,
) -> CheckReport:
    """Check the marts file about to be published, alone and against the version before. Both files are opened read-only and released.

    accepted: '<table>/<check>' that a person has looked at and lets pass this once (a source was taken out, so its rows are gone):
    when such a check fails, it fails as a warning. read_back_to: the first day of the past that a backfill has read since the version before.
    """
    suites = marts_suites(folder)
    rows: dict[str, list[tuple[Expectation, Observation]]] = {}
    missing: list[CheckResult] = []
    with _attached(candidate, previous) as connection:
        listed = connection.execute("select database_name, table_name from duckdb_tables()").fetchall()
        tables = {side: {name for database, name in listed if database == side} for side in ("new", "old")}
        old_as_of = None
        if "meridian_version" in tables["old"]:
            found = connection.execute("select as_of from old.main.meridian_version").fetchone()
            old_as_of = found[0] if found else None
        for suite in suites:
            if suite.subject not in tables["new"]:
                missing.append(CheckResult(
                    border="marts", subject=suite.subject, check="table_is_published", severity="critical" if suite.required else "warning", passed=False,
                    observed="not among the published tables", expected="published", why="its suite expects it; readers may, too"))
                continue
            seen = SeenMart(connection=connection, table=suite.subject, has_old=suite.subject in tables["old"], as_of=as_of, old_as_of=old_as_of,
                            read_back_to=read_back_to)
            rows[suite.subject] = [(expectation, marts_checks.guarded(marts_checks.CHECKS[expectation.type], seen, expectation.kwargs))
                                   for expectation in suite.expectations if expectation.is_own]
    asked = {suite.subject: [expectation for expectation in suite.expectations if not expectation.is_own] for suite in suites if suite.subject in rows}
    if any(asked.values()):
        from expectations.engine import ask

        for table, found_rows in ask(candidate, asked).items():
            rows[table] += found_rows
    results = (*missing, *(result for table, pairs in rows.items() for result in _report("marts", table, pairs).results))
    return CheckReport(results=tuple(
        replace(result, severity="warning", detail=f"accepted by hand; {result.detail}") if f"{result.subject}/{result.check}" in accepted else result
        for result in results))


@contextmanager
def _attached(candidate: Path, previous: Path | None) -> Iterator[duckdb.DuckDBPyConnection]:
    connection = duckdb.connect()
    try:
        for name, file in (("new", candidate), ("old", previous)):
            if file is not None:
                connection.execute(f"attach '{str(file).replace(chr(39), chr(39) * 2)}' as {name} (read_only)")
        yield connection
    finally:
        connection.close()


def _report(border: Border, subject: str, rows: Sequence[tuple[Expectation, Observation]]) -> CheckReport:
    return CheckReport(results=tuple(
        CheckResult(border=border, subject=subject, check=expectation.name, severity=expectation.severity, passed=seen.passed, observed=seen.observed,
                    expected=seen.expected, detail=seen.detail, why=expectation.why)
        for expectation, seen in rows))
