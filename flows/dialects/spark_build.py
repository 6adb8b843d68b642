"""Build the marts of the current version with Spark, as Parquet, from the landing on: staging is worked out there, and every model after it.

    <folder>/building/below, marts    while they are being made
    <folder>/<version>-<number>       what was built; the one before stays until the next build, for readers who are in the middle of it
    <folder>/current                  what readers have: a link, which one rename turns

Killed anywhere, readers keep what they had, and the next build begins by taking away what was left. A model that has no counterpart in Spark's SQL is worked
out here, by DuckDB, from the files that Spark wrote, and of staging the table goes over as it stands; each is named with the reason. Seeds, and what Meridian
says of itself, go over anyway.
"""

from __future__ import annotations

import fcntl
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import duckdb

from flows.dialects import moving
from flows.dialects.compare import There
from flows.dialects.current import CannotBuild, Report, opened
from flows.dialects.models import WAREHOUSE, Model, rows_of, worked_out_here
from flows.dialects.rewrites import NoCounterpart
from flows.dialects.saying import Columns, Untold, say
from flows.dialects.spark import Refused, Spark, running
from flows.dialects.spark_landed import LINES, NOTHING, TYPES, unfolded
from flows.dialects.spark_rewrites import ENGINE, spark_type
from flows.settings import Settings
from flows.store.candidate import Step, no_step
from flows.store.checksums import literal, quoted
from flows.store.disk import sync
from flows.store.versions import Version
from flows.store.warehouse import landed_lines

CURRENT, BUILDING, OWN = "current", "building", "meridian_version"


def build(settings: Settings, *, say_what: Callable[[str], None] = lambda line: None, step: Step = no_step) -> Report:
    """Bring the folder of `[warehouse.spark]` to the current version. Nothing else may build meanwhile: the caller holds the night's lease.

    Raises CannotBuild, BuildFailed (dbt).
    """
    started, folder = time.monotonic(), folder_of(settings)
    with opened(settings, say_what) as current, running(settings.configuration.warehouse.spark) as spark:
        say_what(f"Spark {spark.version}")
        return Build(published=settings.published, folder=folder, version=current.version, models=current.models, warehouse=current.warehouse, spark=spark,
                     landed=current.landed, say_what=say_what, step=step).run(started)


def folder_of(settings: Settings) -> Path:
    folder = settings.configuration.warehouse.spark.folder
    if not folder:
        raise CannotBuild(f"{settings.path} names no folder for Spark to build in: [warehouse.spark] with folder")
    return settings.path.parent.absolute() / folder


@contextmanager
def opened_for_comparison(settings: Settings) -> Iterator[There | None]:
    """What readers of the folder have; None before the first build. Raises CannotBuild."""
    standing = folder_of(settings) / CURRENT
    if not standing.exists():
        yield None
        return
    standing = standing.resolve()       # a build may turn the link meanwhile; these files stay

    def fetch(duck: duckdb.DuckDBPyConnection, name: str, columns: Columns) -> None:
        duck.execute(f"create table there as {_as_duckdb_has_it(standing / name, columns)}")

    with duckdb.connect() as duck:
        [(version,)] = duck.execute(f"select version from {_files(standing / OWN)}").fetchall()
    yield There(engine="Spark", version=version, fetch=fetch)


@dataclass(kw_only=True)
class Build:
    """One build of `models` by a running Spark. published: folder of the versions. models: parents first. landed: files by '<kind>__<table>'."""

    published: Path
    folder: Path
    version: Version
    models: list[Model]
    warehouse: duckdb.DuckDBPyConnection
    spark: Spark
    landed: Mapping[str, Sequence[Path]] = field(default_factory=dict)
    say_what: Callable[[str], None] = lambda line: None
    step: Step = no_step

    def run(self, started: float) -> Report:
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / ".build.lock").open("w") as lock:       # let go of when this process ends, however it ends
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                raise CannotBuild(f"another build is writing to {self.folder}: wait until it is done") from None
            self._take_away_what_was_left()
            here = self._make()
            self._say_the_version()
            self.step("ready")
            self._turn()
        marts = [model for model in self.models if model.name in self.version.tables]
        count = sum(self.warehouse.execute(f"select count(*) from {_files(self.folder / CURRENT / model.name)}").fetchall()[0][0] for model in marts)
        given = sum(map(_goes_over, self.models))
        return Report(version=self.version.name, place=str(self.folder / CURRENT), there=len(self.models) - given - len(here), here=here, tables=len(marts),
                      rows=count, seconds=round(time.monotonic() - started, 1))

    def place(self, model: Model) -> Path:
        return self.folder / BUILDING / ("marts" if model.name in self.version.tables else "below") / model.name

    def _take_away_what_was_left(self) -> None:
        kept = {CURRENT, ".build.lock", *([(self.folder / CURRENT).resolve().name] if (self.folder / CURRENT).is_symlink() else [])}
        for left in self.folder.iterdir():
            if left.name == f"{CURRENT}.new":
                left.unlink()
            elif left.name == BUILDING or (left.name not in kept and (left / OWN).is_dir()):      # nothing that is not ours
                shutil.rmtree(left)

    def _make(self) -> dict[str, str]:
        """Every model, as files. Returns those that were worked out here, with the reason."""
        known = {model.name: model.columns for model in self.models}
        here, given = {}, sum(map(_goes_over, self.models))
        self.say_what(f"{given} tables of seeds and of Meridian's own go over, {len(self.models) - given} models are worked out from what landed")
        for model in self.models:
            if _goes_over(model):
                self._write(model, rows_of(model, self.published, self.version))
            else:
                try:
                    sql = self._read_what_landed(model, known) if model.landed else model.sql
                    self._there(model, say(sql, engine=ENGINE, tables=known, describe=lambda query: moving.columns_in(self.warehouse, query)).sql)
                except (Untold, NoCounterpart) as reason:
                    here[model.name] = str(reason)
                except Refused as reason:
                    here[model.name] = f"Spark says: {reason}"
                if model.name in here:
                    self.say_what(f"{model.name} {'goes over' if model.landed else 'is worked out here'}: {here[model.name]}")
                    self._here(model)
            self.step(f"made {model.name}")
        return here

    def _read_what_landed(self, model: Model, known: dict[str, Columns]) -> str:
        """The landing's lines become a table of Spark. Returns the SQL of the staging model that reads them."""
        files = self.landed.get(model.landed, ())
        if lost := [file for file in files if not file.is_file()]:
            raise NoCounterpart(f"{len(lost)} of {len(files)} files of its landing are not on this machine, such as {lost[0]}")
        self.spark.land(model.landed, files, LINES if files else NOTHING)
        known[model.landed] = TYPES
        self.warehouse.execute(f"create or replace view {quoted(model.landed)} as {landed_lines(())}")       # of which DuckDB says what types it has
        return unfolded(model.sql.replace(f'"{WAREHOUSE}"."raw".{quoted(model.landed)}', quoted(model.landed)))

    def _there(self, model: Model, said: str) -> None:
        """Spark works it out, into columns of the types that DuckDB has."""
        columns = ", ".join(f"cast(`{column}` as {spark_type(kind)}) as `{column}`" for column, kind in model.columns.items())
        self.spark.make(model.name, f"select {columns} from ({said}) as worked_out", self.place(model))

    def _here(self, model: Model) -> None:
        """DuckDB works it out in this process, from the files that Spark wrote; a table of staging it has."""
        if model.landed:
            return self._write(model, rows_of(model, self.published, self.version))
        parents = [one for one in self.models if one.name in model.parents]
        inputs = {parent.relation: f"from_spark__{parent.name}" for parent in parents}
        for parent in parents:
            self.warehouse.execute(f"create view {quoted(inputs[parent.relation])} as {_as_duckdb_has_it(self.place(parent), parent.columns)}")
        try:
            self._write(model, worked_out_here(model, inputs))
        except duckdb.Error as error:
            raise CannotBuild(f"{model.name} can be worked out neither there nor here: {error}") from None
        finally:
            for view in inputs.values():
                self.warehouse.execute(f"drop view {quoted(view)}")

    def _write(self, model: Model, query: str) -> None:
        """What `query` answers in DuckDB, as files that Spark may read."""
        shutil.rmtree(self.place(model), ignore_errors=True)        # what Spark had begun
        self.place(model).mkdir(parents=True)
        values = ", ".join(_for_spark(quoted(column), kind) for column, kind in model.columns.items())
        self.warehouse.execute(f"copy (select {values} from ({query}) as rows_to_go) to {literal(self.place(model) / 'part-0.parquet')} (format parquet)")
        self.spark.read(model.name, self.place(model))

    def _say_the_version(self) -> None:
        place, told = self.folder / BUILDING / "marts" / OWN, self.version
        place.mkdir()
        self.warehouse.execute(
            f"copy (select {literal(told.name)} as version, date {literal(str(told.as_of))} as as_of, "
            f"timestamptz {literal(told.built_at.isoformat())} as built_at, "
            f"timestamptz {literal(told.published_at.isoformat())} as published_at, {literal(told.code_revision)} as code_revision) "
            f"to {literal(place / 'part-0.parquet')} (format parquet)")

    def _turn(self) -> None:
        number = 1
        while (new := self.folder / f"{self.version.name}-{number}").exists():
            number += 1
        (self.folder / BUILDING / "marts").rename(new)
        self.step("about to turn")
        aside = self.folder / f"{CURRENT}.new"
        aside.symlink_to(new.name)
        aside.replace(self.folder / CURRENT)
        sync(self.folder)
        self.step("turned")
        shutil.rmtree(self.folder / BUILDING)


def _goes_over(model: Model) -> bool:
    return model.is_given and not model.landed


def _files(folder: Path) -> str:
    return f"read_parquet({literal(folder / '*.parquet')})"


def _as_duckdb_has_it(folder: Path, columns: Mapping[str, str]) -> str:
    """An instant is one of UTC for Spark; DuckDB has most of them without their zone."""
    def value(name: str, kind: str) -> str:
        is_without = kind.startswith("TIMESTAMP") and kind != "TIMESTAMP WITH TIME ZONE"
        return f"cast({name} at time zone 'UTC' as {kind}) as {name}" if is_without else f"cast({name} as {kind}) as {name}"

    return f"select {', '.join(value(quoted(column), kind) for column, kind in columns.items())} from {_files(folder)}"


def _for_spark(name: str, kind: str) -> str:
    """As `_as_duckdb_has_it` reads it back: instants with their zone, no type that Parquet or Spark lacks."""
    if kind.startswith("TIMESTAMP") and kind != "TIMESTAMP WITH TIME ZONE":
        return f"cast({name} as timestamp) at time zone 'UTC' as {name}"
    known = {"HUGEINT": "decimal(38, 0)", "UHUGEINT": "decimal(38, 0)", "UBIGINT": "decimal(20, 0)", "JSON": "varchar", '"NULL"': "integer"}
    return f"cast({name} as {known[kind]}) as {name}" if kind in known else name
