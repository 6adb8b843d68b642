"""`meridian backup` and `meridian restore`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from flows.terminal import Config, fail, settings_of

app = typer.Typer()


@app.command()
def backup(target: Annotated[Path, typer.Argument(help="File to write, e.g. meridian-2026-03-01.tar.zst.")], config: Config = None) -> None:
    """Write everything that cannot be got again into one file: ledger, landing, current version. Secrets (.env) are kept apart."""
    from flows import hosts
    from flows.store import backup as backups
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    ledger = ledgers.open_ledger(settings.ledger)
    hosts.bring_batches(settings, ledger)
    hosts.bring_current(settings, ledger)
    try:
        count = backups.write(settings.home, ledger, target, at=settings.clock())
    except (backups.BackupError, OSError) as error:
        fail(str(error))
    typer.echo(f"wrote {target}: {count:,} files, {target.stat().st_size / 1e6:.1f} MB. Keep {settings.path} and {settings.path.parent / '.env'} beside it")


@app.command()
def restore(source: Annotated[Path, typer.Argument(help="File that `meridian backup` wrote.")], config: Config = None) -> None:
    """Put a backup back into an empty deployment. The next night builds the warehouse anew from the landing."""
    from flows.store import backup as backups
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    try:
        manifest = backups.restore(settings.home, ledgers.open_ledger(settings.ledger), source)
    except (backups.BackupError, OSError) as error:
        fail(str(error))
    typer.echo(f"restored {len(manifest['sums']):,} files of {manifest['made_at']} into {settings.home}; next: `meridian doctor`, `meridian nightly`")
