"""`meridian`: every verb that a person needs at a terminal. Each command is a few lines over the module that does the work."""

from __future__ import annotations

import errno
import getpass
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from flows import alerts_cli, automations_cli, backfill_cli, backup_cli, channels_cli, export_cli, prune_cli, publish_cli, report_cli, robot_cli, warehouse_cli
from flows.settings import ConfigurationError
from flows.store.refused import LedgerUnreachable, StoreError
from flows.terminal import Config, Lang, day_of, fail, fail_stopped, language_of, painted, settings_of

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The nightly machinery of a remote operations lead.", pretty_exceptions_enable=False)
batch_app = typer.Typer(no_args_is_help=True, help="Landed batches that the checks hold back: take them in, or read their window again.")
source_app = typer.Typer(no_args_is_help=True, help="Configured systems: add one, ask them who we are there, look at their records.")
app.add_typer(publish_cli.app, name="publish")
app.add_typer(export_cli.app, name="export")
app.add_typer(warehouse_cli.app, name="warehouse")
app.add_typer(batch_app, name="batch")
app.add_typer(source_app, name="source")
app.add_typer(alerts_cli.app, name="alerts")
app.add_typer(automations_cli.app, name="automations")
app.add_typer(channels_cli.channels_app, name="channels")
app.add_typer(channels_cli.audit_app, name="audit")
app.command()(channels_cli.serve)
app.command()(report_cli.report)
app.add_typer(backfill_cli.app)
app.add_typer(backup_cli.app)
app.add_typer(prune_cli.app)
app.add_typer(robot_cli.app, name="robot")


@app.command()
def nightly(
    config: Config = None,
    as_of: Annotated[str | None, typer.Option(help="Last day that counts, YYYY-MM-DD (default: yesterday in the reporting time zone).")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Read only this source; repeat for several.")] = None,
    rebuild: Annotated[bool, typer.Option("--rebuild", help="Build the warehouse anew from the landing.")] = False,
    believe: Annotated[list[str] | None, typer.Option(help="<source>/<stream> whose sweep may delete more than half of its records this once.")] = None,
    accept: Annotated[list[str] | None, typer.Option(help="<table>/<check> of the marts that may fail this once.")] = None,
    lang: Lang = None,
) -> None:
    """Run one night now: pull, check, build, publish, and print the scorecard."""
    settings = settings_of(config)
    day = day_of("--as-of", as_of) if as_of else None
    if day and day > settings.as_of(settings.clock()):
        fail(f"--as-of {day}: that day is not over yet; the last complete day is {settings.as_of(settings.clock())}", 2)
    for name in source or []:
        if name not in settings.configuration.sources:
            fail(f"--source {name}: {settings.path} has no such source; there are {', '.join(settings.configuration.sources)}", 2)
    from flows import up
    from flows.store import ledger as ledgers

    try:
        server = up.ensure_server(settings, say=typer.echo)
    except up.NotUp as error:
        fail(str(error))
    ledger = ledgers.open_ledger(settings.ledger)
    before = ledgers.list_nights(ledger, limit=1)
    with up.pointed_at(server, settings):
        from flows import nightly as night

        try:
            state = night.nightly(
                as_of=day, sources=source, rebuild=rebuild, believe=believe, accept=accept, config=str(settings.path), return_state=True)
        except Exception:
            if up.is_answering(server.api):
                raise
            state = _as_the_ledger_has_it(ledger, before)
            if state is None:
                fail(f"the Prefect server at {server.api} was gone before the night began, and nothing was done: start it again with `meridian nightly`")
    from flows import show

    typer.echo()
    if state.is_completed():
        typer.echo(show.after_a_night(settings, language_of(settings, lang), prefect_ui=server.ui))
    elif state.is_cancelled():
        fail_stopped(f"{state.name}: {state.message}")
    else:
        fail(f"{state.name}: {state.message}")


@app.command()
def status(
    config: Config = None, lang: Lang = None,
    grid: Annotated[bool, typer.Option("--grid", help="Days and streams: what became of every day of every stream.")] = False,
    days: Annotated[int, typer.Option(min=1, max=1100, help="How many days back (with --grid or --html).")] = 42,
    html: Annotated[Path | None, typer.Option(help="Write the grid as a page to this file.")] = None,
) -> None:
    """The last nights, the current version, and how fresh every source is."""
    from flows import show

    settings = settings_of(config)
    last = settings.as_of(settings.clock())
    first = last - timedelta(days=days - 1)
    if html is not None:
        html.write_text(show.grid_page(settings, language_of(settings, lang), first, last), encoding="utf-8")
        typer.echo(f"wrote {html}")
    elif grid:
        typer.echo(show.grid(settings, language_of(settings, lang), first, last, paint=painted))
    else:
        typer.echo(show.status(settings))


@app.command()
def kpis(
    config: Config = None, lang: Lang = None,
    grain: Annotated[str, typer.Option(help="week or month.")] = "month",
    kpi: Annotated[str | None, typer.Argument(help="Show one KPI's periods instead of the scorecard.")] = None,
    segment: Annotated[str, typer.Option(help="Segment type to split by, e.g. team (with a KPI).")] = "all",
) -> None:
    """The scorecard of the current version, or one KPI's history."""
    from flows import show

    settings = settings_of(config)
    if grain not in ("day", "week", "month"):
        fail(f"--grain {grain}: day, week or month", 2)
    try:
        typer.echo(show.history(settings, kpi, grain, segment) if kpi else show.scorecard_text(settings, language_of(settings, lang), grain))
    except LookupError as error:
        fail(str(error.args[0]))


@app.command()
def checks(config: Config = None) -> None:
    """What failed in the last night's checks, what is held, and what changed at the sources."""
    from flows import show

    typer.echo(show.checks(settings_of(config)))


@app.command()
def doctor(config: Config = None, fix: Annotated[bool, typer.Option("--fix", help="Mend what no person is needed for.")] = False) -> None:
    """Check versions, folders, disk, credentials and every source, and say how to mend what is wrong."""
    from flows import doctor as doctors

    is_left = False
    for finding in doctors.examine(settings_of(config)):
        typer.secho(f"{'ok  ' if finding.is_well else 'BAD '} {finding.subject}: {finding.detail}", fg=None if finding.is_well else "red")
        if not finding.is_well:
            is_done, said = doctors.mended(finding) if fix else (False, finding.mend)
            is_left = is_left or not is_done
            typer.echo(f"     → {said}")
    if is_left:
        raise typer.Exit(1)


@app.command()
def docs(config: Config = None) -> None:
    """Write the documentation of models and checks as pages to open in a browser."""
    from flows import build
    from flows import docs as documents

    try:
        for path in documents.write(settings_of(config)):
            typer.echo(f"wrote {path}")
    except (LookupError, build.BuildFailed) as error:
        fail(str(error.args[0]))


@app.command()
def init(folder: Annotated[Path, typer.Argument(help="Folder to write meridian.toml and .env into.")] = Path()) -> None:
    """Write a commented meridian.toml to fill in, and a .env for its secrets."""
    from flows import init as inits

    try:
        for path in inits.write(folder):
            typer.echo(f"wrote {path}")
    except FileExistsError as error:
        fail(f"{error.filename} is already there; nothing was written")
    typer.echo("next: name your sources in meridian.toml, put their keys into .env, then `meridian doctor`")


@app.command()
def up(
    config: Config = None,
    stay: Annotated[bool, typer.Option("--stay", help="Stay until told to end, or until one of them ends (for containers and service managers).")] = False,
) -> None:
    """Start a Prefect server and a worker, and deploy the flows on their schedules."""
    from flows import up as ups

    settings = settings_of(config)
    try:
        server = ups.ensure_server(settings, say=typer.echo)
        ups.start_worker(settings, server, say=typer.echo)
        ups.deploy(settings, server)
    except ups.NotUp as error:
        fail(str(error))
    night = settings.configuration.night
    typer.echo(f"Prefect UI: {server.ui}" + (f" (it asks for what stands in {ups.folder(settings) / ups.AUTH_FILE})" if server.auth else ""))
    typer.echo(f"nightly runs at {night.schedule!r} in {night.time_zone or settings.configuration.company.time_zone}")
    if stay and (ended := ups.stay(settings)):
        fail(f"the {ended} has ended; its log is {ups.folder(settings) / ended}.log")


@app.command()
def down(config: Config = None) -> None:
    """Stop the worker and the server that `meridian up` or `meridian nightly` started."""
    from flows import up as ups

    stopped = ups.down(settings_of(config))
    typer.echo(f"stopped {' and '.join(stopped)}" if stopped else "nothing was running")


@batch_app.command("accept")
def batch_accept(source: str, stream: str, batch: str, reason: Annotated[str, typer.Option(prompt=True)], config: Config = None) -> None:
    """Take a held batch in although a check failed. The next night builds it."""
    _judge(config, source, stream, batch, "accepted", reason)


@batch_app.command("reject")
def batch_reject(source: str, stream: str, batch: str, reason: Annotated[str, typer.Option(prompt=True)], config: Config = None) -> None:
    """Leave a held batch out and read its window again in the next night. Its file stays in the landing."""
    _judge(config, source, stream, batch, "rejected", reason)


@source_app.command("add")
def source_add(
    kind: str, config: Config = None,
    name: Annotated[str | None, typer.Option(help="Its name in meridian.toml (default: the kind).")] = None,
    settings_given: Annotated[list[str] | None, typer.Option("--set", help="<option>=<value>; repeat. What is needed and not given is asked for.")] = None,
    env: Annotated[list[str] | None, typer.Option(help="<secret>=<environment variable> (default: <NAME>_<SECRET>).")] = None,
    secret_stdin: Annotated[bool, typer.Option("--secret-stdin", help="Read the secrets from the standard input, one a line.")] = False,
) -> None:
    """Write a source into meridian.toml, its secrets into .env, and test them."""
    from flows import source_dialogue

    settings = settings_of(config)
    try:
        added = source_dialogue.add(settings, kind, name or kind, settings_given or [], env or [], secret_stdin=secret_stdin)
    except source_dialogue.CannotAdd as error:
        fail(str(error), 2)
    typer.echo(f"wrote [sources.{name or kind}] to {settings.path}")
    source_check(name or kind, config=added.path)


@source_app.command("check")
def source_check(name: Annotated[str | None, typer.Argument(help="Only this source.")] = None, config: Config = None) -> None:
    """Who we are at each source, its version and its streams; what is wrong in the source's own words."""
    from flows import sources

    settings = settings_of(config)
    if name and name not in settings.configuration.sources:
        fail(f"{settings.path} has no source {name!r}; there are {', '.join(settings.configuration.sources) or 'none'}", 2)
    is_well = True
    for checked in sources.check(settings, [name] if name else None):
        is_well = is_well and not checked.failure
        subject = f"{checked.name} ({checked.kind})"
        if checked.failure:
            typer.secho(f"BAD  {subject}: {checked.failure}\n     → {checked.mend}", fg="red")
        else:
            typer.echo(f"ok   {subject}: {checked.said}\n     {len(checked.streams)} streams: {', '.join(checked.streams)}")
    if not is_well:
        raise typer.Exit(1)


@source_app.command("sample")
def source_sample(
    name: str, stream: str, config: Config = None, count: Annotated[int, typer.Option("-n", min=1, max=1000, help="How many records.")] = 5,
) -> None:
    """The first records of a stream as they would land, and what their fields look like. Nothing is landed."""
    from connectors.stream import SourceError
    from flows import show

    settings = settings_of(config)
    if name not in settings.configuration.sources:
        fail(f"{settings.path} has no source {name!r}; there are {', '.join(settings.configuration.sources) or 'none'}", 2)
    try:
        typer.echo(show.source_sample(settings, name, stream, count))
    except (SourceError, LookupError) as error:
        fail(str(error.args[0]))


def _judge(config: Path | None, source: str, stream: str, batch: str, verdict: str, reason: str) -> None:
    from flows.store import ledger as ledgers

    ledger = ledgers.open_ledger(settings_of(config).ledger)
    held = [row for row in ledgers.list_batches(ledger, source, stream) if row["batch"] == batch]
    if not held:
        fail(f"{source}/{stream} has no batch {batch}; `meridian checks` lists what is held")
    if held[0]["verdict"] != "held":
        fail(f"{source}/{stream} {batch} is not held, it is {held[0]['verdict']}")
    ledgers.judge_batch(ledger, source=source, stream=stream, batch=batch, verdict=verdict, decided_by=getpass.getuser(), reason=reason)
    typer.echo(f"{source}/{stream} {batch}: {verdict}; it counts from the next `meridian nightly`")


def main(run: Callable[[], Any] = app) -> None:
    """Entry point. What a person can mend is one line; anything else keeps its traceback, which a bug report needs."""
    try:
        run()
    except KeyboardInterrupt:
        sys.exit(130)
    except (LedgerUnreachable, StoreError, ConfigurationError) as error:
        typer.secho(str(error), fg="red", err=True)
        sys.exit(1)
    except OSError as error:
        if error.errno != errno.ENOSPC:
            raise
        typer.secho(f"the disk is full: free some room and run again ({error})", fg="red", err=True)
        sys.exit(1)
    except SystemExit as ended:
        _leave(ended.code)
        raise


def _as_the_ledger_has_it(ledger: Any, before: Sequence[Mapping[str, Any]]) -> Any:
    """How tonight's night ended, where Prefect's server was gone before it could be told; None: none has begun since `before`."""
    from prefect.states import Completed, Failed

    from flows.store import ledger as ledgers

    last = ledgers.list_nights(ledger, limit=1)
    if [night["run"] for night in last] == [night["run"] for night in before]:
        return None
    made = Completed if last[0]["state"].startswith(("published", "unchanged")) else Failed
    return made(name=last[0]["state"].capitalize(), message=(last[0]["report"] or {}).get("message", ""))


def _leave(code: Any) -> None:
    """End at once where Prefect's server has gone since a flow began: its client tries every event of the run eleven times before the process may end, six
    minutes for a small company's night. What counts is in the ledger."""
    if "prefect.events.worker" not in sys.modules or isinstance(code, str):
        return
    from prefect.settings import get_current_settings

    from flows import up

    api = get_current_settings().api.url
    if api and not up.is_answering(api):
        typer.echo(f"the Prefect server at {api} has gone; the run is in the ledger: `meridian status`", err=True)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code or 0)


if __name__ == "__main__":
    main()
