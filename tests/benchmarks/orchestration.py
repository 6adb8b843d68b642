"""What it costs that something orchestrates: steps that do next to nothing, run by a script, by Prefect as ours does, by Dagster and by Airflow; and how much
of a quiet night of ours that is.

    python -m tests.benchmarks.orchestration [--sizes 10 100] [--runs 3] [--leave-out SUBJECT ...]

Every subject is a process of its own that runs a chain of steps, each of which adds its number to a file; the file is checked. CPU seconds are those of the
process tree; for Prefect with our server, which outlives the night, also what the server used from the beginning until SETTLE behind the end, less what it
uses in that time when nothing runs. Two sizes tell what a step costs from what a run does. Histories are kept, telemetry is off. All subjects take turns, and
ratios are within a run, as the machine's speed drifts.

A quiet night: a small company's with nothing new, by `meridian nightly`, and the same functions called as they are; once more for the same day (nothing is
published) and for the next day (all is built and published).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from flows import up
from flows.settings import Settings
from tests.benchmarks.extract import PROJECT, Measured, family, measure, median
from tests.benchmarks.measuring import machine, python_with
from tests.flows.conftest import Company, make_company

OURS, COMMAND = "Prefect, our server", "Dagster, a process a step"
FEWER = {COMMAND: (5, 15)}          # a step takes seconds there
SETTLE, IDLE = 12.0, 60.0           # Prefect's server writes a run's events down seconds after it; s
PACKAGES = {"dagster": ("dagster",), "airflow": ("apache-airflow",)}


@dataclass(frozen=True, kw_only=True)
class Cost:
    """CPU and wall in seconds of one run of a subject; server: how much of the CPU was a server's that outlives it."""

    cpu: float
    server: float
    wall: float
    said: Measured


def spent(pid: int) -> float:
    """CPU seconds of a living process, all below it, and all that ended below it."""
    ticks = 0
    for one in family(pid):
        try:
            ticks += sum(map(int, Path(f"/proc/{one}/stat").read_text().rpartition(")")[2].split()[11:15]))
        except OSError:
            continue
    return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def served(settings: Settings) -> Iterator[tuple[int, float]]:
    """(pid of our server, CPU seconds that it used until it answered)."""
    up.ensure_server(settings, say=lambda _: None)
    server = up.find(settings, "server")
    assert server is not None
    try:
        yield server.pid, spent(server.pid)
    finally:
        up.down(settings)


def idle(pid: int) -> float:
    """CPU seconds a second that the server uses when nothing runs."""
    time.sleep(SETTLE)
    before = spent(pid)
    time.sleep(IDLE)
    return (spent(pid) - before) / IDLE


def alone(command: list[str]) -> Cost:
    found = measure(command)
    return Cost(cpu=found.cpu, server=0.0, wall=found.wall, said=found)


def beside(server: int, quiet: float) -> Callable[[list[str]], Cost]:
    """To measure a command together with what our server does for it. quiet: `idle` of it."""
    def both(command: list[str]) -> Cost:
        began, before = time.monotonic(), spent(server)
        found = measure(command)
        time.sleep(SETTLE)
        used = max(spent(server) - before - quiet * (time.monotonic() - began), 0.0)
        return Cost(cpu=found.cpu + used, server=used, wall=found.wall, said=found)

    return both


def subjects(folder: Path, company: Company, file: Path, count: int) -> dict[str, list[str]]:
    """name -> the command that does so many steps, ours second."""
    ours = [sys.executable, "-m", "tests.benchmarks.steps"]
    rest = [str(file), str(count)]

    def peer(name: str, **asked: object) -> list[str]:
        return [python_with(folder / name, PACKAGES[name]), str(PROJECT / f"tests/benchmarks/{name}_peer.py"), str(folder / f"{name}-home"), *rest, json.dumps(asked)]

    return {
        "plain Python": [*ours, "plain", *rest], OURS: [*ours, "night", *rest, str(company.folder)],
        "Prefect, a server of its own": [*ours, "alone", *rest, str(company.folder)], "Dagster, in process": peer("dagster", how="process"),
        COMMAND: peer("dagster", how="command"), "Airflow, dag.test()": peer("airflow"),
    }


def compare(folder: Path, company: Company, *, sizes: tuple[int, int], runs: int, leave_out: Sequence[str], with_server: Callable[[list[str]], Cost]) -> None:
    """Prints a line a subject."""
    file = company.folder / "steps"
    lived: dict[str, list[tuple[Cost, Cost]]] = {name: [] for name in subjects(folder, company, file, 0) if name not in leave_out}

    def one(name: str, count: int) -> Cost:
        file.unlink(missing_ok=True)
        cost = (with_server if name == OURS else alone)(subjects(folder, company, file, count)[name])
        assert file.read_text().split() == list(map(str, range(count))), name
        return cost

    for turn in range(runs + 1):
        for name, turns in lived.items():
            few, many = FEWER.get(name, sizes)
            if turn:                    # the first fills caches and databases
                turns.append((one(name, few), one(name, many)))
            else:
                one(name, 2)
    said = sorted({f"{library} {version}" for turns in lived.values() for library, version in turns[0][0].said.said["versions"].items()})
    print(f"chains of {sizes[0]} and {sizes[1]} steps (of {COMMAND}: {FEWER[COMMAND][0]} and {FEWER[COMMAND][1]}); {', '.join(said)}; medians of {runs}")
    print(f"{'':<32}{'CPU s, few':>12}{'many':>9}{'wall s, many':>14}{'a run, s':>10}{'a step, ms':>12}{'ours, x: run':>14}{'step':>8}")
    split = {name: [parts(FEWER.get(name, sizes), turn) for turn in turns] for name, turns in lived.items()}
    for name, turns in lived.items():
        ratios = [[here[part] / mine[part] for here, mine in zip(split[name], split[OURS], strict=True)] for part in (0, 1)]
        print(f"{name:<32}{median(turn[0].cpu for turn in turns):>12.2f}{median(turn[1].cpu for turn in turns):>9.2f}{median(turn[1].wall for turn in turns):>14.1f}"
              f"{median(start for start, _ in split[name]):>10.2f}{median(step for _, step in split[name]) * 1000:>12.2f}"
              f"{median(ratios[0]):>14.2f}{median(ratios[1]):>8.2f}")
    servers = [median(turn[size].server for turn in lived[OURS]) for size in (0, 1)]
    print(f"of ours the server: {servers[0]:.2f} of the few, {servers[1]:.2f} of the many")


def parts(sizes: tuple[int, int], turn: tuple[Cost, Cost]) -> tuple[float, float]:
    """CPU seconds of a run without steps, and of a step."""
    step = (turn[1].cpu - turn[0].cpu) / (sizes[1] - sizes[0])
    return turn[0].cpu - sizes[0] * step, step


def quiet_nights(company: Company, *, runs: int, with_server: Callable[[list[str]], Cost]) -> None:
    """Prints a line a kind of night."""
    command = [sys.executable, "-m", "tests.benchmarks.quiet_night", str(company.config)]
    now = datetime(2026, 3, 2, 2, 30, tzinfo=UTC)
    lived: dict[str, dict[str, list[Cost]]] = {}

    def night(kind: str, how: str, state: str) -> None:
        cost = alone([*command, "--without"]) if how == "without" else with_server(command)
        assert cost.said.said["state"] == state, cost.said.said
        lived.setdefault(kind, {}).setdefault(how, []).append(cost)

    night("the first", "with", "published")
    for how in ("with", "without") * runs:
        night("the same day again", how, "unchanged")
    for how in ("with", "without") * runs:
        now += timedelta(days=1)
        company.clock(now.isoformat())
        night("the next day", how, "published")
    print(f"{'a quiet night, CPU s':<24}{'with Prefect':>14}{'of it server':>14}{'without':>10}{'import':>9}{'orchestration':>15}{'share':>8}{'tasks':>7}")
    for kind, found in list(lived.items())[1:]:
        told = [(ours.cpu - bare.cpu + bare.said.said["import"]) for ours, bare in zip(found["with"], found["without"], strict=True)]
        whole = median(cost.cpu for cost in found["with"])
        print(f"{kind:<24}{whole:>14.2f}{median(cost.server for cost in found['with']):>14.2f}{median(cost.cpu for cost in found['without']):>10.2f}"
              f"{median(cost.said.said['import'] for cost in found['without']):>9.2f}{statistics.median(told):>15.2f}{statistics.median(told) / whole:>8.0%}"
              f"{found['with'][0].said.said['tasks']:>7}")


def prepare(folder: Path, leave_out: Sequence[str]) -> None:
    """The environments, and databases whose making is no run's."""
    commands: Mapping[str, list[str]] = {name: [python_with(folder / name, PACKAGES[name])] for name in PACKAGES}
    for name in PACKAGES:
        shutil.rmtree(folder / f"{name}-home", ignore_errors=True)
    if "Airflow, dag.test()" not in leave_out:
        measure([*commands["airflow"], str(PROJECT / "tests/benchmarks/airflow_peer.py"), str(folder / "airflow-home"), "", "0", '{"prepare": true}'])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", nargs=2, type=int, default=(10, 100))
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--leave-out", nargs="*", default=(), metavar="SUBJECT")
    parser.add_argument("--work", type=Path, default=PROJECT / "var" / "benchmark", help="where the peers' environments and histories rest")
    asked = parser.parse_args()
    folder = asked.work.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    prepare(folder, asked.leave_out)
    with tempfile.TemporaryDirectory(prefix="meridian-orchestration-") as temporary:
        company = make_company(Path(temporary), api="")
        with served(company.settings()) as (pid, started):
            quiet = idle(pid)
            print(f"{machine()}; our server uses {started:.1f} CPU s until it answers and {quiet * 1000:.0f} ms a second when nothing runs")
            compare(folder, company, sizes=tuple(asked.sizes), runs=asked.runs, leave_out=asked.leave_out, with_server=beside(pid, quiet))
            quiet_nights(company, runs=asked.runs, with_server=beside(pid, quiet))


if __name__ == "__main__":
    main()
