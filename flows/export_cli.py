"""`meridian export`: the current version for people and tools outside."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from flows.terminal import Config, Lang, fail, language_of, settings_of

app = typer.Typer(no_args_is_help=True, help="The scorecard as a workbook; what every KPI means, for people and for tools.")
To = Annotated[Path, typer.Option("--to", help="File to write.")]


@app.command()
def scorecard(to: To, config: Config = None, lang: Lang = None) -> None:
    """Write the scorecard, the KPIs by month and the catalogue as an Excel workbook."""
    from flows import exports
    from flows.store.published import PublishError

    settings = settings_of(config)
    try:
        typer.echo(f"wrote {exports.scorecard(settings, to, language_of(settings, lang))}")
    except ValueError as error:
        fail(str(error), 2)
    except (PublishError, OSError) as error:
        fail(str(error))


@app.command()
def catalogue(
    config: Config = None, lang: Lang = None,
    to: Annotated[Path | None, typer.Option("--to", help="File to write: .json, or .html for the handbook (default: JSON to the terminal).")] = None,
) -> None:
    """Every KPI's definition, formula, owner, targets and their history, lineage and uses: as JSON, or as a handbook in two languages."""
    from flows import exports
    from flows.store.disk import write_whole
    from flows.store.published import PublishError

    settings = settings_of(config)
    try:
        if to is not None and to.suffix == ".html":
            exports.handbook(settings, to, language_of(settings, lang))
        elif to is not None:
            write_whole(to, exports.catalogue(settings))
        else:
            typer.echo(json.dumps(exports.catalogue(settings), ensure_ascii=False, indent=2))
    except (PublishError, OSError) as error:
        fail(str(error))
    if to is not None:
        typer.echo(f"wrote {to}")


@app.command()
def metricflow(
    to: Annotated[Path, typer.Option("--to", help="Folder to write: a dbt project of its own.")], config: Config = None,
) -> None:
    """Every KPI that adds up as a metric of MetricFlow, in a dbt project that reads the published marts."""
    from flows import exports
    from flows.store.published import PublishError

    settings = settings_of(config)
    try:
        exported, left_out = exports.metricflow(settings, to)
    except (PublishError, OSError) as error:
        fail(str(error))
    typer.echo(f"wrote {to}: {exported} metrics; {left_out} KPIs are none, LEFT_OUT.json says why")
