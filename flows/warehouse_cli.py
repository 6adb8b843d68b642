"""`meridian warehouse`: the marts worked out in a PostgreSQL of the company's own, and held against those of the files."""

from __future__ import annotations

import typer

from flows.terminal import Config, fail, settings_of

app = typer.Typer(no_args_is_help=True, help="The marts worked out in a PostgreSQL of your own ([warehouse.postgres]), and compared with the files.")


@app.command()
def build(config: Config = None) -> None:
    """Work the marts of the current version out in PostgreSQL. Readers there get all of it or none; a night that comes meanwhile is refused."""
    from flows.build import BuildFailed
    from flows.dialects.build import CannotBuild
    from flows.dialects.build import build as build_there
    from flows.store import leases
    from flows.store import ledger as ledgers
    from flows.store.pg import PostgresError

    settings = settings_of(config)
    try:
        with leases.lease(ledgers.open_ledger(settings.ledger), "night", purpose="a build in PostgreSQL", now=settings.clock()):
            done = build_there(settings, say_what=typer.echo)
    except (CannotBuild, PostgresError, leases.LeaseTaken) as error:
        fail(f"PostgreSQL keeps what it had: {error}")
    except BuildFailed as error:
        fail(f"PostgreSQL keeps what it had: dbt cannot read the models: {error}")
    typer.echo(f"{done.tables} tables with {done.rows:,} rows of {done.version} in schema {done.schema}, {done.seconds:,.0f} s: "
               f"{done.there} models worked out there, {len(done.here)} here{': ' if done.here else ''}{', '.join(sorted(done.here))}")


@app.command()
def compare(config: Config = None) -> None:
    """Hold every row of every mart in PostgreSQL against the file of the same version: decimals and whole numbers equal, doubles to nine digits."""
    from flows.dialects.build import CannotBuild
    from flows.dialects.compare import compare as compare_all
    from flows.store.pg import PostgresError

    settings = settings_of(config)
    try:
        found = compare_all(settings)
    except (CannotBuild, PostgresError) as error:
        fail(str(error))
    if found.differences:
        fail("\n".join(found.differences))
    typer.echo(f"{found.tables} tables, {found.rows:,} rows of {found.version}: the same in both")
