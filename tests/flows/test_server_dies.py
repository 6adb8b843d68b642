"""The Prefect server is a display: killed in the middle of a night, the night ends all the same, as the ledger has it, and leaves nothing behind."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest
from typer.testing import CliRunner

from flows import cli, nightly, up
from flows.settings import load
from flows.store import leases
from flows.store import ledger as ledgers
from tests.flows.conftest import Company

# Behind the reading. `python -m tests.drill dead_server` kills it while dbt builds.
KILLS = """
import os
import flows.check as checking
check = checking.check_batches
def killing(*given, **named):
    os.killpg({pid}, 9)
    return check(*given, **named)
checking.check_batches = killing
"""


def test_a_night_whose_prefect_server_is_killed_ends_by_itself_and_says_so(lived_company: Company, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PREFECT_API_URL", raising=False)
    company, settings = lived_company, lived_company.settings()
    server = up.ensure_server(settings, say=lambda line: None)
    try:
        process = up.find(settings, "server")
        assert process is not None
        with up.pointed_at(server, settings):
            night = replace(company, api=server.api).run("nightly", prelude=KILLS.format(pid=process.pid), begins_cold=True)
        assert not up.is_answering(server.api), "it was killed"
        assert night.returncode == 0, night.stdout + night.stderr
        assert "Unchanged: nothing new since 2026-03-01.001" in night.stdout, "what was to be told is told"
        assert night.stderr.rstrip().endswith("has gone; the run is in the ledger: `meridian status`"), "it does not wait until every event is sent"
        last = company.nights()[0]
        assert last["state"] == "unchanged" and last["ended_at"] and len(company.nights()) == 2
        with ledgers.open_ledger(settings.ledger).begin() as connection:
            assert connection.execute(leases.leases.select()).all() == []
    finally:
        up.down(settings)


@pytest.mark.parametrize("lived", [False, True], ids=["the first night", "a later night"])
def test_a_night_that_could_not_begin_because_the_server_is_gone_is_not_told_as_the_one_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lived: bool,
) -> None:
    (tmp_path / "meridian.toml").write_text('[company]\nname = "Small"\n[state]\nhome = "."\n', encoding="utf-8")
    ledger, at = ledgers.open_ledger(load(tmp_path / "meridian.toml", environment={}).ledger), datetime(2026, 3, 2, tzinfo=UTC)
    if lived:
        ledgers.start_night(ledger, run="one", as_of="2026-03-01", at=at)
        ledgers.end_night(ledger, run="one", at=at, state="published", version="2026-03-01.001", report={"message": "all is well"})
    gone = "http://127.0.0.1:9/api"
    monkeypatch.setattr(up, "ensure_server", lambda *given, **named: up.Server(api=gone))

    def refused(**given: object) -> None:
        raise httpx.ConnectError("refused")

    monkeypatch.setattr(nightly, "nightly", refused)
    told = CliRunner().invoke(cli.app, ["nightly", "--config", str(tmp_path / "meridian.toml")])
    assert told.exit_code == 1 and f"the Prefect server at {gone} was gone before the night began, and nothing was done" in told.stderr, told.output
    assert "all is well" not in told.output
