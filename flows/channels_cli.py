"""`meridian channels`, `meridian serve` and `meridian audit`: where messages go, what answers their links, and who did what."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

import typer

from flows.terminal import Config, fail, settings_of

channels_app = typer.Typer(no_args_is_help=True, help="Channels: where messages go, how they do, and a test message.")
audit_app = typer.Typer(no_args_is_help=True, help="What people and procedures did, in a chain of hashes.")


@channels_app.command("list")
def channels_list(config: Config = None) -> None:
    """The configured channels, what each delivered, and what waits."""
    from flows import channels

    typer.echo(channels.listing(settings_of(config)))


@channels_app.command("test")
def channels_test(name: str, config: Config = None) -> None:
    """Send a real test message now, and say what the system answered."""
    from flows import channels

    settings = settings_of(config)
    found = channels.configured(settings)
    if name not in found:
        fail(f"{settings.path} has no channel {name!r}; there are {', '.join(found) or 'none'}", 2)
    answer = channels.send_test(found[name], company=settings.configuration.company.name, now=datetime.now(UTC))
    if answer.outcome != "delivered":
        fail(f"{name}: {answer.outcome}: {answer.said}")
    typer.echo(f"{name}: delivered: {answer.said}")


@channels_app.command("deliver")
def channels_deliver(config: Config = None) -> None:
    """Send what is due now, as the schedule does every five minutes, and say what is not delivered."""
    from flows import channels, lateness, watch
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    ledger = ledgers.open_ledger(settings.ledger)
    lateness.promise(settings, ledger)
    done = channels.deliver_due(settings, ledger)
    typer.echo(", ".join(f"{number} {what}" for what, number in sorted(done.items())) or "nothing to send")
    watched = watch.watch(settings, ledger, more=[lambda connection, now: lateness.findings(settings, now)])
    if watched.findings:
        fail("\n".join(watched.findings))


def serve(config: Config = None) -> None:
    """Answer the links in messages: acknowledge and silence by a click."""
    from flows import serve as serving
    from flows.alerting.links import BadKey

    settings = settings_of(config)
    try:
        serving.run(settings, typer.echo)
    except BadKey as error:
        fail(f"{error}; put it into {settings.path.parent / '.env'}", 2)


@audit_app.command("verify")
def audit_verify(
    config: Config = None,
    kept: Annotated[str | None, typer.Option(help="A hash that an earlier verification printed: then nothing up to it was cut off.")] = None,
) -> None:
    """Read the whole chain again: no row was changed, left out or put in. Prints the newest hash; keep it elsewhere."""
    from flows.store import audit
    from flows.store import ledger as ledgers

    with ledgers.open_ledger(settings_of(config).ledger).begin() as connection:
        verdict, is_kept = audit.verify(connection), kept is None or audit.holds(connection, kept)
    if verdict.broken_at is not None:
        fail(f"row {verdict.broken_at} is not as it was written; those before it are")
    if not is_kept:
        fail(f"no row has the hash {kept}: what was written then is gone")
    typer.echo(f"{verdict.rows} rows, all as they were written; newest {verdict.newest}")
