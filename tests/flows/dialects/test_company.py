"""The sandbox company's marts, worked out by a real PostgreSQL: every row of every table is that of the files."""

from __future__ import annotations

import duckdb
import pytest
from typer.testing import CliRunner

from flows import cli
from flows.settings import load
from sandbox.databases import Database
from tests import first_version

pytestmark = pytest.mark.timeout(1500)      # it may wait for the company's first night, or live it, and then builds for four minutes

# What no SQL has: control limits and the verdict on projects are statistics of flows/analysis.
WORKED_OUT_HERE = {"int_project_verdicts", "kpi_signals"}


def test_postgresql_works_out_the_same_numbers(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest, postgres_server: Database, monkeypatch: pytest.MonkeyPatch,
) -> None:
    database = postgres_server.another("company")
    config = first_version.copy_deployment(tmp_path_factory.mktemp("in-postgres"), tmp_path_factory, request)
    config.write_text(config.read_text() + '\n[warehouse.postgres]\nurl_env = "WAREHOUSE_URL"\n')
    monkeypatch.setenv("WAREHOUSE_URL", database.url)

    built = CliRunner().invoke(cli.app, ["warehouse", "build", "--config", str(config)])
    assert built.exit_code == 0, built.output
    here = {line.split()[0] for line in built.output.splitlines() if " is worked out here: " in line}
    assert here == WORKED_OUT_HERE, built.output

    compared = CliRunner().invoke(cli.app, ["warehouse", "compare", "--config", str(config)])
    assert compared.exit_code == 0, compared.output
    settings = load(config)
    with duckdb.connect(str(settings.published / "marts.duckdb"), read_only=True) as marts:
        tables = marts.execute("select count(*) from duckdb_tables() where table_name <> 'meridian_version'").fetchall()[0][0]
        kpis = marts.execute("select count(*), count(distinct kpi) from kpis").fetchall()[0]
    assert compared.output.startswith(f"{tables} tables, ")
    assert database.run("select count(*), count(distinct kpi) from warehouse.kpis") == f"{kpis[0]}\t{kpis[1]}"
    assert kpis[1] >= 48

    # the comparison sees what differs, were it the last digit that counts
    database.run("update warehouse.kpis set value = value * (1 + 1e-8) where ctid = (select min(ctid) from warehouse.kpis where value > 1)")
    database.run("delete from warehouse.worklists where ctid = (select min(ctid) from warehouse.worklists)")
    found = CliRunner().invoke(cli.app, ["warehouse", "compare", "--config", str(config)])
    assert found.exit_code == 1
    assert "kpis: value differs in 1 of" in found.output
    assert "worklists: " in found.output
