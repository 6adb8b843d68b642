"""What DuckDB answers to a statement, a real Spark answers to the same statement said in its dialect; and a build is whole or not there at all."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import duckdb
import pytest

from flows.dialects import moving, spark
from flows.dialects.compare import There, compare
from flows.dialects.current import CannotBuild, Report
from flows.dialects.models import WAREHOUSE, Model, open_warehouse
from flows.dialects.spark import Refused, Spark
from flows.dialects.spark_build import BUILDING, Build, _as_duckdb_has_it, _for_spark
from flows.dialects.spark_rewrites import ENGINE, spark_type
from flows.sections import BuiltInSpark
from flows.store import landing
from flows.store.candidate import Step, no_step
from flows.store.checksums import quoted
from sandbox import java
from tests.flows.dialects import test_build as given
from tests.flows.dialects.statements import STATEMENTS, TABLES, opened, told

pytestmark = pytest.mark.timeout(900)       # the first time, pyspark is fetched: 460 MB


@pytest.fixture(scope="module")
def duck() -> Iterator[duckdb.DuckDBPyConnection]:
    with opened() as connection:
        yield connection


@pytest.fixture(scope="module")
def engine(duck: duckdb.DuckDBPyConnection, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Spark]:
    try:
        java.install()
        with spark.running(BuiltInSpark(master="local[2]", memory="1g")) as running:
            for name in TABLES:
                columns = moving.columns_in(duck, f"select * from {name}")
                folder = tmp_path_factory.mktemp(name)
                duck.execute(f"copy (select {', '.join(_for_spark(quoted(column), kind) for column, kind in columns.items())} from {name}) to '{folder}/rows.parquet'")
                running.read(name, folder)
            yield running
    except (java.CannotInstall, CannotBuild) as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the gate runs the tests of Spark, but {reason}")
        pytest.skip(str(reason))


@pytest.mark.drill
@pytest.mark.parametrize("statement", STATEMENTS.values(), ids=STATEMENTS.keys())
def test_both_answer_the_same(statement: str, duck: duckdb.DuckDBPyConnection, engine: Spark, tmp_path: Path) -> None:
    columns = moving.columns_in(duck, statement)
    cast = ", ".join(f"cast(`{column}` as {spark_type(kind)}) as `{column}`" for column, kind in columns.items())
    engine.make("answer", f"select {cast} from ({told(duck, statement, ENGINE).sql}) as said", tmp_path / "answer")
    ours = duck.execute(f"select * from ({statement}) order by all").fetchall()
    theirs = duck.execute(f"select * from ({_as_duckdb_has_it(tmp_path / 'answer', columns)}) order by all").fetchall()
    assert len(ours) > 0
    for mine, its in zip(ours, theirs, strict=True):
        assert its == tuple(pytest.approx(value, rel=1e-12) if isinstance(value, float) else value for value in mine)


def build(engine: Any, folder: Path, name: str, size: float, step: Step = no_step) -> Report:
    version = replace(given.version(name), path=folder)
    # "things" twice: as a table of the marts and as one below them
    models = [replace(one, sql=f'select id, size / 2 as half, control_limits([1.0], [1], [1.0], [0.0]) is null as odd from "{WAREHOUSE}"."marts"."things"',
                      columns={**one.columns, "odd": "BOOLEAN"}) if one.name == "halves" else one for one in given.models()]
    warehouse = open_warehouse(given.warehouse_file(folder, size))
    try:
        return Build(published=folder, folder=folder / "lake", version=version, models=models, warehouse=warehouse, spark=engine, step=step).run(0.0)
    finally:
        warehouse.close()


def shown(folder: Path) -> list[Any]:
    lake = folder / "lake" / "current"
    with duckdb.connect() as reader:
        return reader.execute(f"select version, id, size, half, tags from read_parquet('{lake}/meridian_version/*.parquet') as told, read_parquet('{lake}/things/*.parquet') as things "
                              f"join read_parquet('{lake}/halves/*.parquet') as halves using (id) order by id").fetchall()


@pytest.mark.drill
def test_spark_works_out_what_it_can_and_the_rest_is_worked_out_here_and_named(engine: Spark, tmp_path: Path) -> None:
    report = build(engine, tmp_path, "2026-10-31.001", 3.0)
    assert (report.there, report.tables, report.rows) == (1, 2, 4)
    assert report.here == {"halves": "control_limits() is no function of SQL"}
    assert shown(tmp_path) == [("2026-10-31.001", 1, 3.0, 1.5, ["a", 'b,"c']), ("2026-10-31.001", 2, None, None, None)]


@pytest.mark.drill
def test_what_spark_refuses_is_told_in_its_words(engine: Spark, tmp_path: Path) -> None:
    with pytest.raises(Refused, match="UNRESOLVED_ROUTINE"):
        engine.make("nothing", "select no_such_function(1) as one", tmp_path / "nothing")
    with pytest.raises(Refused, match="DIVIDE_BY_ZERO"):
        engine.make("nothing", "select 1 / 0 as one", tmp_path / "nothing")


# As dbt compiles it, but for the columns.
STAGED = f"""with source as (select * from "{WAREHOUSE}"."raw"."shop__things"),
parsed as (select landed.record_key, landed.batch_id, fields.* from (
    select _key as record_key, _batch as batch_id, json_transform(record, '{{"id": "VARCHAR", "size": "VARCHAR"}}') as fields from source) as landed)
select try_cast(id as integer) as id, try_cast(size as double) as size from parsed qualify row_number() over (partition by record_key order by batch_id desc) = 1"""


def staged(engine: Any, folder: Path, files: list[Path]) -> tuple[Report, list[Any]]:
    """A build of one staging model of which these files landed; the warehouse has other rows of it, with sizes below nothing."""
    staging = Model(name="stg_shop__things", schema="staging", sql=STAGED, parents=(), columns={"id": "INTEGER", "size": "DOUBLE"}, is_given=True, comments={},
                    landed="shop__things")
    mart = Model(name="things", schema="marts", sql=f'select * from "{WAREHOUSE}"."staging"."stg_shop__things"', parents=("stg_shop__things",),
                 columns=staging.columns, is_given=False, comments={})
    file = given.warehouse_file(folder, 1.0)
    with duckdb.connect(str(file)) as warehouse:
        warehouse.execute("create table staging.stg_shop__things as select 1 as id, -1.0::double as size")
    version = replace(given.version("2026-10-31.001"), path=folder, tables={"things": {"primary_key": ["id"]}})
    warehouse = open_warehouse(file)
    try:
        report = Build(published=folder, folder=folder / "lake", version=version, models=[staging, mart], warehouse=warehouse, spark=engine,
                       landed={"shop__things": files}).run(0.0)
    finally:
        warehouse.close()
    with duckdb.connect() as reader:
        return report, reader.execute(f"select id, size from read_parquet('{folder}/lake/current/things/*.parquet') order by id").fetchall()


@pytest.mark.drill
def test_staging_is_worked_out_from_what_landed(engine: Spark, tmp_path: Path) -> None:
    files = []
    for batch, lines in {"20261101T013000Z-000": [("1", {"id": 1, "size": 2.5}), ("2", {"id": "2"})], "20261102T013000Z-000": [("1", {"id": 1, "size": "3.5"})]}.items():
        where = landing.place(tmp_path / "landing", "the-shop", "things", batch)
        landing.append(where, [landing.line(key, nth, record) for nth, (key, record) in enumerate(lines)], 0)
        landing.seal(where)
        files.append(where.final)
    report, rows = staged(engine, tmp_path, files)
    assert rows == [(1, 3.5), (2, None)]
    assert (report.there, report.here) == (2, {})


def test_staging_goes_over_as_it_stands_where_a_file_of_its_landing_is_not_here(tmp_path: Path) -> None:
    lost = tmp_path / "landing" / "lost.jsonl.zst"
    report, rows = staged(Refusing(), tmp_path, [lost])
    assert rows == [(1, -1.0)]
    assert report.here["stg_shop__things"] == f"1 of 1 files of its landing are not on this machine, such as {lost}"


class Refusing:
    """A Spark that works nothing out: everything is worked out here, and needs none."""

    def land(self, name: str, files: Sequence[Path], sql: str) -> None:
        raise AssertionError(name)

    def make(self, name: str, sql: str, path: Path) -> None:
        raise Refused("not today")

    def read(self, name: str, path: Path) -> None:
        assert list(path.glob("*.parquet"))


KILLED_AT = ["made stg_things", "made things", "ready", "about to turn", "turned"]


@pytest.mark.parametrize("place", KILLED_AT)
def test_killed_anywhere_readers_have_the_old_or_the_new(place: str, tmp_path: Path) -> None:
    assert build(Refusing(), tmp_path, "2026-10-31.001", 3.0).here["things"] == "Spark says: not today"
    before = shown(tmp_path)
    command = [sys.executable, "-m", "tests.flows.dialects.test_spark", str(tmp_path), place]
    killed = subprocess.run(command, capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": os.getcwd()})
    assert killed.returncode == -signal.SIGKILL, killed.stderr
    after = [("2026-10-31.002", 1, 8.0, 4.0, ["a", 'b,"c']), ("2026-10-31.002", 2, None, None, None)]
    assert shown(tmp_path) == (after if place == "turned" else before)
    build(Refusing(), tmp_path, "2026-10-31.002", 8.0)
    assert shown(tmp_path) == after
    assert not (tmp_path / "lake" / BUILDING).exists()
    assert len([one for one in (tmp_path / "lake").iterdir() if one.is_dir() and not one.is_symlink()]) == 2      # this one and the one before


def test_nothing_is_taken_away_that_no_build_made(tmp_path: Path) -> None:
    mine = tmp_path / "lake" / "mine"
    mine.mkdir(parents=True)
    (mine / "notes").write_text("keep")
    build(Refusing(), tmp_path, "2026-10-31.001", 3.0)
    build(Refusing(), tmp_path, "2026-10-31.001", 3.0)
    assert (mine / "notes").read_text() == "keep"


def test_without_java_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("JAVA_HOME", raising=False)
    with pytest.raises(CannotBuild, match="install openjdk-17-jre-headless"), spark.running(BuiltInSpark()):
        pass


@pytest.mark.parametrize(("wrong", "why"), [({"folder": "s3a://lake/marts"}, "object stores have no rename"), ({"master": "spark"}, "master"), ({"memory": "2 GB"}, "memory")])
def test_settings_say_what_is_wrong(wrong: dict[str, str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        BuiltInSpark(**wrong)


def test_nothing_built_is_nothing_to_compare() -> None:
    @contextmanager
    def nothing(settings: Any) -> Iterator[There | None]:
        yield None

    with pytest.raises(CannotBuild, match="nothing is built there yet"):
        compare(None, nothing)  # type: ignore[arg-type]


def _die_at(place: str) -> Step:
    def step(name: str) -> None:
        if name == place:
            os.kill(os.getpid(), signal.SIGKILL)

    return step


if __name__ == "__main__":
    build(Refusing(), Path(sys.argv[1]), "2026-10-31.002", 8.0, _die_at(sys.argv[2]))
