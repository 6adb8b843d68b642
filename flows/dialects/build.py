"""Build the marts of the current version in PostgreSQL: staging goes over as it stands, every model after it is worked out there.

    warehouse_below     staging and every model, while they are being made     gone at the end
    warehouse_ready     the marts as readers get them: types, keys, comments   gone at the end
    warehouse           what readers have; its rows are exchanged in one transaction, as publishing does (flows/store/postgres.py)

Killed anywhere, readers keep what they had, and the next build begins by taking away what was left. A model that has no counterpart in PostgreSQL's SQL is
worked out here, by DuckDB, from rows that are fetched from PostgreSQL; each is named with the reason.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sql

from flows.dialects import moving
from flows.dialects.compare import There
from flows.dialects.current import CannotBuild, Report, opened
from flows.dialects.models import Model, rows_of, worked_out_here
from flows.dialects.postgres_functions import FUNCTIONS
from flows.dialects.postgres_rewrites import ENGINE
from flows.dialects.saying import Said, Untold, say
from flows.settings import Settings
from flows.store import pg_access
from flows.store import postgres as publishing
from flows.store.candidate import Step, no_step
from flows.store.checksums import literal, quoted
from flows.store.pg import connected, patiently, refusal, rows, run
from flows.store.pg_load import type_in_postgres
from flows.store.postgres_options import Postgres
from flows.store.versions import Version

# A statement of a hundred lines costs more to compile than to run; a sort of a small company's rows fits.
SESSION = ("set jit = off", "set work_mem = '64MB'", "set client_min_messages = warning")


def build(settings: Settings, *, say_what: Callable[[str], None] = lambda line: None, step: Step = no_step) -> Report:
    """Bring the schema of `[warehouse.postgres]` to the current version. Nothing else may build meanwhile: the caller holds the night's lease.

    Raises CannotBuild, BuildFailed (dbt), PostgresError.
    """
    started = time.monotonic()
    options, address = settings.configuration.warehouse.postgres, address_of(settings)
    with opened(settings, say_what) as current, connected(address, tls_ca=options.tls_ca, allow_plain=options.allow_plain) as connection:
        return Build(published=settings.published, options=options, version=current.version, models=current.models, warehouse=current.warehouse,
                     connection=connection, say_what=say_what, step=step).run(started)


def address_of(settings: Settings) -> str:
    variable = settings.configuration.warehouse.postgres.url_env
    if not variable:
        raise CannotBuild(f"{settings.path} names no PostgreSQL to build in: [warehouse.postgres] with url_env")
    address = settings.secrets.get(variable, "")
    if not address:
        raise CannotBuild(f"{variable} is not set: put postgresql://user:password@host/database under this name into {settings.path.parent / '.env'}")
    other, schema = settings.configuration.publish.postgres, settings.configuration.warehouse.postgres.schema_name
    if other.url_env and settings.secrets.get(other.url_env) == address and other.schema_name == schema:
        raise CannotBuild(f"warehouse.postgres.schema: {schema} is where versions are published to; give the build a schema of its own")
    return address


@dataclass(kw_only=True)
class Build:
    """One build of `models` over an open session. published: folder of the versions. models: parents first."""

    published: Path
    options: Postgres
    version: Version
    models: list[Model]
    warehouse: duckdb.DuckDBPyConnection
    connection: sql.Connection
    say_what: Callable[[str], None] = lambda line: None
    step: Step = no_step

    @property
    def below(self) -> str:
        return f"{self.options.schema_name}_below"

    @property
    def ready(self) -> str:
        return f"{self.options.schema_name}_ready"

    def run(self, started: float) -> Report:
        connection, options = self.connection, self.options
        attempt = partial(patiently, connection, patience=options.patience_seconds)
        for statement in SESSION:
            run(connection, statement)
        # one builder at a time; PostgreSQL lets go of this when our session ends, however it ends
        alone = f"select pg_advisory_lock(hashtext({literal('meridian builds ' + options.schema_name)}))"
        connection.commit()
        attempt(partial(run, connection, alone), what="another build of it is running")
        attempt(lambda: pg_access.check_roles(connection, options))
        with connection.begin():
            for schema in (self.below, self.ready):
                run(connection, f"drop schema if exists {quoted(schema)} cascade")
                run(connection, f"create schema {quoted(schema)}")
            run(connection, f"set search_path = {quoted(self.below)}")
            driver: Any = connection.connection.driver_connection
            driver.execute_simple(FUNCTIONS)
        here = self._make()
        self.say_what("the marts as readers get them")
        with connection.begin():
            run(connection, f"set local search_path = {quoted(self.ready)}")
            tables, count = self._get_ready()
            pg_access.secure_new(connection, self.ready, options)
        self.step("ready")
        told = f"Marts built here, version {self.version.name}, as of {self.version.as_of}"
        publishing.make_room(connection, options, self.ready, attempt)
        self.step("room made")
        attempt(lambda: publishing.exchange(connection, options, self.ready, self.version, told, self.step))
        self.step("exchanged")
        with connection.begin():
            for schema in (self.below, self.ready):
                run(connection, f"drop schema {quoted(schema)} cascade")
        given = sum(model.is_given for model in self.models)
        return Report(version=self.version.name, place=f"schema {options.schema_name}", there=len(self.models) - given - len(here), here=here,
                      tables=tables, rows=count, seconds=round(time.monotonic() - started, 1))

    def _make(self) -> dict[str, str]:
        """Every model in `below`. Returns those that were worked out here, with the reason."""
        known = {model.name: model.columns for model in self.models}
        here = {}
        given = sum(model.is_given for model in self.models)
        self.say_what(f"{given} tables of staging go over, {len(self.models) - given} models are worked out after them")
        for model in self.models:
            if model.is_given:
                with self.connection.begin():
                    moving.load(self.connection, self.warehouse, rows_of(model, self.published, self.version), model.name, model.columns)
                    run(self.connection, f"analyze {quoted(model.name)}")
            else:
                try:
                    self._there(model, say(model.sql, engine=ENGINE, tables=known, describe=lambda query: moving.columns_in(self.warehouse, query)))
                except Untold as reason:
                    here[model.name] = str(reason)
                except sql.exc.DBAPIError as error:
                    here[model.name] = f"PostgreSQL says: {refusal(error)[1]}"
                if model.name in here:
                    self.say_what(f"{model.name} is worked out here: {here[model.name]}")
                    self._here(model)
            self.step(f"made {model.name}")
        return here

    def _there(self, model: Model, said: Said) -> None:
        """PostgreSQL works it out, into columns of the types that DuckDB has."""
        with self.connection.begin():
            for number, (table, columns) in enumerate(said.lookups):
                if any(one.name == table for one in self.models):
                    name = f"{'_'.join((model.name[:40], 'lookup'))}_{number}"
                    run(self.connection, f"create index {quoted(name)} on {quoted(table)} ({', '.join(map(quoted, columns))})")
            moving.create(self.connection, model.name, model.columns)
            run(self.connection, f"insert into {quoted(model.name)} {said.sql}")
            run(self.connection, f"analyze {quoted(model.name)}")

    def _here(self, model: Model) -> None:
        """DuckDB works it out in this process, from what PostgreSQL has."""
        parents = [one for one in self.models if one.name in model.parents]
        inputs = {parent.relation: f"from_postgres__{parent.name}" for parent in parents}
        with self.connection.begin():
            for parent in parents:
                moving.fetch(self.connection, self.warehouse, f"select * from {quoted(parent.name)}", inputs[parent.relation], parent.columns)
            try:
                moving.load(self.connection, self.warehouse, worked_out_here(model, inputs), model.name, model.columns)
            except duckdb.Error as error:
                raise CannotBuild(f"{model.name} can be worked out neither there nor here: {error}") from None
            run(self.connection, f"analyze {quoted(model.name)}")
            for table in inputs.values():
                self.warehouse.execute(f"drop table {quoted(table)}")

    def _get_ready(self) -> tuple[int, int]:
        """The published marts in `ready`, as publishing has them in PostgreSQL: instants with their zone, lists as JSON, keys, comments."""
        count, marts = 0, [model for model in self.models if model.name in self.version.tables]
        for model in marts:
            name = quoted(model.name)
            run(self.connection, f"create table {name} ({', '.join(f'{quoted(column)} {type_in_postgres(kind)}' for column, kind in model.columns.items())})")
            values = ", ".join(_for_readers(quoted(column), kind) for column, kind in model.columns.items())
            count += run(self.connection, f"insert into {name} select {values} from {quoted(self.below)}.{name}").rowcount
            if key := self.version.tables[model.name].get("primary_key"):
                run(self.connection, f"alter table {name} add primary key ({', '.join(map(quoted, key))})")
            for column, words in model.comments.items():
                if words and (not column or column in model.columns):
                    run(self.connection, f"comment on {f'column {name}.{quoted(column)}' if column else f'table {name}'} is {literal(words)}")
            run(self.connection, f"analyze {name}")
        run(self.connection, "create table meridian_version (version text, as_of date, built_at timestamptz, published_at timestamptz, code_revision text)")
        version = self.version
        told = (version.name, str(version.as_of), version.built_at.isoformat(), version.published_at.isoformat(), version.code_revision)
        run(self.connection, f"insert into meridian_version values ({', '.join(map(literal, told))})")
        return len(marts), count


def _for_readers(name: str, kind: str) -> str:
    if kind.startswith("TIMESTAMP") and kind != "TIMESTAMP WITH TIME ZONE":
        return f"{name} at time zone 'UTC'"
    return f"cast(to_json({name}) as text)" if kind.endswith("[]") else name


@contextmanager
def opened_for_comparison(settings: Settings) -> Iterator[There | None]:
    """What readers of the schema have; None before the first build. Raises PostgresError, CannotBuild."""
    options = settings.configuration.warehouse.postgres
    with connected(address_of(settings), tls_ca=options.tls_ca, allow_plain=options.allow_plain) as connection, connection.begin():
        table = f"{quoted(options.schema_name)}.meridian_version"
        if rows(connection, f"select to_regclass({literal(table)})")[0][0] is None:
            yield None
            return
        run(connection, f"set local search_path = {quoted(options.schema_name)}")

        def fetch(duck: duckdb.DuckDBPyConnection, name: str, columns: Mapping[str, str]) -> None:
            asked = ", ".join(_fetched(column, kind) for column, kind in columns.items())
            moving.fetch(connection, duck, f"select {asked} from {quoted(name)}", "there", columns, lists_are_json=True)

        yield There(engine="PostgreSQL", version=str(rows(connection, f"select version from {table}")[0][0]), fetch=fetch)


def _fetched(column: str, kind: str) -> str:
    name = quoted(column)
    return f"{name} at time zone 'UTC' as {name}" if kind.startswith("TIMESTAMP") and kind != "TIMESTAMP WITH TIME ZONE" else name
