"""`meridian warehouse`: the marts worked out in a PostgreSQL of the company's own or by its Spark, and held against those of the files."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Annotated

import typer

from flows.terminal import Config, fail, settings_of

if TYPE_CHECKING:
    from flows.settings import Settings

app = typer.Typer(no_args_is_help=True, help="The marts worked out in a PostgreSQL of your own or by your Spark ([warehouse.postgres], [warehouse.spark]), "
                                             "and compared with the files.")


class Engine(StrEnum):
    POSTGRES = "postgres"
    SPARK = "spark"

    @property
    def words(self) -> str:
        return {"postgres": "PostgreSQL", "spark": "Spark"}[self.value]


Which = Annotated[Engine | None, typer.Option("--engine", help="Which one; needed only where both are configured.")]


@app.command()
def build(config: Config = None, engine: Which = None) -> None:
    """Work the marts of the current version out in PostgreSQL or by Spark. Readers there get all of it or none; a night that comes meanwhile is refused."""
    from flows.build import BuildFailed
    from flows.dialects import build as in_postgres
    from flows.dialects import spark_build as by_spark
    from flows.dialects.current import CannotBuild
    from flows.store import leases
    from flows.store import ledger as ledgers
    from flows.store.pg import PostgresError

    settings = settings_of(config)
    chosen = _chosen(settings, engine)
    build_there = in_postgres.build if chosen is Engine.POSTGRES else by_spark.build
    try:
        with leases.lease(ledgers.open_ledger(settings.ledger), "night", purpose=f"a build in {chosen.words}", now=settings.clock()):
            done = build_there(settings, say_what=typer.echo)
    except (CannotBuild, PostgresError, leases.LeaseTaken) as error:
        fail(f"{chosen.words} keeps what it had: {error}")
    except BuildFailed as error:
        fail(f"{chosen.words} keeps what it had: dbt cannot read the models: {error}")
    typer.echo(f"{done.tables} tables with {done.rows:,} rows of {done.version} in {done.place}, {done.seconds:,.0f} s: "
               f"{done.there} models worked out there, {len(done.here)} here{': ' if done.here else ''}{', '.join(sorted(done.here))}")


@app.command()
def compare(config: Config = None, engine: Which = None) -> None:
    """Hold every row of every mart there against the file of the same version: decimals and whole numbers equal, doubles to nine digits."""
    from flows.dialects import build as in_postgres
    from flows.dialects import spark_build as by_spark
    from flows.dialects.compare import compare as compare_all
    from flows.dialects.current import CannotBuild
    from flows.store.pg import PostgresError

    settings = settings_of(config)
    chosen = _chosen(settings, engine)
    try:
        found = compare_all(settings, in_postgres.opened_for_comparison if chosen is Engine.POSTGRES else by_spark.opened_for_comparison)
    except (CannotBuild, PostgresError) as error:
        fail(str(error))
    if found.differences:
        fail("\n".join(found.differences))
    typer.echo(f"{found.tables} tables, {found.rows:,} rows of {found.version}: the same in both")


def _chosen(settings: Settings, engine: Engine | None) -> Engine:
    options = settings.configuration.warehouse
    configured = [one for one, is_there in ((Engine.POSTGRES, options.postgres.url_env), (Engine.SPARK, options.spark.folder)) if is_there]
    if engine is not None:
        return engine
    if len(configured) > 1:
        fail(f"{settings.path} configures PostgreSQL and Spark: say which, with --engine postgres or --engine spark")
    if not configured:
        fail(f"{settings.path} names neither a PostgreSQL nor a folder for Spark to build in: "
             "[warehouse.postgres] with url_env, or [warehouse.spark] with folder")
    return configured[0]
