"""One Prefect server and one of each database for a whole test session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from flows import up
from flows.settings import load
from tests.databases import mariadb_server, postgres_server

__all__ = ["mariadb_server", "postgres_server"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests marked `drill` run at full length only: `make drill`."""
    if not os.environ.get("MERIDIAN_DRILL"):
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
        server = up.ensure_server(settings, say=lambda line: None)
    try:
        yield server.api
    finally:
        up.down(settings)
