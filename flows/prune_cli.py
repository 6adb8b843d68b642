"""`meridian prune`."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.terminal import Config, settings_of

app = typer.Typer()


@app.command()
def prune(
    config: Config = None, dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would go, and take nothing away.")] = False,
) -> None:
    """Take away what [retention] in meridian.toml no longer keeps, as every night does at its end. What landed and counts always stays."""
    from flows import disk_use, healing, retention
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    ledger, prefect = ledgers.open_ledger(settings.ledger), healing.reached(settings)
    found = list(retention.plan(settings, ledger, prefect)) if dry_run else retention.prune(settings, ledger, prefect)
    for one in found:
        typer.echo(f"{'would go' if dry_run else 'gone'}  {retention.sentence(one)}")
    total = retention.readable(sum(one.size for one in found))
    typer.echo(f"{total} in {sum(one.count for one in found):,} things {'would go' if dry_run else 'went'}" if found else "nothing is older than it may be")
    if prefect is None:
        typer.echo("Prefect's history was not looked at: its server does not run")
    uses = disk_use.earlier(ledger)
    if uses:
        typer.echo(f"disk: {disk_use.forecast(uses).sentence}")
