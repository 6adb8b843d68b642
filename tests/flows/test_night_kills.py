"""A night killed at any step: the next run publishes what an undisturbed night would have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from flows.store.checksums import NAMES_OF_THE_BUILD, differences
from tests.flows.conftest import Company
from tests.flows.nights import second_day

pytestmark = pytest.mark.timeout(1200)      # ten nights one after another: 5 minutes beside two other workers, more where cores are slow

# Of the run itself; two runs never share them. A version that was in its place but never current is swept, and its name not used again.
INSTANTS = {*NAMES_OF_THE_BUILD, "last_success_at", "last_attempt_at", "compared_at", "read_at", "restated_at", "new_version", "restated_in"}
NIGHT_STEPS = {
    "at a page": "import flows.store.landing as m\nm.append = die",
    "between landing and cursor": "import flows.store.ledger as l\nl.finish_reading = die",
    "before the checks' verdict": "import flows.store.ledger as l\nl.judge_batch = die",
    "during dbt": "import flows.build as b\nrelay, lines = b._relay, []\n"
                  "def _relay(line, *more):\n    lines.append(line)\n    relay(line, *more)\n    len(lines) < 50 or die()\nb._relay = _relay",
    "between dbt and its mark": "import flows.store.warehouse as w\nw.mark_absorbed = die",
    "before the version is renamed": "import flows.store.published as p\np._write_down = die",
    "before current is turned": "import flows.store.published as p\np._turn = die",
    "before the night is written down": "import flows.store.ledger as l\nl.end_night = die",
}
DIE = "import os, signal\ndef die(*_, **__):\n    os.kill(os.getpid(), signal.SIGKILL)\n"


def test_killed_at_every_step_one_after_another_the_night_ends_as_an_undisturbed_one(
    after_first_night: Callable[[Path], Company], tmp_path: Path, calm_second_night: Path,
) -> None:
    """The second of two nights is killed: it has changes to absorb, a version to replace, and restatements to write. Each death is met by the next run."""
    company = after_first_night(tmp_path)
    second_day(company)
    for where in NIGHT_STEPS:
        die(company, where)
    end_as(calm_second_night, company)


@pytest.mark.drill
@pytest.mark.parametrize("where", NIGHT_STEPS)
def test_killed_once_anywhere_the_next_run_publishes_what_an_undisturbed_night_would(
    after_first_night: Callable[[Path], Company], tmp_path: Path, calm_second_night: Path, where: str,
) -> None:
    company = after_first_night(tmp_path)
    second_day(company)
    die(company, where)
    end_as(calm_second_night, company)


def die(company: Company, where: str) -> None:
    killed = company.run("nightly", prelude=DIE + NIGHT_STEPS[where])
    assert killed.returncode == -9, (where, killed.stdout + killed.stderr)


def end_as(calm: Path, company: Company) -> None:
    again = company.run("nightly")
    assert again.returncode == 0, again.stdout + again.stderr
    assert differences(company.settings().published / "marts.duckdb", calm, leave_out=INSTANTS) == []


@pytest.fixture(scope="module")
def calm_second_night(tmp_path_factory: pytest.TempPathFactory, after_first_night: Callable[[Path], Company]) -> Path:
    company = after_first_night(tmp_path_factory.mktemp("calm"))
    second_day(company)
    night = company.run("nightly")
    assert night.returncode == 0, night.stdout + night.stderr
    return company.settings().published / "marts.duckdb"
