"""A real browser for the tests. Where it cannot be installed its tests say why and are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import browser


@pytest.fixture
def page() -> Iterator[Any]:
    try:
        browser.install()
    except browser.CannotInstall as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the gate looks at the Prefect UI in a browser, but {reason}")
        pytest.skip(str(reason))
    with browser.page() as opened:
        yield opened
