"""A real Request Tracker for tests, one for the whole session. Where it cannot be installed the tests say why and are skipped."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from sandbox.company.plan import Plan
from sandbox.request_tracker import install, operations, server
from sandbox.request_tracker.home import Home
from sandbox.request_tracker.load import load, run_operations
from tests.sandbox.request_tracker.small_company import company, full_life

NOW = datetime(2026, 11, 1, 2, 30, tzinfo=UTC)
_started: dict[str, Home] = {}      # a session fixture imported by two folders would be two fixtures, and two servers


@pytest.fixture(scope="session")
def request_tracker_installed() -> None:
    try:
        install.install()
    except install.CannotInstall as reason:
        pytest.skip(str(reason))


def twelve_tickets() -> Plan:
    """Eight from long ago (two and two share every second), four young enough to have gone through Request Tracker's own API."""
    first = datetime(2026, 3, 2, 9, 0, 5, tzinfo=UTC)
    old = [full_life(number, first + timedelta(days=number // 2), customer=1 + number % 3) for number in range(1, 9)]
    young = [full_life(number, datetime(2026, 10, 24, 12, 30, tzinfo=UTC) + timedelta(hours=number), customer=4) for number in range(9, 13)]
    return company((*old, *young))


@pytest.fixture(scope="session")
def plan() -> Plan:
    return twelve_tickets()


@pytest.fixture(scope="session")
def helpdesk(request: pytest.FixtureRequest, request_tracker_installed: None, tmp_path_factory: pytest.TempPathFactory) -> Home:
    """A running Request Tracker that holds `twelve_tickets`. A test that changes something makes tickets of its own with `new_tickets`."""
    if "home" not in _started:
        home = Home(root=tmp_path_factory.mktemp("request_tracker"))
        load(twelve_tickets(), home)
        request.config.add_cleanup(lambda: _stop(home))
        server.start(home)
        _started["home"] = home
    return _started["home"]


def _stop(home: Home) -> None:
    server.stop(home)


def creation(number: int, at: datetime, *more: operations.Operation) -> list[operations.Operation]:
    """Operations that create ticket `number` of customer 1 at `at` and then do `more` to it, each a second later than the one before."""
    requester = "customer1@example.com"
    first = int(at.timestamp())
    created: operations.Operation = {"do": "create", "by": requester, "requestor": requester, "queue": "Billing", "subject": f"Invoice {number}",
                                     "text": "Please.", "priority": 50, "fields": {}}
    return [{"at": first + step, "ticket": number, **operation} for step, operation in enumerate((created, *more))]


def new_tickets(home: Home, at: datetime, tickets: Mapping[int, Sequence[operations.Operation]]) -> None:
    """Several at once: every run of RT's own code costs a second to begin with."""
    run_operations(home, [operation for number, more in tickets.items() for operation in creation(number, at, *more)])
