"""One Prefect server and one of each database for a whole test session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from flows import up
from flows.settings import load
from tests import parsed
from tests.databases import mariadb_server, postgres_server
from tests.length import IS_DRILL

__all__ = ["mariadb_server", "postgres_server"]


# Minutes each. Workers take a file at a time: a long one that is begun last runs alone while the other cores wait.
LONGEST_FIRST = (
    "tests/flows/test_server_dies.py",      # four minutes of waiting, for which no core is needed
    "tests/test_company.py",
    "tests/dbt_project/test_night_after_night.py",
    "tests/flows/test_night_kills.py",
    "tests/connectors/conformance/test_conformance.py",
    "tests/connectors/test_tryton.py",
    "tests/connectors/test_request_tracker.py",
    "tests/flows/test_nightly.py",
    "tests/flows/test_hosts.py",
    "tests/flows/test_night_recovers.py",
    "tests/flows/test_stopping.py",
    "tests/flows/automation/test_real_faults.py",
    "tests/bi/",
    "tests/flows/test_backfill.py",
    "tests/test_readme.py",
    "tests/flows/dialects/test_company.py",
    "tests/dbt_project/commerce/",
    "tests/dbt_project/",
    "tests/sandbox/tryton/",
)


def pytest_configure(config: pytest.Config) -> None:
    if cache := getattr(config, "cache", None):        # None with -p no:cacheprovider
        os.environ[parsed.PLACE] = str(cache.mkdir("dbt"))


def _turn(item: pytest.Item) -> int:
    return next((turn for turn, start in enumerate(LONGEST_FIRST) if item.nodeid.startswith(start)), len(LONGEST_FIRST))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `drill` run at full length only: `make drill`."""
    items.sort(key=_turn)
    if not IS_DRILL:
        for item in items:
            if item.get_closest_marker("drill"):
                item.add_marker(pytest.mark.skip(reason="full length: `make drill`"))


@pytest.fixture(scope="session")
def prefect_api(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One Prefect server for the session: a flow without one starts its own for 15 s of CPU."""
    folder = tmp_path_factory.mktemp("prefect")
    (folder / "meridian.toml").write_text('[company]\nname = "Server"\n')
    settings = load(folder / "meridian.toml", environment={})
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PREFECT_API_URL", raising=False)
        server = up.ensure_server(settings, say=lambda line: None, is_protected=False)       # tests/flows/test_up.py has one that is
    try:
        yield server.api
    finally:
        up.down(settings)
