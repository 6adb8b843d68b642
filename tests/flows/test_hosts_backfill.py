"""A backfill among many machines: what one host began when it was killed, another one finishes; grid, jobs and leases lie in PostgreSQL, batches in a bucket."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest

from flows.store import engines, grid, leases
from flows.store import ledger as ledgers
from flows.store.checksums import differences
from sandbox.databases import Database
from sandbox.object_store import ObjectStore
from tests.flows.kills import at_page
from tests.flows.nights import marts
from tests.flows.test_backfill import history, machine, states
from tests.flows.test_hosts import INSTANTS, landed
from tests.object_stores import object_store
from tests.sandbox.zendesk.desk import helpdesk, plan

__all__ = ["object_store"]
pytestmark = [pytest.mark.drill, pytest.mark.timeout(900)]

SHARED = """
ledger_env = "LEDGER_URL"
ledger_allow_plain = true
store = "s3://hosts-backfill/prefix"
store_options = {{endpoint_url = "{endpoint}"}}
store_secrets = {{key = "STORE_KEY", secret = "STORE_SECRET"}}
"""
CALLED = "import socket\nsocket.gethostname = lambda: '{name}'\n"
FIRST_DAY, LAST_DAY = date(2026, 10, 6), date(2026, 10, 19)
ASKED = ("backfill", "--from", str(FIRST_DAY), "--to", str(LAST_DAY), "--days-at-once", "2", "--reason", "history")


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    with helpdesk(tmp_path / "desk", plan(*history())) as desk:
        yield desk.url


def test_what_a_host_began_another_one_finishes_once_and_both_have_it(
    url: str, tmp_path: Path, prefect_api: str, postgres_server: Database, object_store: ObjectStore,
) -> None:
    calm = machine(tmp_path / "calm", url, prefect_api)
    for asked in (("nightly",), ASKED, ("nightly",)):
        done = calm.run(*asked)
        assert done.returncode == 0, done.stdout + done.stderr
    object_store.make_bucket("hosts-backfill")
    shared = SHARED.format(endpoint=object_store.endpoint)
    secrets = f"LEDGER_URL={postgres_server.another('hosts_backfill').url}\nSTORE_KEY=meridian\nSTORE_SECRET=not-a-secret-of-anybody\n"
    a, b = (machine(tmp_path / name, url, prefect_api, state=shared, secrets=secrets) for name in ("a", "b"))
    night = a.run("nightly", prelude=CALLED.format(name="a"))
    assert night.returncode == 0, night.stdout + night.stderr

    killed = a.run(*ASKED, prelude=CALLED.format(name="a") + at_page(3, signal.SIGKILL))
    assert killed.returncode == -9, killed.stdout + killed.stderr
    early = b.run(*ASKED, prelude=CALLED.format(name="b"))
    assert early.returncode == 1 and "on a" in early.stdout + early.stderr, "its lease still runs"
    ledger = ledgers.open_ledger(b.settings().ledger)
    with engines.unfenced(), ledger.begin() as connection:         # two minutes later
        connection.execute(leases.leases.update().values(expires_at=""))
    followed = b.run(*ASKED, prelude=CALLED.format(name="b"))
    assert followed.returncode == 0, followed.stdout + followed.stderr
    assert "goes on with the backfill that stopped" in followed.stdout + followed.stderr
    assert states(b, FIRST_DAY, LAST_DAY) == states(calm, FIRST_DAY, LAST_DAY) == {"empty", "done", "restated"}, "of the last day a number changed that had been shown"
    with ledger.begin() as connection:
        assert not connection.execute(grid.cells.select().where(grid.cells.c.activity.is_not(None))).all()
    rows = landed(b)
    assert len(rows) == len(set(rows)) and rows == landed(calm)

    back = a.run("nightly", prelude=CALLED.format(name="a"))         # the killed one comes back, and has what the other has read
    assert back.returncode == 0, back.stdout + back.stderr
    assert landed(a) == rows and marts(a, "select count(*) from fct_tickets") == marts(calm, "select count(*) from fct_tickets")
    again = b.run("nightly", prelude=CALLED.format(name="b"))
    assert again.returncode == 0, again.stdout + again.stderr
    for host in (a, b):         # which keys are compared is drawn by lot, and a backfill has a name of its own
        found = differences(host.settings().published / "marts.duckdb", calm.settings().published / "marts.duckdb", leave_out=INSTANTS)
        assert {one.table for one in found} <= {"stream_completeness", "stream_days"}, found
