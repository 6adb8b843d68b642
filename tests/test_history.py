"""18 months of the sandbox company by a backfill that is killed in the middle: what the story says, as if they had been read by one night.

At full size (50,000 orders, 15,000 tickets) it takes twenty minutes, and found what no small company could show.
"""

from __future__ import annotations

import re
import signal
import subprocess
from pathlib import Path

import pytest

from flows.settings import load
from flows.store import grid
from flows.store import ledger as ledgers
from sandbox.tryton.home import Home as Tryton
from tests import test_company
from tests.sandbox.tryton.box import share_environment
from tests.test_company import Home, compare, sandbox

pytestmark = [pytest.mark.drill, pytest.mark.timeout(7200)]

READ_FROM = "2026-10-20"
ASKED = ("backfill", "--from", "2025-05-01", "--to", "2026-10-19", "--days-at-once", "31", "--reason", "history")
KILLED_AFTER = 250          # of 430 readings


@pytest.mark.parametrize("size", ["small", "full"])
def test_eighteen_months_by_a_backfill_that_is_killed_are_what_the_story_says(size: str, tmp_path: Path, prefect_api: str) -> None:
    home = Home(folder=tmp_path / "company", api=prefect_api)
    share_environment(Tryton(root=home.folder / "sandbox"))
    try:
        sandbox(home.folder, "up", "--size", size)
        config = home.folder / "meridian.toml"
        whole = config.read_text(encoding="utf-8")
        config.write_text(re.sub(r"(?m)^(\[sources\.(?:erp|helpdesk)\])$", rf"\1\nread_from = {READ_FROM}", whole), encoding="utf-8")
        home.night()
        [(recent,)] = home.ask("select count(*) from fct_orders")

        kill_in_the_middle(home)
        ledger = ledgers.open_ledger(load(config, environment={}).ledger)
        with ledger.begin() as connection:
            done = len(connection.execute(grid.cells.select().where(grid.cells.c.state.in_(["done", "empty"]))).all())
        assert done and home.ask("select count(*) from fct_orders") == [(recent,)], "read, and not published"
        home.meridian(*ASKED)
        [(orders,)] = home.ask("select count(*) from fct_orders")
        assert orders > 10 * recent
        assert compare(home) > 3000
        test_company.test_what_was_planted_is_seen(home)

        config.write_text(whole, encoding="utf-8")
        assert "published" in home.night(), "every relation and second route holds of the whole history"
        assert compare(home) > 3000
    finally:
        sandbox(home.folder, "down")


def kill_in_the_middle(home: Home) -> None:
    with home.begun(*ASKED, stderr=subprocess.STDOUT) as process:
        assert process.stdout is not None
        readings = 0
        for line in process.stdout:
            readings += " landed" in line
            if readings == KILLED_AFTER:
                process.kill()
    assert process.returncode == -signal.SIGKILL, f"it ended after {readings} readings"
