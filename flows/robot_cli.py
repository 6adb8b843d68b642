"""`meridian robot`: what robots do apart from playbooks."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from zoneinfo import ZoneInfo

import typer

from flows.settings import nearest
from flows.terminal import Config, fail, settings_of

app = typer.Typer(no_args_is_help=True, help="Robots: what is done in systems that have pages for people and nothing else.")


@app.callback()
def _robot() -> None:
    """A group, though it has one command."""


@app.command()
def download(
    target: Annotated[str, typer.Argument(help="The portal, as in [automations.targets.<name>].")],
    into: Annotated[Path, typer.Option(help="Folder of a files source.")],
    months: Annotated[int, typer.Option(min=1, max=24, help="This month and those before it.")] = 2,
    config: Config = None,
) -> None:
    """Download the portal's report of orders into a drop folder, a file a month; to be run before the night."""
    from flows.automation.contract import ActionError
    from flows.automation.robots.portal_order import KIND
    from flows.automation.robots.portal_report import download as fetch
    from flows.automations import open_target

    settings = settings_of(config)
    portals = [name for name, one in settings.configuration.automations.targets.items() if one.kind == KIND.name]
    if target not in portals:
        fail(f"there is no portal {target!r} under [automations.targets]{nearest(target, portals)}", 2)
    today = settings.clock().astimezone(ZoneInfo(settings.configuration.company.time_zone)).date()
    try:
        with open_target(settings, target) as session:
            written = fetch(session, into, months=months, today=today)
    except ActionError as error:
        fail(str(error))
    typer.echo("\n".join(map(str, written)) or "nothing has changed")
