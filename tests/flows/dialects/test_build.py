"""A build in a real PostgreSQL is whole or not there at all, wherever it is killed; what cannot be said in SQL is worked out here and named."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import duckdb
import pytest

from flows.dialects.build import Build
from flows.dialects.build import build as build_there
from flows.dialects.current import CannotBuild, Report
from flows.dialects.models import WAREHOUSE, Model, open_warehouse
from flows.settings import ConfigurationError, load
from flows.store.candidate import Step, no_step
from flows.store.pg import connected
from flows.store.postgres_options import BuiltInPostgres
from flows.store.versions import Version
from sandbox.databases import Database

SECONDS = "unnest([{'half': size / 2}], recursive := true)"      # DuckDB's alone


def models() -> list[Model]:
    given = {"id": "INTEGER", "size": "DOUBLE", "moment": "TIMESTAMP", "tags": "VARCHAR[]"}
    relation = f'"{WAREHOUSE}"."staging"."stg_things"'
    return [
        Model(name="stg_things", schema="staging", sql="", parents=(), columns=given, is_given=True, comments={}),
        Model(name="things", schema="marts", sql=f"with things as (select * from {relation} qualify row_number() over (partition by id order by moment desc) = 1) select * from things",
              parents=("stg_things",), columns=given, is_given=False, comments={"": "Things, one row each.", "size": "In metres."}),
        Model(name="halves", schema="marts", sql=f'select id, {SECONDS} from "{WAREHOUSE}"."marts"."things"', parents=("things",),
              columns={"id": "INTEGER", "half": "DOUBLE"}, is_given=False, comments={"": ""}),
    ]


def warehouse_file(folder: Path, size: float) -> Path:
    file = folder / "warehouse.duckdb"
    file.unlink(missing_ok=True)
    with duckdb.connect(str(file)) as made:
        made.execute("create schema staging; create schema marts")
        made.execute(f"create table staging.stg_things as select * from (values (1, {size}::double, timestamp '2026-03-29 01:30:00', ['a', 'b,\"c']),"
                     "(2, null, null, null), (1, 0.0, timestamp '2026-01-01', [])) as given (id, size, moment, tags)")
        # the warehouse has them, too, with other rows: nothing of them may show
        made.execute("create table marts.things as select * from staging.stg_things where false; create table marts.halves (id integer, half double)")
    return file


def version(name: str) -> Version:
    at = datetime(2026, 11, 1, tzinfo=UTC)
    return Version(name=name, path=Path("nowhere"), as_of=date(2026, 10, 31), built_at=at, published_at=at, code_revision="test", size_bytes=0, is_current=True,
                   tables={"things": {"primary_key": ["id"]}, "halves": {}})


def build(url: str, folder: Path, name: str, size: float, step: Step = no_step) -> Report:
    warehouse = open_warehouse(warehouse_file(folder, size))
    try:
        with connected(url) as connection:
            return Build(published=folder, options=BuiltInPostgres(), version=version(name), models=models(), warehouse=warehouse, connection=connection,
                         step=step).run(0.0)
    finally:
        warehouse.close()


@pytest.fixture
def database(postgres_server: Database, request: pytest.FixtureRequest) -> Database:
    return postgres_server.another(f"build_{abs(hash(request.node.name)) % 10**9}")


def shown(database: Database) -> str:
    return database.run("select m.version, t.id, coalesce(t.size, -1), coalesce(h.half, -1) "
                        "from warehouse.meridian_version m, warehouse.things t join warehouse.halves h using (id) order by t.id")


def test_readers_get_keys_comments_zones_and_the_version(database: Database, tmp_path: Path) -> None:
    report = build(database.url, tmp_path, "2026-10-31.001", 3.0)
    assert (report.there, report.tables, report.rows) == (1, 2, 4)
    assert list(report.here) == ["halves"]
    assert "struct" in report.here["halves"]
    assert shown(database) == "2026-10-31.001\t1\t3\t1.5\n2026-10-31.001\t2\t-1\t-1"
    assert database.run("select moment at time zone 'Europe/Berlin', tags from warehouse.things where id = 1") == '2026-03-29 03:30:00\t["a","b,\\"c"]'
    assert database.run("select obj_description('warehouse.things'::regclass), col_description('warehouse.things'::regclass, 2)") == "Things, one row each.\tIn metres."
    assert database.run("select string_agg(nspname, ' ') from pg_namespace where nspname like 'warehouse%'") == "warehouse"
    assert database.run("set role meridian_reader; select count(*) from warehouse.things") == "2"


@pytest.mark.parametrize(("section", "environment", "says"), [
    ("", {}, "names no PostgreSQL to build in"),
    ('[warehouse.postgres]\nurl_env = "W"', {}, "W is not set"),
    ('[warehouse.postgres]\nurl_env = "W"\nschema = "marts"\n[publish.postgres]\nurl_env = "P"', {"W": "postgresql://x", "P": "postgresql://x"}, "a schema of its own"),
    ('[warehouse.postgres]\nurl_env = "W"', {"W": "postgresql://u:p@localhost/d"}, "nothing is published yet"),
])
def test_what_is_missing_is_said_before_anything_is_done(section: str, environment: dict[str, str], says: str, tmp_path: Path) -> None:
    file = tmp_path / "meridian.toml"
    file.write_text(f'[company]\nname = "Things"\n{section}\n')
    with pytest.raises(CannotBuild, match=says):
        build_there(load(file, environment=environment))


def test_an_option_of_publishing_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "meridian.toml"
    file.write_text('[company]\nname = "Things"\n[warehouse.postgres]\nurl_env = "W"\npeople = "mask"\n')
    with pytest.raises(ConfigurationError, match=r"people is of \[publish.postgres\]"):
        load(file, environment={})


def test_what_people_built_on_the_tables_stays(database: Database, tmp_path: Path) -> None:
    build(database.url, tmp_path, "2026-10-31.001", 3.0)
    database.run("create view public.sizes as select id, size from warehouse.things")
    build(database.url, tmp_path, "2026-10-31.002", 4.0)
    assert database.run("select size from public.sizes where id = 1") == "4"


def test_a_model_that_postgresql_refuses_is_named_with_its_words(database: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bars = f'select id, length(bar(id, 0, 10)) :: double as half from "{WAREHOUSE}"."marts"."things" where id = 2'
    refused = [replace(one, sql=bars) if one.name == "halves" else one for one in models()]
    monkeypatch.setattr(sys.modules[__name__], "models", lambda: refused)
    report = build(database.url, tmp_path, "2026-10-31.001", 3.0)
    assert "function bar(" in report.here["halves"].lower()
    assert database.run("select id, half > 0 from warehouse.halves") == "2\tt"


KILLED_AT = ["made stg_things", "made things", "ready", "room made", "exchanged halves", "about to commit", "exchanged"]


@pytest.mark.parametrize("place", KILLED_AT)
def test_killed_anywhere_readers_have_the_old_or_the_new(place: str, database: Database, tmp_path: Path) -> None:
    build(database.url, tmp_path, "2026-10-31.001", 3.0)
    before = shown(database)
    command = [sys.executable, "-m", "tests.flows.dialects.test_build", database.url, str(tmp_path), place]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    after = "2026-10-31.002\t1\t8\t4\n2026-10-31.002\t2\t-1\t-1"
    assert shown(database) == (after if place == "exchanged" else before)
    build(database.url, tmp_path, "2026-10-31.002", 8.0)
    assert shown(database) == after
    assert database.run("select string_agg(nspname, ' ') from pg_namespace where nspname like 'warehouse%'") == "warehouse"


def _die_at(place: str) -> Step:
    def step(name: str) -> None:
        if name == place:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


if __name__ == "__main__":
    build(sys.argv[1], Path(sys.argv[2]), "2026-10-31.002", 8.0, _die_at(sys.argv[3]))
