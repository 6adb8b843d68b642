"""The form in Prefect's UI is only a front: who resumes a run decides, and a run whose process died decides nothing."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from flows import automations, up
from flows.automation.approvals import Said, decide_now
from tests.flows.automation.company import Company, company
from tests.flows.automation.target import Target
from tests.prefect_api import PREFECT

PROGRAM = """
import sys
from flows.automation import actions
from tests.flows.automation.target import ACTIONS, KIND
actions.ACTIONS.update(ACTIONS)
actions.KINDS["http"] = KIND
from flows.approve import approve
print("STATE", approve(ask=sys.argv[1], config=sys.argv[2], return_state=True))
"""


def started(here: Company, api: str, ask: str) -> subprocess.Popen[str]:
    here.set_clock()
    environment = {**os.environ, **up.QUIET, "PREFECT_API_URL": api}
    return subprocess.Popen([sys.executable, "-c", PROGRAM, ask, str(here.folder / "meridian.toml")], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment)


def paused(api: str, ask: str) -> dict[str, Any]:
    """The run, once it waits."""
    for _ in range(30):
        found = PREFECT.post(f"{api}/flow_runs/filter", json={"flow_runs": {"name": {"any_": [f"approve {ask}"]}}}, timeout=10).json()
        if found and found[0]["state_type"] == "PAUSED":
            return dict(found[0])
        time.sleep(1)
    raise AssertionError(f"{ask} never waited")


def resumed(api: str, run: str, decision: dict[str, str]) -> str:
    """What Prefect answers."""
    answer = PREFECT.post(f"{api}/flow_runs/{run}/resume", json={"run_input": decision}, timeout=30)
    assert answer.ok, f"{answer.status_code} {answer.text}"
    return str(answer.json()["status"])


def test_who_resumes_a_run_decides_and_a_run_whose_process_died_decides_nothing(
    tmp_path: Path, shop: Target, monkeypatch: pytest.MonkeyPatch, prefect_api: str,
) -> None:
    here = company(tmp_path, shop.url, monkeypatch)
    here.night(["7", "8"])
    here.run()
    alive, dead = (one.proposal for one in here.proposals())
    processes = [started(here, prefect_api, name) for name in (alive, dead)]
    runs = [paused(prefect_api, name) for name in (alive, dead)]
    schema = PREFECT.get(f"{prefect_api}/flow_runs/{runs[0]['id']}/input/{runs[0]['state']['state_details']['run_input_keyset']['schema']}", timeout=10).json()
    assert schema["properties"]["who"]["enum"] == ["mira", "jonas"]
    shown = PREFECT.get(f"{prefect_api}/flow_runs/{runs[0]['id']}/input/{runs[0]['state']['state_details']['run_input_keyset']['description']}", timeout=10).json()
    assert "| Purchase 7 | 4 of 9 late · http.set: value nothing → S2 |" in shown
    processes[1].kill()
    processes[1].wait()
    for run in runs:
        assert resumed(prefect_api, run["id"], {"decision": "approve", "who": "mira"}) == "ACCEPT"
    said, _ = processes[0].communicate(timeout=120)
    assert "late_suppliers/7: approved" in said, said
    assert {one.proposal: one.state for one in here.proposals()} == {alive: "approved", dead: "asked"}
    here.now += timedelta(minutes=10)           # the run's clock has ticked on
    assert here.run() == {"verified": 1}
    assert shop.values == {"7": "S2"}
    decide_now(here.ledger, automations.load_playbooks(here.settings).playbooks, dead, Said(decision="approve", who="jonas", by="jonas", via="link"), at=here.now)
    assert here.run() == {"verified": 1}
    assert [len(effects) for effects in shop.effects.values()] == [1, 1]
