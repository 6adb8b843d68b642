from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.flows.automation import target
from tests.flows.automation.target import Target


@pytest.fixture
def shop() -> Iterator[Target]:
    with target.running() as running:
        yield running
