"""A night that is told to end (a real SIGTERM) finishes what it is on, says so everywhere, leaves nothing behind, and the next one goes on there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest

from flows import healing
from flows.healing import Prefect
from flows.stopping import Stop, Stopped, answering
from flows.store import leases, published
from flows.store import ledger as ledgers
from flows.store.checksums import differences
from tests.flows.conftest import Company
from tests.flows.nights import second_day
from tests.flows.test_night_kills import INSTANTS, calm_second_night
from tests.prefect_api import PREFECT

__all__ = ["calm_second_night"]

TELL = """
import os, signal
def tells(module, name, call=1):
    step, calls = getattr(module, name), []
    def told(*given, **named):
        calls.append(name)
        len(calls) == call and os.kill(os.getpid(), signal.SIGTERM)
        return step(*given, **named)
    setattr(module, name, told)
"""
STEPS = {
    "at its first page": "import flows.store.landing as m\ntells(m, 'append')",
    "between landing and cursor": "import flows.store.ledger as l\ntells(l, 'finish_reading')",
    "before the checks' verdict": "import flows.store.ledger as l\ntells(l, 'judge_batch')",
    "during dbt": "import flows.build as b\ntells(b, '_relay', 50)",
    "between dbt and its mark": "import flows.store.warehouse as w\ntells(w, 'mark_absorbed')",
}
WHILE_PUBLISHING = "import flows.store.published as p\ntells(p, '_turn')"


def state_in_prefect(company: Company, run: str) -> tuple[str, str]:
    state = PREFECT.get(f"{company.api}/flow_runs/{run}", timeout=10).json()["state"]
    return state["type"], state["message"]


def test_told_to_end_at_every_step_one_after_another_a_night_leaves_clean_and_the_next_one_ends_as_an_undisturbed_one(
    after_first_night: Callable[[Path], Company], tmp_path: Path, calm_second_night: Path,
) -> None:
    company = after_first_night(tmp_path)
    second_day(company)
    ledger = ledgers.open_ledger(company.settings().ledger)
    for where, prelude in STEPS.items():
        told = company.run("nightly", prelude=TELL + prelude)
        assert told.returncode == -15, (where, told.stdout + told.stderr)
        assert "Cancelled: told to end by SIGTERM" in told.stderr and "goes on there" in told.stderr, (where, told.stderr)
        night = company.nights()[0]
        assert night["state"] == "stopped" and night["ended_at"] and "told to end by SIGTERM" in night["report"]["message"], where
        assert state_in_prefect(company, night["run"])[0] == "CANCELLED", where
        with ledger.begin() as connection:
            assert not connection.execute(leases.leases.select()).all(), where
        assert published.current_name(company.settings().published) == "2026-03-01.001", where
    again = company.run("nightly")
    assert again.returncode == 0, again.stdout + again.stderr
    assert differences(company.settings().published / "marts.duckdb", calm_second_night, leave_out=INSTANTS) == []


def test_told_to_end_while_it_publishes_a_night_publishes_and_tells_no_more(after_first_night: Callable[[Path], Company], tmp_path: Path) -> None:
    company = after_first_night(tmp_path)
    second_day(company)
    told = company.run("nightly", prelude=TELL + WHILE_PUBLISHING)
    assert told.returncode == 0, told.stdout + told.stderr
    assert company.nights()[0]["state"] == "published" and published.current_name(company.settings().published) == "2026-03-02.001"


@pytest.fixture
def ctrl_c_as_usual() -> Iterator[None]:
    """A shell that starts the tests in the background has them ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("ctrl_c_as_usual")
def test_told_twice_it_ends_as_cleanly_and_at_the_second_ctrl_c_at_once() -> None:
    before, stop, killed = signal.getsignal(signal.SIGTERM), Stop(), []
    with answering(stop):
        assert not stop()
        os.kill(os.getpid(), signal.SIGTERM)
        with stop.at_once(lambda: killed.append("dbt")):
            os.kill(os.getpid(), signal.SIGTERM)
        assert stop() and killed == ["dbt", "dbt"], "what is begun after it was told is ended at once, too"
        with pytest.raises(Stopped, match="told to end by SIGTERM"):
            stop.sleep(60)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize(("state", "is_made_up"), [("stopped", True), ("cancelled", False)])
def test_a_night_that_a_shutdown_stopped_is_made_up_and_one_that_a_person_cancelled_is_not(
    tmp_path: Path, prefect_api: str, state: str, is_made_up: bool,
) -> None:
    from tests.flows.test_healing import found, runs, settings_at

    settings = settings_at(tmp_path, now=datetime(2026, 3, 2, 9, 0, tzinfo=UTC))
    prefect = Prefect(api=prefect_api, config=str(settings.path))
    flow = prefect.ask("flows/", {"name": "nightly"})["id"]
    made = prefect.ask("deployments/", {"name": "nightly", "flow_id": flow, "parameters": {"config": str(settings.path)}, "enforce_parameter_schema": False})
    try:
        ledger = ledgers.open_ledger(settings.ledger)
        ledgers.start_night(ledger, run="one", as_of="2026-03-01", at=datetime(2026, 3, 2, 1, 30, tzinfo=UTC))
        ledgers.end_night(ledger, run="one", at=settings.clock(), state=state, version=None, report={})
        ailments: dict[str, healing.Ailment] = found(settings, prefect)
        assert ("stopped night" in ailments) is is_made_up
        if is_made_up:
            for _ in range(2):
                fix = ailments["stopped night"].fix
                assert fix is not None and fix() == "started"
            assert runs(prefect, made["id"]) == [("SCHEDULED", "stopped one")], "only once"
    finally:
        PREFECT.delete(f"{prefect_api}/deployments/{made['id']}", timeout=10)
