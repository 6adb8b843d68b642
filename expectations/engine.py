"""The one place that imports Great Expectations: 2.6 s of CPU and 230 MB, so only when there is something to check."""

from __future__ import annotations

import importlib
import json
import logging
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import duckdb

from expectations.batch_checks import Observation
from expectations.suites import Expectation, nearest

if TYPE_CHECKING:
    from great_expectations.data_context import EphemeralDataContext

_numbers = count()


@cache
def _context() -> EphemeralDataContext:
    """One context a process, without telemetry (it is asked for at import) and without progress bars."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    logging.getLogger("great_expectations").setLevel(logging.WARNING)
    with _what_no_check_here_needs_left_alone():
        import great_expectations as gx
    from great_expectations.data_context.types.base import ProgressBarsConfig

    # It tells of temporary folders of its own, by a logger whose level it sets when it is imported.
    logging.getLogger(ProgressBarsConfig.__module__).setLevel(logging.WARNING)

    import expectations.dialect  # noqa: F401 - registers itself with SQLAlchemy

    context = gx.get_context(mode="ephemeral")
    context.variables.progress_bars = ProgressBarsConfig(globally=False)
    context.enable_analytics(False)
    return context


class _Later(ModuleType):
    """A module that is imported when something of it is asked for. (importlib's LazyLoader imports it at the next `import` already, before Python 3.12.)"""

    def __getattr__(self, name: str) -> Any:
        if sys.modules.get(self.__name__) is self:
            del sys.modules[self.__name__]
        return getattr(importlib.import_module(self.__name__), name)


@contextmanager
def _what_no_check_here_needs_left_alone() -> Iterator[None]:
    """A third of what Great Expectations costs to import are scipy and altair, which one expectation draws and computes with, and botocore, with which it
    would read S3. Those two are loaded when something of them is used, and botocore is not there for its import (it asks), unless somebody had it before."""
    for name in ("scipy.stats", "altair"):
        sys.modules.setdefault(name, _Later(name))
    hides = "botocore" not in sys.modules
    if hides:
        sys.modules["botocore"] = None      # type: ignore[assignment]
    try:
        yield
    finally:
        if hides:
            del sys.modules["botocore"]


def implementation(expectation: Expectation) -> Any:
    """The Great Expectations object of an expectation; SuiteError names what it does not understand."""
    _context()
    from great_expectations.compatibility.pydantic import ValidationError
    from great_expectations.expectations.registry import get_expectation_impl

    kind: Any = get_expectation_impl(expectation.type)
    try:
        return kind(**expectation.kwargs, severity=expectation.severity)
    except ValidationError as error:
        valid = set(kind.__fields__) - {"id", "meta", "rendered_content", "batch_id", "catch_exceptions", "result_format", "windows", "severity"}
        said = []
        for problem in error.errors():
            name = str(problem["loc"][0])
            unknown = "extra" in problem["type"]
            said.append(f"{expectation.type} has no argument {name!r}{nearest(name, valid)}" if unknown else f"{expectation.type}: {name}: {problem['msg']}")
        raise expectation.wrong("; ".join(sorted(said))) from error


def ask(database: Path | duckdb.DuckDBPyConnection, suites: Mapping[str, Sequence[Expectation]]) -> dict[str, list[tuple[Expectation, Observation]]]:
    """Validate tables (or views) of a DuckDB database, a file or one that is open: {table: expectations} -> {table: what was seen}.

    Leaves no handle on a file open, and a connection as it was."""
    wanted = {table: [(expectation, implementation(expectation)) for expectation in expectations] for table, expectations in suites.items() if expectations}
    if not wanted:
        return {}
    context = _context()
    from great_expectations import ExpectationSuite

    from expectations.dialect import lent

    name = f"duckdb-{next(_numbers)}"
    seen: dict[str, list[tuple[Expectation, Observation]]] = {}
    with lent(database) as url:
        source = context.data_sources.add_sql(name, connection_string=url)
        engines = []
        try:
            for table, pairs in wanted.items():
                batch = source.add_table_asset(table, table_name=table).add_batch_definition_whole_table("whole").get_batch()
                engines.append(batch.data.execution_engine.engine)
                # asking one by one would cost a scan each: a suite's metrics are bundled into few statements
                suite = ExpectationSuite(name=f"{name}-{table}")
                for _, asked in pairs:
                    asked.meta = {"position": len(suite.expectations)}
                    suite.expectations.append(asked)
                results = {_position(result): result for result in batch.validate(suite, result_format="SUMMARY").results}
                seen[table] = [(expectation, _observation(expectation, results.get(position))) for position, (expectation, _) in enumerate(pairs)]
        finally:
            context.data_sources.delete(name)
            for engine in [*engines, source.get_engine()]:
                engine.dispose()
    return seen


def _position(result: Any) -> int:
    return int(result.expectation_config.meta["position"])


def _observation(expectation: Expectation, result: Any) -> Observation:
    expected = json.dumps({key: value for key, value in expectation.kwargs.items() if key not in ("column", "column_list", "unexpected_rows_query")},
                          ensure_ascii=False, default=str).strip("{}").replace('"', "")
    if result is None:
        return Observation(passed=False, observed="could not be checked", expected=expected, detail="Great Expectations gave no answer")
    said = result.result or {}
    if not said and not result.success:
        messages = [info.get("exception_message") or "" for info in (result.exception_info or {}).values() if isinstance(info, dict)]
        messages += [str((result.exception_info or {}).get("exception_message") or "")]
        message = next((text.splitlines()[0] for text in messages if text), "the column is not there" if "column" in expectation.kwargs else "no reason given")
        return Observation(passed=False, observed="could not be checked", expected=expected, detail=message[:300])
    if "unexpected_count" in said:
        total = said.get("element_count") or 0
        examples = list(dict.fromkeys(str(value)[:40] for value in said.get("partial_unexpected_list") or [] if value is not None))[:3]
        return Observation(passed=bool(result.success), observed=f"{said['unexpected_count'] or 0:,} of {total:,} not so", expected=expected or "all",
                           detail=f"e.g. {', '.join(examples)}" if examples and not result.success else "")
    observed = said.get("observed_value")
    if expectation.type == "unexpected_rows_expectation":
        rows = (said.get("details") or {}).get("unexpected_rows") or []
        detail = f"e.g. {str(rows[0])[:200]}" if rows and not result.success else ""
        return Observation(passed=bool(result.success), observed=f"{observed} rows", expected="none", detail=detail)
    return Observation(passed=bool(result.success), observed=observed if isinstance(observed, int | float) else str(observed)[:200], expected=expected)
