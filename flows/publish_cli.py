"""`meridian publish`: the versions there are, going back to one, PostgreSQL."""

from __future__ import annotations

import getpass
from typing import Annotated

import typer

from flows.settings import Settings
from flows.terminal import Config, fail, settings_of

app = typer.Typer(no_args_is_help=True, help="Published versions: list them, go back to one, bring PostgreSQL up to date.")


@app.command("list")
def list_versions(config: Config = None) -> None:
    """The versions that are kept; * marks the current one."""
    from flows import show

    typer.echo(show.versions(settings_of(config)))


@app.command()
def rollback(
    config: Config = None,
    to: Annotated[str | None, typer.Option(help="Version to go back to (default: the one before the current).")] = None,
    why: Annotated[str, typer.Option(help="Reason; kept with the rollback.")] = "",
) -> None:
    """Make an older version current again, in PostgreSQL, too. Readers of files see it at their next connection."""
    from flows import hosts
    from flows import postgres as target
    from flows.store import ledger as ledgers
    from flows.store import published

    settings = settings_of(config)
    try:
        version = hosts.rollback(settings, ledgers.open_ledger(settings.ledger), to=to, who=getpass.getuser(), why=why)
    except published.PublishError as error:
        fail(str(error))
    typer.echo(f"{version.name} (as of {version.as_of}) is current again")
    if target.is_wanted(settings):
        _follow(settings)


@app.command()
def fetch(config: Config = None) -> None:
    """Where several hosts share a store: turn this host's files to the version that is current for all. For hosts on which people only read, by a timer."""
    from flows import hosts, retention
    from flows.store import ledger as ledgers
    from flows.store import published

    settings = settings_of(config)
    _wants_store(settings)
    name = hosts.bring_current(settings, ledgers.open_ledger(settings.ledger))
    published.prune(settings.published, keep_days=retention.versions_days(settings), now=settings.clock())
    typer.echo(f"{name} is current here" if name else "nothing is published yet: run `meridian nightly`")


@app.command()
def share(config: Config = None) -> None:
    """Where several hosts share a store: put there what this disk has of the landing and the store lacks. The first night does it by itself."""
    from flows import hosts
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    _wants_store(settings)
    typer.echo(f"{hosts.share(settings, ledgers.open_ledger(settings.ledger)):,} batches put into {settings.configuration.state.store}")


def _wants_store(settings: Settings) -> None:
    if settings.configuration.state.store is None:
        fail(f"{settings.path} names no store: [state] with store", 2)


@app.command()
def postgres(config: Config = None) -> None:
    """Bring PostgreSQL to the current version now, and its roles and row filters to what meridian.toml says. The night does it by itself."""
    from flows import postgres as target

    settings = settings_of(config)
    if not target.is_wanted(settings):
        fail(f"{settings.path} names no PostgreSQL: [publish.postgres] with url_env", 2)
    _follow(settings)


def _follow(settings: Settings) -> None:
    from flows import postgres as target
    from flows.store.published import PublishError

    try:
        typer.echo(target.follow_current(settings))
    except (target.PostgresError, PublishError) as error:
        fail(f"{error}\nThe next night tries again, or `meridian publish postgres`")
