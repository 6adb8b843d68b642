"""What reading and loading costs beside dlt's, a Singer tap and target's, and an afternoon's: pages of tickets over HTTP on 127.0.0.1, until they are a
typed table in DuckDB.

    python -m tests.benchmarks.extract [--rows 100000] [--runs 3] [--flat ROWS ...] [--search] [--leave-out SUBJECT ...]

Every subject is a process of its own. CPU seconds are those of its process tree, without the server's; peak memory is what the tree held at once, looked at
twenty times a second. What a subject needs for a thousand rows is its start-up and is taken off where rows per CPU second are told. All subjects of a run
take turns, and ratios are within a run, as the machine's speed drifts. Row counts and sums of two typed columns have to be the same for all.

--flat: ours with so many rows, for memory. --search: dlt with every setting that was tried for its fastest.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import threading
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.benchmarks import ticket_pages
from tests.benchmarks.measuring import python_with

PROJECT = Path(__file__).resolve().parent.parent.parent
FEW = 1000
FASTEST = {"nesting": 0, "format": "parquet", "environment": {"DATA_WRITER__BUFFER_MAX_ITEMS": "20000", "DATA_WRITER__DISABLE_COMPRESSION": "true"}}
"""By "Optimizing dlt" of its documentation: larger buffers, Parquet to load, no tables for what is nested; orjson is used where it is installed."""
TRIED: Mapping[str, Mapping[str, Any]] = {
    "dlt, Parquet": {"nesting": 0, "format": "parquet"},
    "dlt, JSON lines": {"nesting": 0, "format": "jsonl"},
    "dlt, insert values": {"nesting": 0, "format": "insert_values"},
    "dlt, larger buffers": {"nesting": 0, "format": "parquet", "environment": {"DATA_WRITER__BUFFER_MAX_ITEMS": "50000"}},
    "dlt, two workers": {**FASTEST, "environment": {**FASTEST["environment"], "NORMALIZE__WORKERS": "2", "EXTRACT__DATA_WRITER__FILE_MAX_ITEMS": "50000"}},  # type: ignore[dict-item]
    "dlt, fastest": FASTEST,
}
SCRIPTS: Mapping[str, tuple[str, Mapping[str, Any]]] = {
    "requests + pandas": ("pandas", {}),
    "pandas, by 20 pages": ("pandas", {"pages": 20}),
    "Singer, defaults": ("singer", {}),
    "Singer, lean": ("singer", {"lean": True}),
}
"""name: the peer (`<peer>_peer.py`, and its environment) and how it is asked."""
PACKAGES = {"dlt": ("dlt[duckdb,parquet]", "orjson"), "pandas": ("requests", "pandas", "pyarrow", "duckdb"), "singer": ("singer-sdk[msgspec]", "target-duckdb")}


@dataclass(frozen=True, kw_only=True)
class Measured:
    """CPU and wall in seconds, peak in MB; said: what the subject reported."""

    cpu: float
    wall: float
    peak: float
    said: Mapping[str, Any]


def measure(command: list[str]) -> Measured:
    """Run a subject to its end. Raises RuntimeError with what it printed when it fails."""
    started, peak = time.monotonic(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=PROJECT,
                               env={**os.environ, "PYTHONPATH": str(PROJECT), "PYTHONHASHSEED": "0"})
    ended = threading.Event()

    def watch() -> None:
        nonlocal peak
        while not ended.wait(0.05):
            peak = max(peak, sum(map(resident, family(process.pid))))

    watcher = threading.Thread(target=watch)
    watcher.start()
    assert process.stdout is not None and process.stderr is not None
    errors: list[str] = []
    reader = threading.Thread(target=lambda: errors.append(process.stderr.read()))      # type: ignore[union-attr]
    reader.start()
    printed = process.stdout.read()
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    ended.set()
    watcher.join()
    reader.join()
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}:\n{printed}\n{errors}")
    return Measured(cpu=used.ru_utime + used.ru_stime, wall=time.monotonic() - started, peak=peak, said=json.loads(printed.splitlines()[-1]) if printed else {})


def family(pid: int) -> Iterator[int]:
    """A process and all below it."""
    yield pid
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    except OSError:
        return
    for child in children:
        yield from family(int(child))


def resident(pid: int) -> float:
    """MB of memory that a process holds; what it shares with others is counted in each."""
    try:
        return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, IndexError):
        return 0.0


@contextmanager
def served(folder: Path, rows: int) -> Iterator[tuple[str, Path]]:
    """(address, folder) of the server of so many tickets."""
    pages = folder / f"pages-{rows}"
    if not (pages / "pages.index").exists():
        ticket_pages.write(pages, rows)
    server = subprocess.Popen([sys.executable, "-m", "tests.benchmarks.ticket_pages", str(pages)], stdout=subprocess.PIPE, text=True, cwd=PROJECT)
    try:
        assert server.stdout is not None
        yield server.stdout.readline().strip(), pages
    finally:
        server.terminate()
        server.wait()


def subjects(folder: Path, url: str, pages: Path, *, search: bool) -> dict[str, list[str]]:
    """name -> the command that does it, ours first."""
    ours = [sys.executable, "-m", "tests.benchmarks.ticket_desk", str(folder / "home"), url]
    limits = [sys.executable, "-m", "tests.benchmarks.extract_limits"]
    asked = {name: ("dlt", how) for name, how in TRIED.items()} if search else {"dlt, defaults": ("dlt", {}), "dlt, fastest": ("dlt", FASTEST), **SCRIPTS}
    peers = {name: [python_with(folder / peer, PACKAGES[peer]), str(PROJECT / f"tests/benchmarks/{peer}_peer.py"), str(folder / "peer"), url, json.dumps(how)]
             for name, (peer, how) in asked.items()}
    return {"ours": ours, "ours, nothing hashed": [*ours, "--personal", "keep"], "ours, checked too": [*ours, "--check"], **peers, "fetched, thrown away": [*limits, "fetch", url],
            "read_json from disk": [*limits, "read", str(pages / "tickets.jsonl")]}


def compare(folder: Path, *, rows: int, runs: int, search: bool, leave_out: Collection[str]) -> None:
    with served(folder, FEW) as (few_url, few_pages), served(folder, rows) as (url, pages):
        measure([sys.executable, "-m", "tests.benchmarks.ticket_desk", str(folder / "home"), url, "--prepare"])
        commands, small = subjects(folder, url, pages, search=search), subjects(folder, few_url, few_pages, search=search)
        lived: dict[str, list[tuple[Measured, Measured]]] = {name: [] for name in commands if name not in leave_out}
        for _ in range(runs):
            for name, turns in lived.items():
                turns.append((measure(small[name]), measure(commands[name])))
            agree({name: turns[-1][1] for name, turns in lived.items()}, rows)
    print(f"{rows:,} tickets of {(pages / 'tickets.jsonl').stat().st_size / rows:.0f} bytes; {time.strftime('%Y-%m-%d')}, {os.cpu_count()} cores, "
          f"Python {sys.version.split()[0]}, {versions(lived)}; medians of {runs}")
    print(f"{'':<24}{'CPU s':>9}{'of it start':>13}{'rows per CPU s':>16}{'ours, x':>9}{'wall s':>9}{'peak MB':>9}")

    def per_row(turn: tuple[Measured, Measured]) -> float:
        return (turn[1].cpu - turn[0].cpu) / (rows - FEW)

    for name, turns in lived.items():
        ratio = statistics.median(per_row(turn) / per_row(mine) for turn, mine in zip(turns, lived["ours"], strict=True))
        print(f"{name:<24}{median(turn[1].cpu for turn in turns):>9.2f}{median(turn[0].cpu for turn in turns):>13.2f}"
              f"{1 / median(map(per_row, turns)):>16,.0f}{ratio:>9.2f}{median(turn[1].wall for turn in turns):>9.1f}{median(turn[1].peak for turn in turns):>9.0f}")
    for name in (name for name in lived if name.startswith("ours")):
        steps = {step: median(turn[1].said["steps"][step] - turn[0].said["steps"][step] for turn in lived[name]) for step in lived[name][0][1].said["steps"]}
        print(f"{name}, CPU seconds above start: " + ", ".join(f"{step} {seconds:.2f}" for step, seconds in steps.items() if step != "start"))


def median(values: Any) -> float:
    return float(statistics.median(values))


def agree(found: Mapping[str, Measured], rows: int) -> None:
    """Raises AssertionError unless everybody loaded all rows, and the same values."""
    wrong = {name: one.said for name, one in found.items() if one.said["rows"] != rows}
    sums = {tuple(one.said["checksum"]) for one in found.values() if one.said["checksum"]}
    assert not wrong and len(sums) == 1, (wrong, sums)


def versions(lived: Mapping[str, list[tuple[Measured, Measured]]]) -> str:
    """The libraries that subjects said they are."""
    said = [turns[0][1].said["versions"] for turns in lived.values() if "versions" in turns[0][1].said]
    return ", ".join(sorted({f"{library} {version}" for one in said for library, version in one.items()}))


def flat(folder: Path, sizes: Sequence[int], memory: str) -> None:
    """Peak memory of ours, by number of rows."""
    for rows in sizes:
        with served(folder, rows) as (url, _):
            command = [sys.executable, "-m", "tests.benchmarks.ticket_desk", str(folder / "home"), url, "--memory", memory]
            measure([*command, "--prepare"])
            found = measure(command)
            assert found.said["rows"] == rows
            steps = ", ".join(f"{step} {seconds:.1f}" for step, seconds in found.said["steps"].items())
            print(f"{rows:>9,} tickets: peak {found.peak:.0f} MB, by step {found.said['peaks']}; CPU seconds {found.cpu:.1f} ({steps})", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--leave-out", nargs="*", default=(), metavar="SUBJECT", help='"dlt, defaults" needs 15 GB for a million rows')
    parser.add_argument("--flat", nargs="+", type=int, default=(), metavar="ROWS")
    parser.add_argument("--memory", default="2GB", help="with --flat: what DuckDB may hold in a build")
    parser.add_argument("--search", action="store_true")
    parser.add_argument("--work", type=Path, default=PROJECT / "var" / "benchmark", help="where pages, databases and the peers' environments rest")
    asked = parser.parse_args()
    asked.work.mkdir(parents=True, exist_ok=True)
    if asked.flat:
        flat(asked.work.resolve(), asked.flat, asked.memory)
    else:
        compare(asked.work.resolve(), rows=asked.rows, runs=asked.runs, search=asked.search, leave_out=asked.leave_out)


if __name__ == "__main__":
    main()
