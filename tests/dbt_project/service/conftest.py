from __future__ import annotations

from collections.abc import Callable

import pytest
from jinja2 import Environment

from tests.dbt_project.macro_sql import MACROS


@pytest.fixture(scope="session")
def business_time_sql() -> Callable[..., str]:
    return rendered_business_time()


def rendered_business_time() -> Callable[..., str]:
    """with_business_time and with_business_instant as SQL on the warehouse's own spans: business_time_sql("with_business_time", ...)."""
    environment = Environment(extensions=["jinja2.ext.do"])
    environment.globals.update(ref=lambda name: f"intermediate.{name}")
    module = environment.from_string((MACROS / "business_time.sql").read_text()).module

    def render(name: str, *arguments: object) -> str:
        return str(getattr(module, name)(*arguments))

    return render
