"""A real browser for the tests. Where it cannot be installed its tests say why and are skipped."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from sandbox import browser


def install_browser() -> None:
    try:
        browser.install()
    except browser.CannotInstall as reason:
        if os.environ.get("CI") == "true":
            pytest.fail(f"the gate looks at pages in a browser, but {reason}")
        pytest.skip(str(reason))


@pytest.fixture
def page() -> Iterator[Any]:
    install_browser()
    with browser.page() as opened:
        yield opened
