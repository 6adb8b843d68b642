"""Renders the project's own macros without dbt, so that their SQL can be run against small tables in milliseconds."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from jinja2 import Environment

MACROS = Path(__file__).parents[2] / "dbt_project" / "macros"
PLAIN_FILES = ("landing.sql", "time.sql", "numbers.sql", "kpi_frame.sql", "kpi.sql", "kpi_judgement.sql")


def macro(name: str, *, as_of: str = "2026-10-31", time_zone: str = "Europe/Berlin") -> Callable[..., str]:
    """The macro called `name`, ready to be called; returns SQL text."""
    environment = Environment(extensions=["jinja2.ext.do"])
    environment.globals.update(
        tojson=json.dumps,
        as_of=lambda: f"date '{as_of}'",
        time_zone=lambda: f"'{time_zone}'",
        data_version=lambda: "'v1'",
    )
    source = "\n".join((MACROS / file).read_text() for file in PLAIN_FILES)
    module: Any = environment.from_string(source).module
    found = getattr(module, name)

    def render(*arguments: Any, **keywords: Any) -> str:
        return str(found(*arguments, **keywords))

    return render
