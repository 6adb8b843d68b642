"""The whole of it, at full length only: a Prefect server on PostgreSQL, ledger beside it, a bucket, and two hosts with a worker each, one of which dies.

A host is a namespace of its own for processes, mounts and its name: what is killed is all of it at once, and both find their files under one path.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sql

from flows import hosts, up
from flows.store import ledger as ledgers
from flows.store import shares
from flows.store.checksums import differences
from sandbox.databases import Database
from tests.flows.conftest import Company
from tests.flows.test_hosts import INSTANTS, Together, in_a_bucket, landed
from tests.object_stores import object_store
from tests.prefect_api import PREFECT

__all__ = ["in_a_bucket", "object_store"]

PROJECT = Path(__file__).resolve().parents[2]


@contextmanager
def prefect_on(database: Database, folder: Path) -> Iterator[str]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    told = {**os.environ, **up.QUIET, "PREFECT_HOME": str(folder / "server"),
            "PREFECT_SERVER_DATABASE_CONNECTION_URL": database.url.replace("postgresql://", "postgresql+asyncpg://")}
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen([sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port)], env=told, cwd=PROJECT,
                                   stdout=log, stderr=subprocess.STDOUT)
    try:
        wait(lambda: up.is_answering(up.api_url(port)), 300)
        yield up.api_url(port)
    finally:
        process.terminate()
        process.wait(60)


@contextmanager
def running(company: Company, place: Path, api: str) -> Iterator[subprocess.Popen[bytes]]:
    """`meridian up --stay` on a host of its own, which has its folder at `place`. Killing the process ends all of the host."""
    inside = f'hostname {company.folder.name} && mount --bind {company.folder} {place} && exec "$@"'
    alone = ["unshare", "--uts", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc", "sh", "-c", inside, "-"]
    with (company.folder / "up.log").open("wb") as log:
        process = subprocess.Popen(
            [*alone, sys.executable, "-c", "from flows.cli import main; main()", "up", "--stay", "--config", str(place / "meridian.toml")],
            env={**os.environ, "PREFECT_API_URL": api}, cwd=PROJECT, stdout=log, stderr=subprocess.STDOUT)
    try:
        wait(lambda: process.poll() is not None or b"nightly runs at" in (company.folder / "up.log").read_bytes(), 300)
        assert process.poll() is None, (company.folder / "up.log").read_text()
        yield process
    finally:
        process.kill()
        process.wait()


def wait(ready: Callable[[], Any], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.5)


def ask(api: str, path: str, body: dict[str, Any]) -> Any:
    answer = PREFECT.post(f"{api}/{path}", json=body, timeout=60)
    answer.raise_for_status()
    return answer.json()


def night(api: str) -> str:
    (deployment,) = ask(api, "deployments/filter", {"deployments": {"name": {"any_": ["nightly"]}}})
    return str(ask(api, f"deployments/{deployment['id']}/create_flow_run", {"state": {"type": "SCHEDULED"}})["id"])


def state(api: str, run: str) -> dict[str, Any]:
    found: dict[str, Any] = PREFECT.get(f"{api}/flow_runs/{run}", timeout=60).json()["state"]
    return found


@pytest.mark.drill
@pytest.mark.timeout(2400)
def test_a_host_that_dies_in_a_spread_night_is_followed_by_the_other(
    in_a_bucket: Together, postgres_server: Database, tmp_path: Path, after_first_night: Callable[[Path], Company],
) -> None:
    calm = after_first_night(tmp_path / "calm")
    place = tmp_path / "company"
    place.mkdir()
    both = [in_a_bucket.host(name) for name in ("a", "b")]
    for one in both:
        one.config.write_text(one.config.read_text().replace("[night]\n", "[night]\nspread = true\nspread_seconds = 90\n"))
    ledger = ledgers.open_ledger(both[0].settings().ledger)
    with ExitStack() as up_to_here:
        api = up_to_here.enter_context(prefect_on(postgres_server.another("prefect"), tmp_path))
        machines = {one.folder.name: up_to_here.enter_context(running(one, place, api)) for one in both}
        first = night(api)
        wait(lambda: {row.state for row in _shares(ledger)} == {"done"}, 400)
        holder = _holder(ledger)
        machines[holder].kill()
        dead, other = (both[0], both[1]) if holder == "a" else (both[1], both[0])
        refused = night(api)
        wait(lambda: state(api, refused)["type"] in ("FAILED", "COMPLETED"), 400)
        again = refused
        if state(api, refused)["name"] == "Refused":        # it came within two minutes of the death
            wait(lambda: _holder(ledger) == "", 200)
            again = night(api)
        wait(lambda: state(api, again)["type"] in ("FAILED", "COMPLETED", "CRASHED"), 900)
        assert (state(api, again)["name"], state(api, first)["type"]) == ("Published", "RUNNING"), state(api, again)
        rows = landed(other)
        assert len(rows) == len(set(rows)) == 59 + 60 + 1 + 1 + 1
        assert differences(other.settings().published / "marts.duckdb", calm.settings().published / "marts.duckdb", leave_out=INSTANTS) == []
        assert hosts.bring_current(dead.settings(), ledger) and hosts.bring_batches(dead.settings(), ledger) >= 0 and landed(dead) == rows


def _shares(ledger: ledgers.Ledger) -> list[Any]:
    with ledger.begin() as connection:
        return list(connection.execute(sql.select(shares.shares)))


def _holder(ledger: ledgers.Ledger) -> str:
    """The host that holds the night's lease; '' when nobody was heard of for two minutes."""
    with ledger.begin() as connection:
        return connection.execute(sql.text(
            "select split_part(split_part(split_part(owner, '@', 2), ':', 1), '~', 1) from leases where name = 'night' and expires_at > to_char(clock_timestamp() at time zone 'UTC',"
            " 'YYYY-MM-DD\"T\"HH24:MI:SS')")).scalar() or ""
