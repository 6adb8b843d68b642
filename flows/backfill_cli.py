"""`meridian backfill`, `skip` and `unskip`: days of the past at a terminal."""

from __future__ import annotations

import getpass
from datetime import date
from typing import Annotated, Any

import typer

from flows.settings import Settings
from flows.terminal import Config, Lang, day_of, fail, fail_stopped, language_of, painted, settings_of

app = typer.Typer()

First = Annotated[str, typer.Option("--from", help="First day, YYYY-MM-DD.")]
Last = Annotated[str | None, typer.Option("--to", help="Last day, included (default: the first day's).")]


@app.command()
def backfill(
    config: Config = None, lang: Lang = None,
    first: Annotated[str | None, typer.Option("--from", help="First day, YYYY-MM-DD.")] = None,
    last: Annotated[str | None, typer.Option("--to", help="Last day, included (default: the last day that is over).")] = None,
    source: Annotated[list[str] | None, typer.Option(help="Only this source; repeat for several.")] = None,
    stream: Annotated[list[str] | None, typer.Option(help="Only this <source>/<stream>; repeat for several.")] = None,
    mode: Annotated[str, typer.Option(help="'missing', 'missing and failed', 'everything' or 'rebuild marts only'.")] = "missing",
    oldest_first: Annotated[bool, typer.Option("--oldest-first", help="Begin with the oldest day (default: the newest).")] = False,
    days_at_once: Annotated[int, typer.Option(min=1, max=31, help="Neighbouring days that are read in one go.")] = 7,
    budget: Annotated[int | None, typer.Option(min=1, help="Requests that may be made of each source.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be done, and what it would cost.")] = False,
    reason: Annotated[str, typer.Option(help="Kept with every day that is read.")] = "",
) -> None:
    """Read days of the past again: only what is missing, failed, or everything; then publish once."""
    from flows import backfill_form, backfill_plan
    from flows.store import ledger as ledgers

    settings = settings_of(config)
    if mode not in (modes := backfill_form.MODES):
        fail(f"--mode {mode!r}: {', '.join(modes)}", 2)
    yesterday = settings.as_of(settings.clock())
    if first is None and mode != "rebuild marts only":
        fail("--from is missing: the first day, YYYY-MM-DD", 2)
    form = backfill_form.Form(
        start_day=day_of("--from", first) if first else yesterday, end_day=day_of("--to", last) if last else yesterday, sources=source or [],
        streams=stream or [], mode=mode, order="oldest first" if oldest_first else "newest first", days_at_once=days_at_once, budget=budget,  # type: ignore[arg-type]
        dry_run=dry_run, reason=reason, asked_by=getpass.getuser())
    ledger = ledgers.open_ledger(settings.ledger)
    known = backfill_form.known_streams(settings, ledger)
    if wrong := backfill_form.problem(form, known, yesterday):
        fail(wrong, 2)
    if dry_run:
        typer.echo(backfill_plan.text(backfill_plan.make(settings, ledger, form, known), form))
        return
    state = _run(settings, form)
    from flows import show

    typer.echo()
    typer.echo(show.grid(settings, language_of(settings, lang), form.start_day, form.end_day, paint=painted))
    if state.is_cancelled():
        fail_stopped(f"{state.name}: {state.message}")
    if not state.is_completed():
        fail(f"{state.name}: {state.message}")
    typer.echo(state.message)


def _run(settings: Settings, form: Any) -> Any:
    from flows import up

    try:
        server = up.ensure_server(settings, say=typer.echo)
    except up.NotUp as error:
        fail(str(error))
    with up.pointed_at(server, settings):
        from flows import backfill as backfills

        return backfills.backfill(form=form.model_dump(), config=str(settings.path), return_state=True)


@app.command()
def skip(first: First, why: Annotated[str, typer.Option(prompt=True, help="Kept with the days.")], stream: Annotated[list[str], typer.Argument(
        help="<source>/<stream>, or <source> for all of its streams.")], last: Last = None, config: Config = None) -> None:
    """Leave days of a stream out on purpose: no backfill reads them until `unskip`. The nights read as ever."""
    from flows.store import grid

    settings = settings_of(config)
    ledger, keys = _keys(settings, stream, first, last)
    grid.skip(ledger, keys, who=getpass.getuser(), why=why, at=settings.clock())
    typer.echo(f"{len(keys)} days are skipped on purpose: {why}")


@app.command()
def unskip(first: First, stream: Annotated[list[str], typer.Argument(help="<source>/<stream>, or <source> for all of its streams.")], last: Last = None,
           config: Config = None) -> None:
    """Take days back that were left out on purpose."""
    from flows.store import grid

    ledger, keys = _keys(settings_of(config), stream, first, last)
    typer.echo(f"{grid.unskip(ledger, keys)} days are not skipped any more")


def _keys(settings: Settings, wanted: list[str], first: str, last: str | None) -> tuple[Any, list[tuple[str, str, date]]]:
    from flows import backfill_form
    from flows.settings import nearest
    from flows.store import grid
    from flows.store import ledger as ledgers

    ledger = ledgers.open_ledger(settings.ledger)
    known = backfill_form.known_streams(settings, ledger)
    for name in wanted:
        names = [f"{one.source}/{one.stream}" for one in known] if "/" in name else sorted({one.source for one in known})
        if name not in names:
            fail(f"there is no {'stream' if '/' in name else 'source'} {name!r}{nearest(name, names)}", 2)
    start = day_of("--from", first)
    end = day_of("--to", last) if last else start
    if end < start:
        fail(f"--from {start} is after --to {end}: exchange them", 2)
    days = grid.days_between(start, end)
    return ledger, [(one.source, one.stream, day) for one in known if {one.source, f"{one.source}/{one.stream}"} & set(wanted) for day in days]
