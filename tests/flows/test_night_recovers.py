"""Rebuilding gives the same marts; a full disk costs a night, never data. Five nights are lived in a drill, three else."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from flows.store.checksums import differences
from tests.flows.conftest import Company, order_line, ticket
from tests.flows.nights import marts
from tests.flows.test_night_kills import INSTANTS
from tests.length import IS_DRILL

NIGHTS = 5 if IS_DRILL else 3


def test_rebuilding_from_the_landing_gives_what_incremental_nights_gave(lived_company: Company) -> None:
    company = lived_company
    tickets = {number: ticket(number, f"2026-02-{1 + number % 27:02d}") for number in range(1, 60)}
    for day in range(2, 2 + NIGHTS):
        tickets[5 + day] = ticket(5 + day, "2026-02-10", status="open")                  # an update,
        tickets[1000 * day] = ticket(1000 * day, f"2026-03-{day:02d}")                    # a new one,
        del tickets[20 + day]                                                             # a delete,
        company.write("drop/tickets-1.jsonl", list(tickets.values()))
        company.write(f"drop/orders-{day}.jsonl", [order_line(f"8{day}", "2026-02-03")])   # and a late row
        company.clock(f"2026-03-{day + 1:02d}T02:30:00+00:00")
        night = company.run("nightly")
        assert night.returncode == 0, night.stdout + night.stderr
    # The folder is a copy, as of a company that moved: dbt's parse of the project moved along.
    assert re.fullmatch("(saved manifest not found.*)?", parsed_anew(company))
    incremental = company.folder / "incremental.duckdb"
    shutil.copy(company.settings().published / "marts.duckdb", incremental)
    assert marts(company, "select count(*) > 0 from restatements") == [(True,)]
    rebuilt = company.run("nightly", "--rebuild")
    assert rebuilt.returncode == 0, rebuilt.stdout + rebuilt.stderr
    assert differences(company.settings().published / "marts.duckdb", incremental, leave_out=INSTANTS) == []


def parsed_anew(company: Company) -> str:
    """Why dbt parsed the whole project, whenever it did."""
    log = (company.settings().home / "logs" / "dbt.log").read_text(encoding="utf-8")
    return "; ".join(re.findall(r"Unable to do partial parsing because (.*)", log))


def test_on_a_full_disk_the_night_says_so_the_old_version_stays_and_the_next_night_recovers(
    tmp_path: Path, after_first_night: Callable[[Path], Company],
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=96m", "tmpfs", str(state)], check=False, capture_output=True).returncode:
        pytest.skip("needs root to mount a small file system")
    try:
        company = after_first_night(tmp_path)
        company.write("drop/tickets-2.jsonl", [ticket(400 + number, "2026-03-02", description="x" * 400) for number in range(20)])
        company.clock("2026-03-03T02:30:00+00:00")
        for room in (0, 40_000, 1_500_000, 3_000_000):          # full at once, at the landing, in dbt, at the latest in publishing
            ballast = state / "ballast"
            ballast.write_bytes(b"\0" * max(0, shutil.disk_usage(state).free - room))
            night = company.run("nightly")
            assert night.returncode == 1, night.stdout + night.stderr
            assert re.search(r"full|No space left|room", night.stderr), night.stderr
            assert marts(company, "select version from meridian_version") == [("2026-03-01.001",)]
            ballast.unlink()
        assert company.run("nightly").returncode == 0
        assert marts(company, "select count(*) from fct_tickets") == [(79,)]
    finally:
        subprocess.run(["umount", "--lazy", str(state)], check=False)


def test_without_memory_enough_the_night_says_which_setting_to_raise(lived_company: Company) -> None:
    company = lived_company
    company.clock("2026-03-03T02:30:00+00:00")
    company.config.write_text(company.config.read_text(encoding="utf-8").replace("[night]", '[night]\nmemory = "2MB"'), encoding="utf-8")
    night = company.run("nightly")
    assert night.returncode == 1, night.stdout + night.stderr
    assert "Out of Memory Error" in night.stderr and "may use 2MB of memory: let it have more (memory under [night] in meridian.toml)" in night.stderr, night.stderr
    assert "SET memory_limit" not in night.stderr
    assert marts(company, "select version from meridian_version") == [("2026-03-01.001",)]
