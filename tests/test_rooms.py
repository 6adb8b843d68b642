"""Who may import whom: the rooms of the README, read from the imports themselves."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parent.parent


def imports_of(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield node.module
            yield from (f"{node.module}.{name.name}" for name in node.names)


def modules(folder: str, pattern: str = "**/*.py") -> list[Path]:
    return sorted(PROJECT.joinpath(folder).glob(pattern))


def roots(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports_of(path)}


RULES = [
    ("connectors", "**/*.py", {"flows", "expectations", "sandbox", "prefect", "duckdb", "dbt", "great_expectations", "pandas", "typer"}),
    ("flows/store", "**/*.py", {"prefect", "connectors", "expectations", "great_expectations", "sandbox"}),
    ("flows/reporting", "**/*.py", {"prefect", "connectors", "sandbox"}),
    ("flows/analysis", "**/*.py", {"prefect", "connectors", "sandbox", "sqlalchemy", "duckdb"}),
    ("flows/alerting", "**/*.py", {"prefect", "connectors", "sandbox"}),
    ("flows/automation", "**/*.py", {"prefect", "sandbox", "duckdb"}),
    ("expectations", "**/*.py", {"flows", "prefect", "connectors", "sandbox"}),
    ("flows", "*.py", {"sandbox", "trytond", "proteus"}),
    ("flows", "**/*.py", {"bi", "superset"}),
    ("bi", "*.py", {"sandbox", "prefect", "connectors", "superset"}),
]


@pytest.mark.parametrize(("folder", "pattern", "forbidden"), RULES, ids=[f"{rule[0]}/{rule[1]}" for rule in RULES])
def test_a_room_imports_only_what_it_may(folder: str, pattern: str, forbidden: set[str]) -> None:
    offences = {str(path.relative_to(PROJECT)): sorted(roots(path) & forbidden) for path in modules(folder, pattern) if roots(path) & forbidden}
    assert not offences
    assert modules(folder, pattern)


def test_sqlalchemy_reaches_connectors_through_sql_alone() -> None:
    assert {path.name for path in modules("connectors") if "sqlalchemy" in roots(path)} == {"sql.py", "sql_catalogue.py"}
    assert [path.name for path in modules("connectors") if "connectors.sql_catalogue" in set(imports_of(path))] == ["sql.py"]


def test_tryton_is_imported_only_inside_its_own_folder_which_says_its_licence() -> None:
    for path in [path for folder in ("connectors", "expectations", "flows", "sandbox", "tests") for path in modules(folder)]:
        if roots(path) & {"trytond", "proteus"}:
            assert path.is_relative_to(PROJECT / "sandbox/tryton/inside"), path
    for path in modules("sandbox/tryton/inside"):
        assert "GPL-3.0-or-later" in "".join(path.read_text(encoding="utf-8").splitlines(keepends=True)[:3]), path


def test_what_costs_seconds_is_imported_only_where_it_is_needed() -> None:
    """`meridian status` must not wait for Prefect (1.5 s) or Great Expectations (3.9 s)."""
    import subprocess

    loaded = subprocess.run(
        [sys.executable, "-c", "import sys, flows.cli, flows.show, flows.build, flows.publish, flows.ingest; print(*sys.modules)"],
        capture_output=True, text=True, check=True,
    ).stdout.split()
    assert not {"prefect", "great_expectations", "dbt", "pandas", "pyarrow"} & {name.split(".")[0] for name in loaded}


def test_no_module_has_outgrown_its_reader() -> None:
    long = {str(path.relative_to(PROJECT)): count for folder in ("bi", "connectors", "expectations", "flows", "sandbox") for path in modules(folder)
            if (count := len(path.read_text(encoding="utf-8").splitlines())) > 370}
    assert not long
