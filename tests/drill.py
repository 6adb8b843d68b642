"""Every fault of a night on one real company, one after another, with its own Prefect server, worker and PostgreSQL: `python -m tests.drill`.

Each row: what was broken, how long until that came to an end by name, how that end is called, what was lost of the company's tickets once the next night had
run (none may be missing, none there twice), and what a person had to do. What `meridian doctor` has to find is found and mended by that command. `python -m
tests.drill zombie dead_server` has these faults alone. Needs Linux; the full disk needs root, for a small file system that can be full; without PostgreSQL
and the right to install it the dead database is left out. What is left out is said.
"""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import sqlalchemy as sql

from flows import healing, up
from flows.settings import load
from flows.store import leases
from flows.store import ledger as ledgers
from sandbox import databases
from tests.flows.conftest import Company, make_company, ticket
from tests.flows.nights import marts
from tests.flows.test_stopping import TELL
from tests.prefect_api import PREFECT

# The reconciler leaves alone for a quarter of an hour what has just begun or changed; the drill waits half a minute.
PATIENCE = 30
AT_ONCE = f"import datetime\nimport flows.healing as h\nh.PATIENCE = datetime.timedelta(seconds={PATIENCE})\n"
HOUR = 3600.0
Row = tuple[str, str, str, str, str]


@dataclass
class Drill:
    company: Company
    server: up.Server
    day: int = 2
    tickets: int = 59
    database: databases.Database | None = None
    rows: list[Row] = field(default_factory=list)

    def next_day(self) -> None:
        """One more day, three more tickets."""
        self.day += 1
        new = [ticket(1000 * self.day + number, f"2026-03-{self.day - 1:02d}") for number in range(3)]
        self.company.write(f"drop/tickets-{self.day}.jsonl", new)
        self.company.clock(f"2026-03-{self.day:02d}T02:30:00+00:00")
        self.tickets += len(new)

    def night(self, prelude: str = "") -> subprocess.CompletedProcess[str]:
        with up.pointed_at(self.server, self.company.settings()):
            return replace(self.company, api=self.server.api).run("nightly", prelude=prelude, begins_cold=True)

    def doctor(self, *arguments: str) -> str:
        """What `meridian doctor` says, and with --fix does."""
        with up.pointed_at(self.server, self.company.settings()):
            told = replace(self.company, api=self.server.api).run("doctor", *arguments, prelude=AT_ONCE, begins_cold=True)
        assert told.stdout and "Traceback" not in told.stderr, told.stdout + told.stderr
        return told.stdout

    def restart_server(self) -> None:
        self.server = up.ensure_server(self.company.settings(), say=lambda line: None)

    def last(self) -> str:
        return str(self.company.nights()[0]["state"])

    def settle(self, fault: str, seconds: float, end: str, by_hand: str = "nothing", *, run: bool = True) -> None:
        """The next night, and then the count."""
        if run:
            night = self.night()
            assert night.returncode == 0, night.stdout + night.stderr
        lost = self.tickets - int(marts(self.company, "select count(*) from fct_tickets")[0][0])
        doubled = int(marts(self.company, "select count(*) - count(distinct ticket_id) from fct_tickets")[0][0])
        self.rows.append((fault, f"{seconds:.0f} s", end, "nothing" if not lost and not doubled else f"{lost} tickets, {doubled} twice", by_hand))
        print(" | ".join(self.rows[-1]), flush=True)


def dead_source(drill: Drill) -> None:
    drill.next_day()
    folder = drill.company.folder / "drop"
    folder.rename(folder.with_name("away"))
    began = time.monotonic()
    drill.night()
    seconds, end = time.monotonic() - began, drill.last()
    assert end == "published with stale sources" and "BAD  source drop" in drill.doctor()
    folder.with_name("away").rename(folder)
    drill.settle("a source is dead", seconds, end)


def dead_server(drill: Drill) -> None:
    drill.next_day()
    server = up.find(drill.company.settings(), "server")
    assert server is not None
    began = time.monotonic()
    drill.night(f"import os\nimport flows.build as b\nrelay, lines = b._relay, []\ndef _relay(line, *more):\n    lines.append(line)\n    relay(line, *more)\n"
                f"    len(lines) == 50 and os.killpg({server.pid}, 9)\nb._relay = _relay")
    seconds, end = time.monotonic() - began, drill.last()
    drill.restart_server()
    drill.settle("the Prefect server is killed in mid-run", seconds, end)


def dead_database(drill: Drill) -> None:
    drill.next_day()
    company, database = drill.company, drill.database
    assert database is not None
    with company.config.open("a") as file:
        file.write('\n[publish.postgres]\nurl_env = "MARTS_URL"\npatience_seconds = 0\n')
    with (company.folder / ".env").open("a") as file:
        file.write(f"MARTS_URL={replace(database, port=_closed_port()).url}\n")
    began = time.monotonic()
    drill.night()
    seconds, end = time.monotonic() - began, f"{drill.last()}, files alone"
    text = (company.folder / ".env").read_text().splitlines()
    (company.folder / ".env").write_text("\n".join([*text[:-1], f"MARTS_URL={database.url}"]) + "\n")
    drill.settle("the database that is published to is dead", seconds, end)
    assert database.run("select count(*) from marts.fct_tickets") == str(drill.tickets)


def full_disk(drill: Drill) -> None:
    drill.next_day()
    home = drill.company.settings().home
    ballast = home / "ballast"
    with ballast.open("wb") as file:
        os.posix_fallocate(file.fileno(), 0, max(1, shutil.disk_usage(home).free - 40_000))
    began = time.monotonic()
    night = drill.night()
    seconds = time.monotonic() - began
    assert night.returncode == 1, night.stdout + night.stderr
    ballast.unlink()
    drill.settle("the disk is full", seconds, "failed: Disk full", "make room")


def rotten_landing(drill: Drill) -> None:
    drill.next_day()
    settings = drill.company.settings()
    batch = [row for row in ledgers.list_batches(ledgers.open_ledger(settings.ledger)) if row["stream"] == "tickets" and row["verdict"] != "rejected"][-1]
    file = settings.landing / batch["path"]
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(bytes(content))
    shutil.rmtree(settings.warehouse.parent)          # so that the damaged file would be read
    began = time.monotonic()
    said = drill.doctor("--fix")
    assert "BAD  landing: 1 files are not what was landed" in said and "1 left out; the next night reads their windows again" in said, said
    drill.settle("a landed file is damaged", time.monotonic() - began, "left out by doctor, read again")
    assert "landing" not in drill.doctor()


def rotten_warehouse(drill: Drill) -> None:
    drill.next_day()
    warehouse = drill.company.settings().warehouse
    with warehouse.open("r+b") as file:
        file.write(b"\0" * 64_000)
    began = time.monotonic()
    night = drill.night()
    assert night.returncode == 0 and "from the whole landing" in night.stderr, night.stdout + night.stderr
    drill.settle("the warehouse is damaged", time.monotonic() - began, f"{drill.last()}, built anew and said so", run=False)


def told_to_end(drill: Drill) -> None:
    drill.next_day()
    began = time.monotonic()
    night = drill.night(TELL + "import flows.store.landing as m\ntells(m, 'append')")
    assert night.returncode == -signal.SIGTERM, night.stdout + night.stderr
    drill.settle("SIGTERM while it reads", time.monotonic() - began, drill.last())


def killed(drill: Drill) -> None:
    """Killed, it leaves the lease of a dead process behind."""
    drill.next_day()
    night = drill.night("import os, signal\nimport flows.store.landing as m\nm.append = lambda *_: os.kill(os.getpid(), signal.SIGKILL)")
    assert night.returncode == -signal.SIGKILL
    ledger = ledgers.open_ledger(drill.company.settings().ledger)
    with ledger.begin() as connection:
        assert connection.execute(sql.select(leases.leases.c.name)).scalars().all() == ["night"], "the lock is stale"
    began = time.monotonic()
    again = drill.night()
    assert again.returncode == 0, again.stdout + again.stderr
    drill.settle("a stale lock of a killed night", time.monotonic() - began, drill.last(), run=False)


def zombie(drill: Drill) -> None:
    """A night under a worker, killed together with it and with the server, while the deployment lets one run at a time: the run is a zombie, its slot is taken,
    and the server that would free it has forgotten the lease."""
    drill.next_day()
    settings = drill.company.settings()
    up.start_worker(settings, drill.server, say=lambda line: None)
    up.deploy(settings, drill.server)
    prefect = _reached(drill)
    deployment = prefect.deployment("nightly")
    assert deployment is not None
    _patch(prefect, f"deployments/{deployment['id']}", {"concurrency_limit": 1})
    run = prefect.ask(f"deployments/{deployment['id']}/create_flow_run", {"parameters": deployment["parameters"], "state": {"type": "SCHEDULED"}})["id"]
    _await(lambda: drill.company.nights()[0]["run"] == run and drill.last() == "running")
    owner = leases.holder(ledgers.open_ledger(settings.ledger), "night", now=settings.clock())
    assert owner is not None
    for name in ("worker", "server"):
        process = up.find(settings, name)
        assert process is not None
        os.killpg(process.pid, signal.SIGKILL)
    os.kill(int(owner.rsplit(":", 2)[1]), signal.SIGKILL)
    _await(lambda: leases.owner_is_dead(owner))
    drill.restart_server()
    prefect = _reached(drill)
    taken = [limit["active_slots"] for limit in prefect.limits().values()]
    assert prefect.state_of(run) == "RUNNING" and taken == [1], (prefect.state_of(run), taken)
    time.sleep(PATIENCE)
    began = time.monotonic()
    said = drill.doctor("--fix")
    assert "set to Crashed, and that night is started once more" in said and prefect.state_of(run) == "CRASHED", said
    seconds = time.monotonic() - began
    up.start_worker(settings, drill.server, say=lambda line: None)
    again = prefect.ask("flow_runs/filter", {"flow_runs": {"idempotency_key": {"any_": [f"again after {run}"]}}})[0]["id"]
    _await(lambda: prefect.state_of(again) == "RUNNING")
    slot = time.monotonic() - began
    _await(lambda: prefect.state_of(again) == "COMPLETED")
    drill.settle("a zombie: a run whose process, worker and server were killed", seconds, "Crashed by doctor, and once more: Completed", run=False)
    drill.settle("a leaked slot: the zombie's, the only one", slot, "taken by the next run", run=False)


def leaked(drill: Drill) -> None:
    """A slot that whoever took it never gives back, and no run holds. No new day: a night that is due would be started, too."""
    prefect = _reached(drill)
    ((deployment, limit),) = prefect.limits().items()
    prefect.ask("v2/concurrency_limits/increment", {"names": [limit["name"]], "slots": 1})
    told = prefect.deployment("nightly")
    assert told is not None
    run = prefect.ask(f"deployments/{deployment}/create_flow_run", {"parameters": told["parameters"], "state": {"type": "SCHEDULED"}})["id"]
    time.sleep(PATIENCE + 10)
    assert prefect.state_of(run) == "SCHEDULED", "it waits, and would for ever"
    began = time.monotonic()
    said = drill.doctor("--fix")
    assert "1 let go" in said, said
    _await(lambda: prefect.state_of(run) == "COMPLETED")
    drill.settle("a leaked slot that no run holds", time.monotonic() - began, f"let go by doctor: {drill.last()}", run=False)


def missed(drill: Drill) -> None:
    """Three days on with nobody there; the worker of before still runs."""
    for _ in range(3):
        drill.next_day()
    drill.company.clock(f"2026-03-{drill.day:02d}T09:00:00+00:00")
    nights, began = len(drill.company.nights()), time.monotonic()
    said = drill.doctor("--fix") + drill.doctor("--fix")
    assert said.count("missed night: no night has begun since") >= 1 and "started" in said, said
    _await(lambda: len(drill.company.nights()) > nights and drill.last() != "running")
    drill.settle("three nights missed, the machine was off", time.monotonic() - began, f"one made up: {drill.last()}", run=False)
    assert len(drill.company.nights()) == nights + 1
    assert [line for line in drill.doctor().splitlines() if line.startswith("BAD") and not line.startswith(("BAD  packages", "BAD  disk"))] == []


def _reached(drill: Drill) -> healing.Prefect:
    with up.pointed_at(drill.server, drill.company.settings()):
        prefect = healing.reached(drill.company.settings())
    assert prefect is not None
    return prefect


def _patch(prefect: healing.Prefect, path: str, body: dict[str, Any]) -> None:
    PREFECT.patch(f"{prefect.api}/{path}", json=body, headers=up.auth_header(prefect.auth), timeout=20).raise_for_status()


def _closed_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _await(ready: Callable[[], bool], seconds: float = HOUR) -> None:
    deadline = time.monotonic() + seconds
    while not ready():
        assert time.monotonic() < deadline, "did not come to its end"
        time.sleep(0.5)


HEADS = ("fault", "until it has ended", "how it ends", "lost", "what a person must do")


def table(rows: list[Row]) -> str:
    return "\n".join(f"| {' | '.join(row)} |" for row in (HEADS, ("---", "---:", "---", "---", "---"), *rows))


FAULTS: dict[str, Callable[[Drill], None]] = {
    one.__name__: one for one in (dead_source, rotten_warehouse, rotten_landing, told_to_end, killed, full_disk, dead_server, dead_database, zombie, leaked, missed)}


def main() -> None:
    wanted = sys.argv[1:] or list(FAULTS)
    if wrong := [name for name in wanted if name not in FAULTS]:
        sys.exit(f"{', '.join(wrong)}: no fault; there are {', '.join(FAULTS)}")
    is_root = os.geteuid() == 0
    os.environ.pop("PREFECT_API_URL", None)
    failed = []
    with ExitStack() as until_the_end:
        folder = Path(until_the_end.enter_context(tempfile.TemporaryDirectory()))
        state = folder / "company" / "state"
        state.mkdir(parents=True)
        if is_root:
            subprocess.run(["mount", "-t", "tmpfs", "-o", "size=700m", "tmpfs", str(state)], check=True)
            until_the_end.callback(subprocess.run, ["umount", "--lazy", str(state)], check=False)
        company = make_company(folder / "company", "")
        settings = load(company.config, environment={})
        until_the_end.callback(up.down, settings)
        drill = Drill(company=company, server=up.ensure_server(settings, say=lambda line: None))
        left_out = {} if is_root else {"full_disk": "needs root"}
        if "dead_database" in wanted:
            try:
                databases.install("postgresql")
                drill.database = until_the_end.enter_context(databases.postgres())
            except databases.CannotInstall as reason:
                left_out["dead_database"] = str(reason)
        first = drill.night()
        assert first.returncode == 0, first.stdout + first.stderr
        print(f"first night done, {drill.tickets} tickets", flush=True)
        for name in wanted:
            if name in left_out:
                print(f"{name}: not tried: {left_out[name]}", flush=True)
                continue
            try:
                FAULTS[name](drill)
            except Exception:                   # one fault that does not end as promised keeps no other from being tried
                failed.append(name)
                traceback.print_exc()
                drill.restart_server()
        print(f"\n{table(drill.rows)}\n\n{os.cpu_count()} cores, load {os.getloadavg()[2]:.1f}")
    if failed:
        print(f"did not end as promised: {', '.join(failed)}")
    sys.exit(bool(failed) or any(row[3] != "nothing" for row in drill.rows))


if __name__ == "__main__":
    main()
