"""`meridian alerts`: what is wrong now, who has it, what to keep quiet for a while, and what a rule would have said."""

from __future__ import annotations

import getpass
from datetime import datetime
from typing import Annotated

import typer

from flows.terminal import Config, Lang, fail, language_of, settings_of

app = typer.Typer(no_args_is_help=True, help="Alerts: what is open, who has it, and what each rule would have said.")
By = Annotated[str | None, typer.Option(help="Who says so (default: the user of this terminal).")]


@app.command("list")
def list_(config: Config = None, lang: Lang = None) -> None:
    """Open alerts, silences, and the rules that cannot be judged, with the reason."""
    from flows import alerts
    from flows.store import published

    settings = settings_of(config)
    try:
        typer.echo(alerts.listing(settings, language_of(settings, lang)))
    except published.PublishError as error:
        fail(str(error))


@app.command()
def show(name: Annotated[str, typer.Argument(help="An alert, or a rule for all of its open ones.")], config: Config = None, lang: Lang = None) -> None:
    """One alert: what to do, whom it climbs to and when, and what happened so far."""
    from flows import alerts

    settings = settings_of(config)
    try:
        typer.echo(alerts.showing(settings, name, language_of(settings, lang)))
    except LookupError as error:
        fail(str(error.args[0]))


@app.command()
def ack(
    name: Annotated[str, typer.Argument(help="An alert, or the thread of a message for all that it told of.")], config: Config = None, by: By = None,
    lasting: Annotated[str | None, typer.Option("--for", help="How long it stays quiet: 8h, 3d (default: until it is over).")] = None,
    note: Annotated[str, typer.Option(help="What you do about it; kept in its history.")] = "",
) -> None:
    """Say that somebody has it: no reminders, no escalation. It ends with the alert."""
    from flows.store import alerts as store
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    now = settings.clock()
    until = _after(now, lasting) if lasting else None
    try:
        with ledgers.open_ledger(settings.ledger).begin() as connection:
            found = store.acknowledge(connection, name, by=by or getpass.getuser(), at=now, until=until, note=note)
    except LookupError as error:
        fail(str(error.args[0]))
    typer.echo("\n".join(f"acknowledged: {alert}" for alert in found))


@app.command()
def silence(
    rule: Annotated[str | None, typer.Argument(help="A rule (default: every one).")] = None, config: Config = None, by: By = None,
    segment: Annotated[str | None, typer.Option(help="Only this segment, e.g. one supplier.")] = None,
    lasting: Annotated[str, typer.Option("--for", help="How long: 8h, 7d; 30 days at most.")] = "7d",
    why: Annotated[str, typer.Option(help="Reason; whoever wonders why nothing came will read it.")] = "",
    lift: Annotated[str | None, typer.Option(help="End this silence now instead.")] = None,
) -> None:
    """Keep a rule quiet until a day, for a reason. What still fires then is told then."""
    from flows import alerts
    from flows.settings import nearest
    from flows.store import alerts as store
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    now, who = settings.clock(), by or getpass.getuser()
    known = sorted(alerts.load_rules(settings).rules)
    if rule is not None and rule not in known:
        fail(f"there is no rule {rule!r}{nearest(rule, known)}", 2)
    try:
        with ledgers.open_ledger(settings.ledger).begin() as connection:
            if lift is not None:
                store.lift(connection, lift, by=who, at=now)
                typer.echo(f"{lift} is lifted")
                return
            made = store.silence(connection, rule=rule, segment=segment, reason=why, by=who, at=now, until=_after(now, lasting))
    except (store.NotAllowed, LookupError) as error:
        fail(str(error.args[0]), 2)
    typer.echo(f"{made.silence}: quiet until {made.ends_at:%Y-%m-%d %H:%M} UTC")


@app.command("test-rule")
def test_rule(rule: Annotated[str | None, typer.Argument(help="Only this rule.")] = None, config: Config = None) -> None:
    """Run the tests that stand in the rules' files, and say what is wrong with the files."""
    from flows import alerts

    try:
        holds, wrong = alerts.tested(settings_of(config), rule)
    except LookupError as error:
        fail(str(error.args[0]), 2)
    for line in holds:
        typer.echo(f"ok   {line}")
    for line in wrong:
        typer.secho(f"BAD  {line}", fg="red")
    if wrong:
        raise typer.Exit(1)


@app.command()
def replay(
    rule: Annotated[str | None, typer.Argument(help="Only this rule, with its episodes.")] = None, config: Config = None,
    days: Annotated[int, typer.Option(min=1, help="How much of the published history.")] = 90,
) -> None:
    """What each rule would have said over history: episodes and messages, and how many that is a year. Nothing is sent."""
    from flows import alerts
    from flows.store import published

    try:
        typer.echo(alerts.replayed(settings_of(config), days=days, name=rule))
    except (LookupError, published.PublishError) as error:
        fail(str(error.args[0]))


@app.command()
def check(config: Config = None) -> None:
    """Evaluate the alerts now, as every night does."""
    from flows import alerts
    from flows.store import leases, published
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    try:
        found = alerts.evaluate_now(settings, ledgers.open_ledger(settings.ledger))
    except (published.PublishError, leases.LeaseTaken) as error:
        fail(str(error))
    typer.echo(found.sentence)
    if found.problems:
        fail("\n".join(found.problems))


def _after(now: datetime, lasting: str) -> datetime:
    from flows.alerting.rule import duration

    try:
        return now + duration(lasting)
    except ValueError as error:
        fail(f"--for {lasting}: {error}", 2)
