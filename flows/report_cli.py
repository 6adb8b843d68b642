"""`meridian report`: the weekly report or monthly review, now."""

from __future__ import annotations

from typing import Annotated

import typer

from flows.terminal import Config, Lang, fail, language_of, settings_of


def report(
    config: Config = None,
    week: Annotated[str | None, typer.Option(help="A week, 2026-W43 (default: the last one that is over).")] = None,
    month: Annotated[str | None, typer.Option(help="A month, 2026-10; 'last' for the last one that is over.")] = None,
    lang: Lang = None,
    pdf: Annotated[bool, typer.Option("--pdf/--no-pdf", help="Print it as well, with this machine's Chromium.")] = True,
) -> None:
    """Write the report of a week or a month: one page that opens anywhere, and the same as PDF."""
    from flows import reports
    from flows.reporting.review import NothingToReport
    from flows.store.published import PublishError

    settings = settings_of(config)
    if week and month:
        fail("--week and --month: one of them", 2)
    try:
        period = reports.period_of(settings, week or (None if month == "last" else month), "month" if month else "week")
        written = reports.write(settings, period, [language_of(settings, lang)] if lang else settings.configuration.company.languages, as_pdf=pdf)
    except ValueError as error:
        fail(str(error), 2)
    except (NothingToReport, PublishError) as error:
        fail(str(error))
    for path in written.files:
        typer.echo(path)
    if written.no_pdf:
        typer.secho(written.no_pdf, fg="yellow", err=True)
