"""One real Request Tracker for the session. Where it cannot be installed the tests say so and are skipped."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sandbox.company.plan import Plan
from sandbox.request_tracker import install, server
from sandbox.request_tracker.home import Home
from sandbox.request_tracker.load import load
from tests.sandbox.request_tracker.small_company import company, full_life


@pytest.fixture(scope="session")
def request_tracker_installed() -> None:
    try:
        install.install()
    except install.CannotInstall as reason:
        pytest.skip(str(reason))


@pytest.fixture(scope="session")
def plan() -> Plan:
    """Twelve tickets: eight from long ago, four young enough to have gone through Request Tracker's own API; two of them share every second."""
    first = datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)
    old = [full_life(number, first + timedelta(days=number // 2), customer=1 + number % 3) for number in range(1, 9)]
    young = [full_life(number, datetime(2026, 10, 24, 23, 30, tzinfo=UTC) + timedelta(hours=number), customer=4) for number in range(9, 13)]
    return company((*old, *young))


@pytest.fixture(scope="session")
def helpdesk(request_tracker_installed: None, plan: Plan, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Home]:
    """A running Request Tracker that holds `plan`. Tests that change it use tickets of their own."""
    home = Home(root=tmp_path_factory.mktemp("request_tracker"))
    load(plan, home)
    server.start(home)
    yield home
    server.stop(home)
