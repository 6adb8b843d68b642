"""`meridian automations`: what playbooks propose, who decides, what was done, and how it is stopped and taken back."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from flows.terminal import Config, Lang, fail, language_of, settings_of

app = typer.Typer(no_args_is_help=True, help="Automations: what playbooks propose, decide on it, stop them, take back what they did.")
By = Annotated[str | None, typer.Option(help="The role that decides (default: of those that meridian.toml gives to this terminal's user, the one that may).")]
Name = Annotated[str, typer.Argument(help="A proposal, its beginning, or an ask for all that was asked together.")]
Why = Annotated[str, typer.Option(help="Reason; kept with it.")]


@app.command("list")
def list_(
    config: Config = None, lang: Lang = None, everything: Annotated[bool, typer.Option("--all", help="Also what is over.")] = False,
) -> None:
    """Playbooks with their modes and switches, and the proposals that are open."""
    from flows import automations_shown

    settings = settings_of(config)
    typer.echo(automations_shown.listing(settings, language_of(settings, lang), everything=everything))


@app.command()
def show(name: Annotated[str, typer.Argument(help="A playbook, a proposal, or an ask.")], config: Config = None, lang: Lang = None) -> None:
    """A playbook, or a proposal: evidence, before → after, who said what, every intent and what became of it."""
    from flows import automations_shown

    settings = settings_of(config)
    try:
        typer.echo(automations_shown.showing(settings, name, language_of(settings, lang)))
    except LookupError as error:
        fail(str(error.args[0]))


@app.command()
def approve(name: Name, config: Config = None, by: By = None) -> None:
    """Agree to exactly what is shown; it is done by the next run (or now: `meridian automations run`)."""
    _decide(config, name, "approve", by)


@app.command()
def reject(name: Name, config: Config = None, by: By = None) -> None:
    """Say no: it is not done, and not proposed again as long as the work stays on its list."""
    _decide(config, name, "reject", by)


@app.command()
def undo(name: Name, config: Config = None, by: By = None, why: Why = "") -> None:
    """Take back what a proposal did, in reverse order, and do it now."""
    from flows import automations
    from flows.automation import executor
    from flows.automation import undo as undoing
    from flows.automation.contract import ActionError
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    engine = automations.ready(settings, ledgers.open_ledger(settings.ledger)).engine
    try:
        planned = undoing.undo(engine, name, who=automations.approver(settings, by), by=automations.account(), why=why)
    except (undoing.CannotUndo, ActionError, LookupError) as error:
        fail(str(error.args[0]))
    typer.echo(f"{len(planned)} steps to take back: {automations.sentence(executor.execute(engine))}")


@app.command()
def off(
    name: Annotated[str, typer.Argument(help="A playbook, target:<name>, or * for everything (default).")] = "*", config: Config = None, why: Why = "",
) -> None:
    """Stop now, within one item; what was agreed to waits."""
    _turn(config, name, "off", why)


@app.command()
def on(name: Annotated[str, typer.Argument(help="A playbook, target:<name>, or * (default).")] = "*", config: Config = None, why: Why = "") -> None:
    """Lift what `off` or `shadow` did; the mode is the configured one again."""
    _turn(config, name, "on", why)


@app.command()
def shadow(name: Annotated[str, typer.Argument(help="A playbook, or * (default).")] = "*", config: Config = None, why: Why = "") -> None:
    """Do nothing, and write down what would have been done."""
    _turn(config, name, "shadow", why)


@app.command()
def run(playbook: Annotated[str | None, typer.Argument(help="Only this playbook.")] = None, config: Config = None, by: By = None) -> None:
    """Look at the lists, propose, and do what was agreed to: now, as every night and every ten minutes does."""
    from flows import automations
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    try:
        if playbook is not None:
            automations.must_know(settings, playbook)
        done, problems = automations.run_now(settings, ledgers.open_ledger(settings.ledger), only=playbook, by=automations.approver(settings, by))
    except LookupError as error:
        fail(str(error.args[0]))
    typer.echo(automations.sentence(done))
    if problems:
        fail("\n".join(problems))


@app.command()
def check(config: Config = None) -> None:
    """Ask every target who we are there, run the tests in the playbooks' files, and say what is wrong with files and settings."""
    from flows import automations_shown

    good, bad = automations_shown.checked(settings_of(config))
    for line in good:
        typer.echo(f"ok   {line}")
    for line in bad:
        typer.secho(f"BAD  {line}", fg="red")
    if bad:
        raise typer.Exit(1)


def _decide(config: Any, name: str, decision: Any, by: str | None) -> None:
    from flows import automations
    from flows.automation import approvals
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    ledger, playbooks = ledgers.open_ledger(settings.ledger), automations.load_playbooks(settings).playbooks
    try:
        if by is None:
            with ledger.begin() as connection:
                who = approvals.as_whom(connection, playbooks, name, automations.roles(settings))
        else:
            who = automations.approver(settings, by)
        user = automations.account()
        said = approvals.Said(decision=decision, who=who, by=user, via="terminal", account=user, is_shared=automations.is_shared(settings, user))
        found = approvals.decide_now(ledger, playbooks, name, said, at=settings.clock())
    except (approvals.NotTaken, LookupError) as error:
        fail(str(error) if isinstance(error, approvals.NotTaken) else str(error.args[0]))
    for one in found:
        typer.echo(f"{one.proposal} {one.row.get('subject') or one.work_key}: {one.state}")


def _turn(config: Any, name: str, state: str, why: str) -> None:
    from flows import automations
    from flows.store import ledger as ledgers
    from flows.store import switches

    settings = settings_of(config)
    try:
        automations.must_know(settings, name)   # a stop of something that is not there would be believed
        with ledgers.open_ledger(settings.ledger).begin() as connection:
            switches.turn(connection, name, state, by=automations.approver(settings, None), at=settings.clock(), reason=why)
    except LookupError as error:
        fail(str(error.args[0]), 2)
    typer.echo(f"{'everything' if name == '*' else name} is {state}")
